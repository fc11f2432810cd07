//===- linear.cu - matrix products ----------------------------------------===//
//
// Linear layers as cuBLASLt products (gemm.h), and the sum of a matrix's rows in two
// levels: blocks of rows into the workspace, then the blocks in order, so that the bits
// depend only on the shape and the device.
//
//===----------------------------------------------------------------------===//

#include "gemm.h"
#include "peft/runtime/cuda/launch.h"
#include "peft/runtime/cuda/vector.h"
#include "peft/runtime/kernels.h"

#include <algorithm>

namespace peft::rt {
namespace {

//===--- Column sums -------------------------------------------------------===//

constexpr int lanes = 32;    ///< threads of a block along a row
constexpr int rowLanes = 8;  ///< rows that a block reads at a time
constexpr int leastRows = 4; ///< that each thread of a block adds, or the second level costs more

/// to[chunk, c] (+)= the sum of dy[r, c] over the chunk's rows. A thread takes V neighbouring columns.
template <class T, int V>
__global__ void sumChunk(float *to, bool add, const T *dy, int64_t rows, int64_t cols, int64_t pitch,
                         int64_t chunkRows) {
  __shared__ float sums[rowLanes][lanes * V];
  const int64_t column = (int64_t(blockIdx.x) * lanes + threadIdx.x) * V;
  const int64_t begin = blockIdx.y * chunkRows, end = min(rows, begin + chunkRows);
  float sum[V] = {};
  if (column < cols) {
#pragma unroll 4
    for (int64_t row = begin + threadIdx.y; row < end; row += rowLanes) {
      const auto values = Pack<T, V>::load(dy + row * pitch + column);
#pragma unroll
      for (int v = 0; v < V; ++v)
        sum[v] += values[v];
    }
  }
#pragma unroll
  for (int v = 0; v < V; ++v)
    sums[threadIdx.y][v * lanes + threadIdx.x] = sum[v];
  __syncthreads();
  if (threadIdx.y || column >= cols)
    return;
  for (int v = 0; v < V; ++v) {
    float total = 0;
    for (int i = 0; i < rowLanes; ++i)
      total += sums[i][v * lanes + threadIdx.x];
    float &result = to[blockIdx.y * cols + column + v];
    result = add ? result + total : total;
  }
}

/// sum[c] += parts[0, c] + parts[1, c] + ...
__global__ void addChunks(float *sum, const float *parts, int64_t chunks, int64_t cols) {
  const int64_t column = threadNumber();
  if (column >= cols)
    return;
  float total = 0;
#pragma unroll 8
  for (int64_t chunk = 0; chunk < chunks; ++chunk)
    total += parts[chunk * cols + column];
  sum[column] += total;
}

template <class T, int V> void sumRows(const Context &ctx, Tensor<float> sum, Tensor<const T> dy) {
  const CudaContext &cuda = cudaOf(ctx);
  const int64_t rows = dy.rows(), cols = dy.cols();
  const int64_t blocks = divideUp(cols, lanes * V);
  // Enough chunks to fill the device four times over, if the rows and the workspace give them.
  const int64_t wanted = std::max<int64_t>(1, 4 * cuda.multiprocessors / blocks);
  const int64_t useful = divideUp(rows, rowLanes * leastRows);
  const int64_t room = int64_t(cuda.workspaceBytes / (cols * sizeof(float)));
  const int64_t chunkRows = divideUp(rows, std::max<int64_t>(1, std::min({wanted, useful, room})));
  const int64_t chunks = divideUp(rows, chunkRows);
  float *parts = chunks > 1 ? reinterpret_cast<float *>(cuda.workspace) : sum.data;
  sumChunk<T, V><<<dim3(unsigned(blocks), unsigned(chunks)), dim3(lanes, rowLanes), 0, cuda.stream>>>(
      parts, chunks == 1, dy.data, rows, cols, dy.rowStride(), chunkRows);
  launched(ctx, "sum_rows");
  if (chunks > 1)
    launch(ctx, "sum_rows", blocksFor(cols), blockThreads, addChunks, sum.data, parts, chunks, cols);
}

} // namespace

template <class T>
void linear(const Context &ctx, Tensor<T> y, Tensor<const T> x, Tensor<const T> w, Tensor<const T> bias,
            bool transposed, float alpha) {
  run(ctx, linearGemm<T>(y, x, w, bias.data, transposed, alpha, {}));
}

template <class T>
void linear_add(const Context &ctx, Tensor<T> y, Tensor<const T> acc, Tensor<const T> x, Tensor<const T> w,
                bool transposed, float alpha) {
  run(ctx, linearGemm<T>(y, x, w, nullptr, transposed, alpha, acc));
}

template <class T>
void linear_weight_grad(const Context &ctx, Tensor<float> sum, Tensor<const T> dy, Tensor<const T> x,
                        float alpha) {
  run(ctx, weightGradGemm(sum, dy, x, alpha));
}

template <class T> void sum_rows(const Context &ctx, Tensor<float> sum, Tensor<const T> dy) {
  if (!dy.size())
    return;
  if (dy.cols() % wide<T> == 0 && isWide(dy))
    sumRows<T, wide<T>>(ctx, sum, dy);
  else
    sumRows<T, 1>(ctx, sum, dy);
}

#define INSTANTIATE(T)                                                                                       \
  template void linear(const Context &, Tensor<T>, Tensor<const T>, Tensor<const T>, Tensor<const T>, bool,  \
                       float);                                                                               \
  template void linear_add(const Context &, Tensor<T>, Tensor<const T>, Tensor<const T>, Tensor<const T>,    \
                           bool, float);                                                                     \
  template void linear_weight_grad(const Context &, Tensor<float>, Tensor<const T>, Tensor<const T>, float); \
  template void sum_rows(const Context &, Tensor<float>, Tensor<const T>);
INSTANTIATE(float)
INSTANTIATE(bf16)

} // namespace peft::rt
