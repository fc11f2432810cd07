//===- map_weight_grads.cu - sums of blocks, added up ---------------------===//

#include "peft/runtime/map_weight_grads.h"

#include "check.h"

#include <algorithm>

namespace peft::rt::detail {
namespace {

struct Finish {
  float *grad; ///< element (column c, j) at c * row + j * column; null if the result has none
  int64_t row, column;
  int rank;
  float scale;
};
struct FinishAll {
  Finish results[mostResults];
  const float *partial;
  int splits, grads, cols;
};

/// Blocks along y are gradients; a thread is an element of one.
__global__ void __launch_bounds__(blockThreads) finishKernel(const __grid_constant__ FinishAll all) {
  const int part = int(blockIdx.y), i = int(threadNumber()), c = i % all.cols, j = i / all.cols;
  int grad = 0;
#pragma unroll
  for (int r = 0; r < mostResults; ++r) {
    const Finish &to = all.results[r];
    if (!to.grad || grad++ != part || j >= to.rank)
      continue;
    const float *from = all.partial + (int64_t(part) * thinColumns + j) * all.cols + c;
    float sum = 0;
#pragma unroll 8
    for (int split = 0; split < all.splits; ++split) // asked for before the first is added
      sum += from[split * int64_t(all.grads) * thinColumns * all.cols];
    to.grad[c * to.row + j * to.column] += to.scale * sum;
  }
}

/// Into how many parts the rows are cut, so that the last round of `slots` blocks is about as full as the
/// others. Each part costs `partial` of the whole, for sums that are written and read.
int64_t bestSplits(int64_t chunks, int64_t slots, int64_t most, double partial) {
  auto cost = [&](int64_t splits) {
    return double(divideUp(chunks * splits, slots)) / double(splits) * (1 + partial * double(splits));
  };
  int64_t best = 1;
  for (int64_t splits = 2; splits <= most; ++splits)
    if (cost(splits) < cost(best))
      best = splits;
  return best;
}

} // namespace

int gradShared(int warps, int operands, int grads) {
  return stages * operands * 2 * warps * 32 * int(sizeof(uint4)) +
         ((stages + 1) * grads * thinTile + warps * turnTile) * int(sizeof(bf16));
}

GradPlan planGrads(const peft_context_t &ctx, int64_t rows, int64_t cols, int operands, int grads) {
  const CudaContext &cuda = cudaOf(ctx);
  int device = 0, most = 0;
  cudaGetDevice(&device);
  cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
  GradPlan plan{};
  for (int warps : {16, 8})
    if (!plan.warps && gradShared(warps, operands, grads) <= most)
      plan.warps = warps;
  const int64_t perSplit = int64_t(grads) * thinColumns * cols * int64_t(sizeof(float)),
                room = int64_t(cuda.workspaceBytes) / perSplit;
  if (!plan.warps || !room) {
    fail(ctx, "map_weight_grads: " + std::to_string(cols) + " columns want a workspace of " +
                  std::to_string(perSplit) + " bytes, there are " + std::to_string(cuda.workspaceBytes) +
                  "; or shared memory of " + std::to_string(gradShared(8, operands, grads)) +
                  " bytes, of which the card has " + std::to_string(most));
    plan.warps = 0;
    return plan;
  }
  plan.chunks = divideUp(cols, plan.warps * warpColumns);
  // A part's sums are written and read in float, the operands and about as many results in bf16.
  const double partial =
      double(grads) * thinColumns * 2 * sizeof(float) / (2.0 * operands * sizeof(bf16) * double(rows));
  plan.splits = bestSplits(plan.chunks, int64_t(cuda.multiprocessors) * (16 / plan.warps),
                           std::min({room, divideUp(rows, stepRows), int64_t(64)}), partial);
  plan.splitRows = divideUp(divideUp(rows, plan.splits), stepRows) * stepRows;
  plan.partial = reinterpret_cast<float *>(cuda.workspace);
  return plan;
}

void finishGrads(const peft_context_t &ctx, const GradPlan &plan, const WeightGrad (&sums)[mostResults],
                 int64_t cols) {
  FinishAll all{{}, plan.partial, int(plan.splits), 0, int(cols)};
  for (int r = 0; r < mostResults; ++r)
    if (const WeightGrad &sum = sums[r]; sum.grad) {
      const bool byColumn = sum.grad.rows() == cols; // [cols, r]
      const int64_t pitch = sum.grad.rowStride();
      all.results[r] = {sum.grad.data, byColumn ? pitch : 1, byColumn ? 1 : pitch, int(sum.thin.cols()),
                        sum.scale};
      ++all.grads;
    }
  launch(ctx, "map_weight_grads", dim3(blocksFor(cols * thinColumns).x, unsigned(all.grads)), blockThreads,
         finishKernel, all);
}

} // namespace peft::rt::detail
