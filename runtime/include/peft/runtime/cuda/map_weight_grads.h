//===- map_weight_grads.h - maps that sum over rows, on tensor cores ------===//
//
// A block has `Warps` x 32 columns and goes down some rows, 16 at a time; a warp has 32 of the columns. A
// lane's elements are eight neighbouring columns, 8 (lane % 4), of rows lane / 4 and lane / 4 + 8:
// 16 bytes of each operand, which are asked for two steps ahead.
//
// By way of a tile in shared memory a step's rounded results are the right operand of a product over
// its rows, whose left one is the thin tensor's: a sum stays in registers until the last row. What blocks
// have left in the workspace is added by a second kernel (cuda/map_weight_grads.cu), always in one order.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CUDA_MAP_WEIGHT_GRADS_H
#define PEFT_RUNTIME_CUDA_MAP_WEIGHT_GRADS_H

#include "peft/runtime/cuda/launch.h"
#include "peft/runtime/cuda/mma.h"
#include "peft/runtime/cuda/vector.h"

namespace peft::rt::detail {

constexpr int mostResults = 3;
constexpr int stepRows = 16, warpColumns = 32;
constexpr int stages = 2; ///< steps whose operands are on their way
constexpr int thinStride = thinColumns + 8, turnStride = warpColumns + 8;
constexpr int thinTile = stepRows * thinStride, turnTile = stepRows * turnStride;

/// How a problem is cut.
struct GradPlan {
  int warps;      ///< of a block; 0 if the card has too little shared memory, or the workspace is too small
  int64_t chunks; ///< of columns
  int64_t splits; ///< of rows
  int64_t splitRows; ///< multiple of stepRows
  float *partial;    ///< sums [splits, grads, 16, cols]
};
GradPlan planGrads(const peft_context_t &, int64_t rows, int64_t cols, int operands, int grads);
/// Bytes of shared memory of a block.
int gradShared(int warps, int operands, int grads);
/// Adds up what the blocks have left.
void finishGrads(const peft_context_t &, const GradPlan &, const WeightGrad (&)[mostResults], int64_t cols);

struct Thin {
  const bf16 *data;
  int64_t pitch;
  int rank;
};

/// What the kernel is called with; thins in the order of the results that have one.
template <int R, int X> struct GradCall {
  const bf16 *x[X];
  int64_t xPitch[X];
  bf16 *store[R];
  int64_t storePitch[R];
  Thin thin[R];
  bool wideThins; ///< rows of all thins are whole pieces of 16 bytes
  int rows, cols, splitRows;
  float *partial;
};

template <auto Body, class Values, size_t... I>
__device__ auto applyBody(const Values &x, int e, std::index_sequence<I...>) {
  return Body(x[I][e]...);
}

/// f(number) for each of the results, as a constant.
template <class F, int... R> __device__ void forEach(std::integer_sequence<int, R...>, const F &f) {
  (..., f(std::integral_constant<int, R>()));
}

/// A step's rows of a thin tensor whose rows are no whole vectors, and zeros behind them.
__device__ inline void loadThin(bf16 *to, const Thin &thin, int first, int end) {
  const int row = int(threadIdx.x) / thinColumns, j = int(threadIdx.x) % thinColumns;
  if (row < stepRows)
    to[row * thinStride + j] =
        first + row < end && j < thin.rank ? thin.data[int64_t(first + row) * thin.pitch + j] : bf16{0};
}

template <auto Body, int Stored, int Grad, int R, int X, int Warps>
__global__ void __launch_bounds__(Warps * 32, 16 / Warps)
    mapWeightGradsKernel(const __grid_constant__ GradCall<R, X> call) {
  using namespace tensor_cores;
  constexpr int threads = Warps * 32, grads = countBits(Grad);
  constexpr std::make_integer_sequence<int, R> results;
  const int thread = int(threadIdx.x), lane = thread % 32, warp = thread / 32, group = lane / 4,
            quad = lane % 4;
  const int firstColumn = (int(blockIdx.x) * Warps + warp) * warpColumns, column = firstColumn + quad * 8;
  const int begin = int(blockIdx.y) * call.splitRows, end = min(begin + call.splitRows, call.rows);
  const bool inside = column < call.cols;

  extern __shared__ uint4 shared[];
  uint4 *slots = shared;                                                    // [stages][X][2][threads]
  bf16 *thins = reinterpret_cast<bf16 *>(slots + stages * X * 2 * threads); // [stages + 1][grads][thinTile]
  bf16 *turn = thins + (stages + 1) * grads * thinTile + warp * turnTile;   // [Warps][turnTile]

  // A step's operands and thin rows. A thread asks for its own elements, a warp for one of the thins.
  const bf16 *next[X];
#pragma unroll
  for (int i = 0; i < X; ++i)
    next[i] = call.x[i] + int64_t(begin + group) * call.xPitch[i] + column;
  const Thin &thin = call.thin[warp < grads ? warp : 0];
  const int thinRow = lane / 2, thinColumn = lane % 2 * 8;
  const bool asksThin = warp < grads && call.wideThins;
  const bf16 *nextThin = thin.data + int64_t(begin + thinRow) * thin.pitch + thinColumn;
  auto ask = [&](int first, int stage, int thinStage) {
#pragma unroll
    for (int i = 0; i < X; ++i) {
#pragma unroll
      for (int half = 0; half < 2; ++half)
        copy16(slots + ((stage * X + i) * 2 + half) * threads + thread, next[i] + half * 8 * call.xPitch[i],
               inside && first + half * 8 + group < end);
      next[i] += stepRows * call.xPitch[i];
    }
    if (asksThin) {
      copy16(thins + (thinStage * grads + warp) * thinTile + thinRow * thinStride + thinColumn, nextThin,
             thinColumn < thin.rank && first + thinRow < end);
      nextThin += stepRows * thin.pitch;
    }
    if (!call.wideThins)
      for (int g = 0; g < grads; ++g)
        loadThin(thins + (thinStage * grads + g) * thinTile, call.thin[g], first, end);
  };
  for (int step = 0; step < stages; ++step) {
    if (begin + step * stepRows < end)
      ask(begin + step * stepRows, step, step);
    endCopies();
  }

  float sums[grads][warpColumns / 8][4] = {};
  int stage = 0, thinStage = 0;
  for (int first = begin; first < end; first += stepRows, stage ^= 1) {
    waitForGroups<stages - 1>();
    Pack<bf16, 8> x[2][X];
#pragma unroll
    for (int i = 0; i < X; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half)
        x[half][i] = Pack<bf16, 8>::load(
            reinterpret_cast<const bf16 *>(slots + ((stage * X + i) * 2 + half) * threads + thread));
    __syncthreads(); // the thin rows are there
    if (first + stages * stepRows < end)
      ask(first + stages * stepRows, stage, thinStage ? thinStage - 1 : stages);
    endCopies();

    uint32_t packs[R][2][4];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = first + half * 8 + group;
      const bool present = inside && row < end;
      float values[R][8];
#pragma unroll
      for (int e = 0; e < 8; ++e) {
        const auto all = applyBody<Body>(x[half], e, std::make_index_sequence<X>());
        forEach(results, [&](auto number) {
          constexpr int r = decltype(number)::value;
          values[r][e] = resultOf<r>(all);
        });
      }
      forEach(results, [&](auto number) {
        constexpr int r = decltype(number)::value;
        const Pack<bf16, 8> pack = Pack<bf16, 8>::of(values[r]);
        if ((Stored >> r & 1) && present)
          pack.store(call.store[r] + row * call.storePitch[r] + column);
#pragma unroll
        for (int p = 0; p < 4; ++p)
          packs[r][half][p] = present ? pack.word[p] : 0; // infinity times a thin row of zeros is no zero
      });
    }

    uint32_t left[grads][4];
#pragma unroll
    for (int g = 0; g < grads; ++g)
      loadMatricesTransposed(left[g], thins + (thinStage * grads + g) * thinTile +
                                          (lane / 16 * 8 + lane % 8) * thinStride + lane / 8 % 2 * 8);
    forEach(results, [&](auto number) {
      constexpr int r = decltype(number)::value, g = bitsBelow(Grad, r);
      if constexpr (Grad >> r & 1) {
        __syncwarp(); // the last result has been read
#pragma unroll
        for (int half = 0; half < 2; ++half)
          *reinterpret_cast<uint4 *>(turn + (half * 8 + group) * turnStride + quad * 8) =
              make_uint4(packs[r][half][0], packs[r][half][1], packs[r][half][2], packs[r][half][3]);
        __syncwarp();
        uint32_t right[2][4];
#pragma unroll
        for (int p = 0; p < 2; ++p)
          loadMatricesTransposed(right[p], turn + lane % 16 * turnStride + p * 16 + lane / 16 * 8);
#pragma unroll
        for (int p = 0; p < 4; ++p)
          multiply(sums[g][p], left[g], right[p / 2][p % 2 * 2], right[p / 2][p % 2 * 2 + 1]);
      }
    });
    thinStage = thinStage == stages ? 0 : thinStage + 1;
  }
#pragma unroll
  for (int g = 0; g < grads; ++g)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int64_t row = (int64_t(blockIdx.y) * grads + g) * thinColumns + group + half * 8;
#pragma unroll
      for (int p = 0; p < 4; ++p)
        if (firstColumn + p * 8 < call.cols)
          *reinterpret_cast<float2 *>(call.partial + row * call.cols + firstColumn + p * 8 + quad * 2) =
              make_float2(sums[g][p][2 * half], sums[g][p][2 * half + 1]);
    }
}

template <auto Body, int Stored, int Grad, int Warps, int R, int X>
void launchMapWeightGrads(const peft_context_t &ctx, const GradPlan &plan, const GradCall<R, X> &call) {
  auto *kernel = mapWeightGradsKernel<Body, Stored, Grad, R, X, Warps>;
  const int bytes = gradShared(Warps, X, countBits(Grad));
  cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
  kernel<<<dim3(unsigned(plan.chunks), unsigned(plan.splits)), Warps * 32, size_t(bytes), streamOf(ctx)>>>(
      call);
  launched(ctx, "map_weight_grads");
}

template <auto Body, int Stored, int Grad, int R, int X>
void runMapWeightGrads(const peft_context_t &ctx, const Tensor<bf16> (&results)[R],
                       const WeightGrad (&sums)[R], const Tensor<const bf16> (&x)[X]) {
  static_assert(R <= mostResults && Grad, "more than a thread's registers hold, or a map");
  static_assert(stages == 2, "stage is 0 or 1");
  const int64_t rows = x[0].rows(), cols = x[0].cols();
  const GradPlan plan = planGrads(ctx, rows, cols, X, countBits(Grad));
  if (!plan.warps)
    return; // it has kept why
  GradCall<R, X> call{};
  call.rows = int(rows), call.cols = int(cols), call.splitRows = int(plan.splitRows);
  call.partial = plan.partial;
  for (int i = 0; i < X; ++i)
    call.x[i] = x[i].data, call.xPitch[i] = x[i].rowStride();
  WeightGrad all[mostResults];
  int grads = 0;
  call.wideThins = true;
  for (int r = 0; r < R; ++r) {
    call.store[r] = results[r].data, call.storePitch[r] = results[r].rowStride();
    all[r] = sums[r];
    if (const Tensor<const bf16> &thin = sums[r].thin) {
      call.thin[grads++] = {thin.data, thin.rowStride(), int(thin.cols())};
      call.wideThins = call.wideThins && thin.cols() % 8 == 0 && isWide(thin) && thin.rowStride() % 8 == 0;
    }
  }
  plan.warps == 16 ? launchMapWeightGrads<Body, Stored, Grad, 16>(ctx, plan, call)
                   : launchMapWeightGrads<Body, Stored, Grad, 8>(ctx, plan, call);
  finishGrads(ctx, plan, all, cols);
}

} // namespace peft::rt::detail

#endif // PEFT_RUNTIME_CUDA_MAP_WEIGHT_GRADS_H
