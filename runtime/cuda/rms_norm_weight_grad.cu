//===- rms_norm_weight_grad.cu - the gradient of a norm's weight ----------===//
//
// dw = the sum over rows of dy * x * r, in two levels: each group of threads adds its run
// of rows to one partial sum in the workspace, then the partial sums are added in order.
//
//===----------------------------------------------------------------------===//

#include "group_rows.h"
#include "peft/runtime/kernels.h"
#include "reduce.h"
#include "row_cache.h"
#include "scratch.h"

namespace peft::rt {
namespace {

/// parts[group, c] = the sum of dy * x * r over the group's rows.
template <class T, int N, int K>
__global__ void __launch_bounds__(512)
    partsKernel(float *parts, Rows<const T> dy, Rows<const T> x, GroupRows rows, int64_t rowsOfGroup,
                RowShape shape, float eps) {
  __shared__ float shared[512 / 32];
  const int lanes = shape.lanes, lane = int(threadIdx.x) & (lanes - 1);
  const int64_t group = threadNumber() / lanes;
  float *part = parts + group * shape.n;
  float kept[K > 0 ? K * N : 1] = {};
  if constexpr (K == 0)
    for (int c = lane; c < shape.n; c += lanes)
      part[c] = 0;
  __syncthreads(); // of K == 0: another lane's pack covers these columns
  for (int64_t i = 0; i < rowsOfGroup; ++i) {
    const int row = int(group * rowsOfGroup + i);
    const int n = row < rows.count ? shape.n : 0; // every thread takes part in the barriers of each sum
    const GroupPlace place = rows.place(row);
    CachedRow<T, N, K> keptX(place.in(x), n, lane, lanes), keptDy(place.in(dy), n, lane, lanes);
    float sums[1] = {};
    forColumns<N, K>(n, lane, lanes, [&](int k, int c) {
      const Pack<T, N> values = keptX.at(k, c);
#pragma unroll
      for (int j = 0; j < N; ++j)
        sums[0] += values[j] * values[j];
    });
    groupSum(sums, lanes, shared);
    const float r = 1.0f / sqrtf(sums[0] / float(shape.n) + eps);
    forColumns<N, K>(n, lane, lanes, [&](int k, int c) {
      const Pack<T, N> values = keptX.at(k, c), slopes = keptDy.at(k, c);
#pragma unroll
      for (int j = 0; j < N; ++j) {
        if constexpr (K > 0)
          kept[k * N + j] += slopes[j] * (values[j] * r);
        else
          part[c + j] += slopes[j] * (values[j] * r);
      }
    });
  }
  if constexpr (K > 0)
    forColumns<N, K>(shape.n, lane, lanes, [&](int k, int c) {
#pragma unroll
      for (int j = 0; j < N; ++j)
        part[c + j] = kept[k * N + j];
    });
}

constexpr int columnLanes = 32, partLanes = 32;

/// sum[c] += parts[0, c] + ...: a block adds 32 columns, each thread every 32nd part.
__global__ void __launch_bounds__(columnLanes *partLanes)
    addParts(float *sum, const float *parts, int64_t count, int64_t n) {
  __shared__ float sums[partLanes][columnLanes + 1];
  const int64_t column = int64_t(blockIdx.x) * columnLanes + threadIdx.x % columnLanes;
  const int first = int(threadIdx.x) / columnLanes;
  float total = 0;
  if (column < n)
#pragma unroll 4
    for (int64_t part = first; part < count; part += partLanes)
      total += parts[part * n + column];
  sums[first][threadIdx.x % columnLanes] = total;
  __syncthreads();
  if (first || column >= n)
    return;
  for (int other = 1; other < partLanes; ++other)
    total += sums[other][threadIdx.x];
  sum[column] += total;
}

} // namespace

template <class T>
void rms_norm_weight_grad(const Context &ctx, Tensor<float> sum, Tensor<const T> dy, Tensor<const T> x,
                          double eps) {
  const CudaContext &cuda = cudaOf(ctx);
  const int64_t n = sum.size(), rows = x.size() / n;
  const Layout<T> layout(x, n, dy);
  withRowShape<T>(n, isWide(dy) && isWide(x), [&](RowShape shape, auto N, auto K) {
    // Blocks that fill the device twice, if the rows and the workspace give them.
    const int64_t room = int64_t(cuda.workspaceBytes / sizeof(float)) / n / shape.groups();
    const int64_t most = std::min<int64_t>(room, divideUp(rows, shape.groups()));
    const int64_t blocks = std::max<int64_t>(1, std::min<int64_t>(2 * cuda.multiprocessors, most));
    const int64_t groups = blocks * shape.groups();
    auto *parts =
        static_cast<float *>(scratch(ctx, "rms_norm_weight_grad", uint64_t(groups * n) * sizeof(float)));
    if (!parts)
      return;
    launch(ctx, "rms_norm_weight_grad", dim3(unsigned(blocks)), shape.threads(), partsKernel<T, N, K>, parts,
           layout(dy), layout(x), layout.rows, divideUp(rows, groups), shape, float(eps));
    launch(ctx, "rms_norm_weight_grad", blocksFor(n, columnLanes), columnLanes * partLanes, addParts,
           sum.data, parts, groups, n);
  });
}

template void rms_norm_weight_grad(const Context &, Tensor<float>, Tensor<const float>, Tensor<const float>,
                                   double);
template void rms_norm_weight_grad(const Context &, Tensor<float>, Tensor<const bf16>, Tensor<const bf16>,
                                   double);

} // namespace peft::rt
