//===- cross_entropy.cu - the loss and its gradient -----------------------===//
//
// A block a row. The sum of exponentials is formed in one pass: it is scaled down when a
// larger value is met. Rows of a vocabulary that is not a multiple of 8 begin anywhere:
// the walk starts at the first address that is a multiple of 16.
//
//===----------------------------------------------------------------------===//

#include "context.h"
#include "peft/runtime/cuda/launch.h"
#include "peft/runtime/cuda/vector.h"
#include "peft/runtime/kernels.h"
#include "peft/runtime/math.h"
#include "reduce.h"

#include <algorithm>
#include <cfloat>

namespace peft::rt {
namespace {

constexpr int rowThreads = 512;
constexpr int lossThreads = 1024;

/// f(c, pack) for all n elements from `row` on, each in one thread of the block.
template <class T, class F> __device__ void walk(const T *row, int64_t n, F f) {
  constexpr int width = wide<T>, inFlight = 4;
  const int64_t misaligned = int64_t(reinterpret_cast<uintptr_t>(row) % 16 / sizeof(T));
  const int64_t head = min(n, misaligned ? width - misaligned : 0);
  const int64_t packs = (n - head) / width, tail = head + packs * width;
  for (int64_t c = threadIdx.x; c < head; c += blockDim.x)
    f(c, Pack<T, 1>::load(row + c));
  for (int64_t first = threadIdx.x; first < packs; first += inFlight * blockDim.x) {
    Pack<T, width> kept[inFlight];
#pragma unroll
    for (int i = 0; i < inFlight; ++i)
      if (first + i * blockDim.x < packs)
        kept[i] = Pack<T, width>::load(row + head + (first + i * blockDim.x) * width);
#pragma unroll
    for (int i = 0; i < inFlight; ++i)
      if (first + i * blockDim.x < packs)
        f(head + (first + i * blockDim.x) * width, kept[i]);
  }
  for (int64_t c = tail + threadIdx.x; c < n; c += blockDim.x)
    f(c, Pack<T, 1>::load(row + c));
}

/// Sum of exp(value - maximum). -FLT_MAX and not infinity before the first value: the
/// difference of two infinities is NaN.
struct ExpSum {
  float maximum = -FLT_MAX, sum = 0;

  template <class T, int N> __device__ void add(const Pack<T, N> &values) {
    float largest = values[0];
#pragma unroll
    for (int i = 1; i < N; ++i)
      largest = values[i] > largest ? values[i] : largest;
    raise(largest);
#pragma unroll
    for (int i = 0; i < N; ++i)
      sum += exp_(values[i] - maximum);
  }
  __device__ void add(ExpSum other) {
    raise(other.maximum);
    sum += other.sum * exp_(other.maximum - maximum);
  }

private:
  __device__ void raise(float to) {
    if (to > maximum) {
      sum *= exp_(maximum - to);
      maximum = to;
    }
  }
};

/// Of the block, in thread 0.
__device__ ExpSum blockTotal(ExpSum mine) {
  __shared__ float maxima[rowThreads / 32], sums[rowThreads / 32];
  for (int offset = 16; offset; offset /= 2) {
    const float maximum = __shfl_xor_sync(~0u, mine.maximum, offset), sum = __shfl_xor_sync(~0u, mine.sum, offset);
    mine.add(ExpSum{maximum, sum});
  }
  if (threadIdx.x % 32 == 0) {
    maxima[threadIdx.x / 32] = mine.maximum;
    sums[threadIdx.x / 32] = mine.sum;
  }
  __syncthreads();
  if (threadIdx.x == 0)
    for (int warp = 1; warp < rowThreads / 32; ++warp)
      mine.add(ExpSum{maxima[warp], sums[warp]});
  return mine;
}

template <class T>
__global__ void __launch_bounds__(rowThreads)
    logSumExpKernel(float *lse, const T *logits, const int32_t *targets, int64_t vocab) {
  const int64_t row = blockIdx.x;
  if (targets[row] == -100) {
    if (threadIdx.x == 0)
      lse[row] = 0;
    return;
  }
  ExpSum mine;
  walk(logits + row * vocab, vocab, [&](int64_t, const auto &values) { mine.add(values); });
  const ExpSum total = blockTotal(mine);
  if (threadIdx.x == 0)
    lse[row] = total.maximum + logf(total.sum);
}

/// *sum += lse - the target's logit, over the rows with a target, in double as on the CPU.
template <class T>
__global__ void __launch_bounds__(lossThreads)
    lossKernel(float *sum, const float *lse, const T *logits, const int32_t *targets, int64_t rows, int64_t vocab) {
  __shared__ double perWarp[lossThreads / 32];
  double loss = 0;
  for (int64_t row = threadIdx.x; row < rows; row += lossThreads)
    if (int32_t target = targets[row]; target != -100)
      loss += double(lse[row]) - toFloat(logits[row * vocab + target]);
  loss = blockSum(loss, perWarp);
  if (threadIdx.x == 0)
    *sum = float(*sum + loss);
}

/// Block (row, part): `part` columns of the row.
template <class T>
__global__ void __launch_bounds__(rowThreads)
    gradKernel(T *dlogits, const T *logits, const float *lse, const int32_t *targets, const float *scaleOfBatch,
               int64_t vocab, int64_t part) {
  const int64_t row = blockIdx.x, begin = blockIdx.y * part, at = row * vocab + begin;
  const int64_t n = min(part, vocab - begin);
  const int32_t target = targets[row];
  const float scale = *scaleOfBatch, rowLse = lse[row];
  walk(logits + at, n, [&](int64_t c, const auto &values) {
    using Values = std::decay_t<decltype(values)>;
    float result[Values::count];
#pragma unroll
    for (int i = 0; i < Values::count; ++i) {
      const float p = exp_(values[i] - rowLse);
      result[i] = target == -100 ? 0.0f : scale * (begin + c + i == target ? p - 1.0f : p);
    }
    Values::of(result).store(dlogits + at + c);
  });
}

__global__ void shiftKernel(int32_t *targets, const int32_t *labels, const int32_t *segments, int64_t total,
                            int64_t seq) {
  const int64_t i = threadNumber();
  if (i >= total)
    return;
  const bool follows = i % seq + 1 < seq && segments[i + 1] == segments[i] && segments[i + 1] != 0;
  targets[i] = follows ? labels[i + 1] : -100;
}

} // namespace

void shift_labels(const Context &ctx, Tensor<int32_t> targets, Tensor<const int32_t> labels,
                  Tensor<const int32_t> segments) {
  launch(ctx, "shift_labels", blocksFor(labels.size()), blockThreads, shiftKernel, targets.data, labels.data,
         segments.data, labels.size(), labels.cols());
}

template <class T>
void cross_entropy(const Context &ctx, Tensor<float> sum, Tensor<float> lse, Tensor<const T> logits,
                   Tensor<const int32_t> targets) {
  const int64_t rows = logits.rows(), vocab = logits.cols();
  launch(ctx, "cross_entropy", dim3(unsigned(rows)), rowThreads, logSumExpKernel<T>, lse.data, logits.data,
         targets.data, vocab);
  launch(ctx, "cross_entropy", dim3(1), lossThreads, lossKernel<T>, sum.data, lse.data, logits.data, targets.data,
         rows, vocab);
}

template <class T>
void cross_entropy_grad(const Context &ctx, Tensor<T> dlogits, Tensor<const T> logits, Tensor<const float> lse,
                        Tensor<const int32_t> targets, const float &scale) {
  const int64_t rows = logits.rows(), vocab = logits.cols();
  // Few rows are cut into parts, so that they fill the device; a part begins at a multiple of 16 bytes if its row does.
  constexpr int64_t unit = rowThreads * 16 / int64_t(sizeof(T));
  const int64_t wanted = std::max<int64_t>(1, 16 * cudaOf(ctx).multiprocessors / std::max<int64_t>(1, rows));
  const int64_t part = divideUp(divideUp(vocab, wanted), unit) * unit;
  launch(ctx, "cross_entropy_grad", dim3(unsigned(rows), unsigned(divideUp(vocab, part))), rowThreads, gradKernel<T>,
         dlogits.data, logits.data, lse.data, targets.data, &scale, vocab, part);
}

#define INSTANTIATE(T)                                                                                       \
  template void cross_entropy(const Context &, Tensor<float>, Tensor<float>, Tensor<const T>,                \
                              Tensor<const int32_t>);                                                        \
  template void cross_entropy_grad(const Context &, Tensor<T>, Tensor<const T>, Tensor<const float>,         \
                                   Tensor<const int32_t>, const float &);
INSTANTIATE(float)
INSTANTIATE(bf16)

} // namespace peft::rt
