//===- cross_entropy.cu - the loss and its gradient -----------------------===//
//
// A row is cut into parts, a block each, so that the few rows of a chunk fill the device.
// The sum of exponentials is formed in one pass: it is scaled down when a larger value is
// met. The block that ends last adds up, in the order of rows and parts: the same bits in
// every run. Exponents are kept in base 2, where an exponential is one instruction of its
// own unit and what leads to it one multiplication and addition.
//
//===----------------------------------------------------------------------===//

#include "context.h"
#include "peft/runtime/cuda/launch.h"
#include "peft/runtime/cuda/vector.h"
#include "peft/runtime/kernels.h"
#include "reduce.h"
#include "scratch.h"

#include <algorithm>
#include <cmath>

namespace peft::rt {
namespace {

constexpr int inFlight = 4;     ///< packs that a thread has asked for at once
constexpr int rowThreads = 512; ///< of a block that takes whole rows
constexpr float log2e = 1.44269504f, ln2 = 0.693147181f;

/// Within 2 units in the last place; 0 where the result is subnormal.
__device__ float power2(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

/// n elements from anywhere on: packs from the first multiple of 16 bytes on, and fewer than two packs of
/// loose ones at both ends. (Rows of a vocabulary that is not a multiple of 8 begin anywhere.)
template <class T> struct Span {
  static constexpr int width = wide<T>;
  int head, packs, loose;

  __device__ Span(const T *x, int n) {
    const int misaligned = int(reinterpret_cast<uintptr_t>(x) % 16 / sizeof(T));
    head = min(n, misaligned ? width - misaligned : 0);
    packs = (n - head) / width;
    loose = n - packs * width;
  }
  /// packs[k] = the pack `first` + k * Threads of x, if there is one, else `instead`.
  template <int Threads>
  __device__ void load(Pack<T, width> (&packs)[inFlight], const T *x, int first, T instead) const {
#pragma unroll
    for (int k = 0; k < inFlight; ++k) {
      packs[k] = spread<T, width>(instead);
      if (const int number = first + k * Threads; number < this->packs)
        packs[k] = Pack<T, width>::load(x + pack(number));
    }
  }
  __device__ int pack(int number) const { return head + number * width; }
  __device__ int one(int number) const { return number < head ? number : number + packs * width; }
};

/// Sum of 2^(x log2(e) - maximum). The first maximum is no infinity: the difference of two is NaN.
struct ExpSum {
  float maximum = -1e30f, sum = 0;

  template <class P, int K> __device__ void add(const P (&packs)[K]) {
    float largest = packs[0][0];
#pragma unroll
    for (int k = 0; k < K; ++k)
#pragma unroll
      for (int i = 0; i < P::count; ++i)
        largest = fmaxf(largest, packs[k][i]);
    raise(largest * log2e);
#pragma unroll
    for (int k = 0; k < K; ++k) {
      float part = 0;
#pragma unroll
      for (int i = 0; i < P::count; ++i)
        part += power2(fmaf(packs[k][i], log2e, -maximum)); // NaN in, NaN out
      sum += part;
    }
  }
  __device__ void add(ExpSum other) {
    raise(other.maximum);
    sum += other.sum * power2(other.maximum - maximum);
  }
  /// Of `lanes` neighbouring threads, in the first.
  __device__ void addLanes(int lanes) {
    for (int offset = lanes / 2; offset; offset /= 2)
      add(ExpSum{__shfl_xor_sync(~0u, maximum, offset), __shfl_xor_sync(~0u, sum, offset)});
  }
  __device__ float logarithm() const { return (maximum + log2f(sum)) * ln2; }

private:
  __device__ void raise(float to) {
    const float higher = fmaxf(maximum, to);
    sum *= power2(maximum - higher);
    maximum = higher;
  }
};

/// Of the block, in the first lane of each warp.
template <int Threads> __device__ ExpSum blockTotal(ExpSum mine) {
  constexpr int warps = Threads / 32;
  __shared__ ExpSum perWarp[warps];
  mine.addLanes(32);
  if (threadIdx.x % 32 == 0)
    perWarp[threadIdx.x / 32] = mine;
  __syncthreads();
  mine = perWarp[threadIdx.x % warps];
  mine.addLanes(warps);
  return mine;
}

template <class T, int Threads> __device__ ExpSum expSum(const T *x, int n) {
  const Span<T> span(x, n);
  ExpSum mine;
  for (int first = int(threadIdx.x); first < span.packs; first += inFlight * Threads) {
    Pack<T, wide<T>> packs[inFlight];
    span.template load<Threads>(packs, x, first, fromFloat<T>(-INFINITY)); // which adds nothing
    mine.add(packs);
  }
  if (int(threadIdx.x) < span.loose) {
    const Pack<T, 1> one[1] = {Pack<T, 1>::load(x + span.one(int(threadIdx.x)))};
    mine.add(one);
  }
  return blockTotal<Threads>(mine);
}

/// Blocks of the running call that are done; 0 between calls.
__device__ unsigned blocksDone;

/// Whether all other blocks are done, and what they wrote can be read. To be called by all threads.
__device__ bool isLast() {
  __shared__ bool last;
  if (threadIdx.x == 0) {
    __threadfence();
    last = atomicAdd(&blocksDone, 1u) + 1 == gridDim.x * gridDim.y;
    __threadfence();
  }
  __syncthreads();
  return last;
}

/// *sum += lse - the target's logit, over the rows with a target, in double as on the CPU.
/// Block (row, part): `part` columns of the row, whose sum goes to parts[row][part]; the last also does the
/// rest.
template <class T>
__global__ void __launch_bounds__(blockThreads)
    lossKernel(float *sum, float *lse, float2 *parts, const T *logits, const int32_t *targets, int64_t vocab,
               int part) {
  __shared__ double perWarp[blockThreads / 32];
  const int64_t row = blockIdx.x, begin = int64_t(blockIdx.y) * part;
  // Of rows without a target too, which are few: to look first would be to wait twice.
  const ExpSum mine =
      expSum<T, blockThreads>(logits + row * vocab + begin, int(min(int64_t(part), vocab - begin)));
  if (threadIdx.x == 0)
    parts[row * gridDim.y + blockIdx.y] = make_float2(mine.maximum, mine.sum);
  if (!isLast())
    return;
  double loss = 0;
  for (int64_t i = threadIdx.x; i < gridDim.x; i += blockThreads) {
    const int32_t target = targets[i];
    float logarithm = 0;
    if (target != -100) {
      ExpSum total;
      for (unsigned p = 0; p < gridDim.y; ++p) {
        const float2 other = __ldcg(parts + i * gridDim.y + p);
        total.add(ExpSum{other.x, other.y});
      }
      logarithm = total.logarithm();
      loss += double(logarithm) - toFloat(logits[i * vocab + target]);
    }
    lse[i] = logarithm;
  }
  loss = blockSum(loss, perWarp);
  if (threadIdx.x == 0) {
    *sum = float(*sum + loss);
    blocksDone = 0;
  }
}

/// What the gradient of a row needs beside its logits.
struct Row {
  bool labelled;
  int target;        ///< column
  float scale, lse2; ///< lse2 in base 2
};

/// scale * (softmax(x) - (1 at the target)) of the columns from c on.
template <class P> __device__ P gradOf(const Row &row, const P &x, int c) {
  const float scale = row.scale, lse2 = row.lse2;
  const int target = row.target - c;
  float result[P::count];
#pragma unroll
  for (int i = 0; i < P::count; ++i)
    result[i] = scale * power2(fmaf(x[i], log2e, -lse2));
  if (unsigned(target) < unsigned(P::count)) {
#pragma unroll
    for (int i = 0; i < P::count; ++i)
      if (i == target)
        result[i] = scale * (power2(fmaf(x[i], log2e, -lse2)) - 1.0f);
  }
#pragma unroll
  for (int i = 0; i < P::count; ++i)
    result[i] = row.labelled ? result[i] : 0.0f;
  return P::of(result);
}

/// The gradient of n columns of a row, of which `begin` are before x; `rowOf` says the rest, and is asked
/// behind the first loads. y may be x.
template <class T, int Threads, class RowOf> __device__ void writeGrad(T *y, const T *x, int n, RowOf rowOf) {
  const Span<T> span(x, n);
  int first = int(threadIdx.x);
  Pack<T, wide<T>> packs[inFlight];
  span.template load<Threads>(packs, x, first, T());
  const Row at = rowOf();
  while (first < span.packs) {
#pragma unroll
    for (int k = 0; k < inFlight; ++k)
      if (const int number = first + k * Threads; number < span.packs) {
        const int c = span.pack(number);
        gradOf(at, packs[k], c).store(y + c);
      }
    first += inFlight * Threads;
    span.template load<Threads>(packs, x, first, T());
  }
  if (int(threadIdx.x) < span.loose) {
    const int c = span.one(int(threadIdx.x));
    gradOf(at, Pack<T, 1>::load(x + c), c).store(y + c);
  }
}

/// Block (row, part): `part` columns of the row. dlogits may be logits.
template <class T>
__global__ void __launch_bounds__(blockThreads)
    gradKernel(T *dlogits, const T *logits, const float *lse, const int32_t *targets,
               const float *scaleOfBatch, int64_t vocab, int part) {
  const int64_t row = blockIdx.x, begin = int64_t(blockIdx.y) * part, at = row * vocab + begin;
  writeGrad<T, blockThreads>(dlogits + at, logits + at, int(min(int64_t(part), vocab - begin)), [&] {
    const int32_t target = targets[row];
    return Row{target != -100, int(target - begin), *scaleOfBatch, lse[row] * log2e};
  });
}

/// Loss and gradient: a block takes whole rows, so few at a time that the second reading of one finds it in
/// the cache. losses[row] is the row's; the block that ends last adds them up.
template <class T>
__global__ void __launch_bounds__(rowThreads, 2)
    lossAndGradKernel(float *sum, double *losses, T *dlogits, const T *logits, const int32_t *targets,
                      const float *scaleOfBatch, int rows, int vocab) {
  __shared__ double perWarp[rowThreads / 32];
  __shared__ float lse2;
  const float scale = *scaleOfBatch;
  for (int row = int(blockIdx.x); row < rows; row += int(gridDim.x)) {
    const T *x = logits + int64_t(row) * vocab;
    const int32_t target = targets[row];
    const ExpSum total = expSum<T, rowThreads>(x, vocab);
    if (threadIdx.x == 0) {
      const float logarithm = total.logarithm();
      lse2 = logarithm * log2e;
      losses[row] = target == -100 ? 0.0 : double(logarithm) - toFloat(x[target]);
    }
    __syncthreads(); // also before the target's logit is overwritten
    writeGrad<T, rowThreads>(dlogits + int64_t(row) * vocab, x, vocab, [&] {
      return Row{target != -100, target, scale, lse2};
    });
    __syncthreads(); // lse2 and the warps' sums belong to the next row
  }
  if (!isLast())
    return;
  double loss = 0;
  for (int row = int(threadIdx.x); row < rows; row += rowThreads)
    loss += __ldcg(losses + row);
  loss = blockSum(loss, perWarp);
  if (threadIdx.x == 0) {
    *sum = float(*sum + loss);
    blocksDone = 0;
  }
}

__global__ void shiftKernel(int32_t *targets, const int32_t *labels, const int32_t *segments, int64_t total,
                            int64_t seq) {
  const int64_t i = threadNumber();
  if (i >= total)
    return;
  const bool follows = i % seq + 1 < seq && segments[i + 1] == segments[i] && segments[i + 1] != 0;
  targets[i] = follows ? labels[i + 1] : -100;
}

/// How rows are cut.
struct Parts {
  int columns; ///< a multiple of what begins at 16 bytes where its row does
  unsigned count;
};

template <class T> Parts partsOf(const Context &ctx, int64_t rows, int64_t vocab) {
  constexpr int64_t unit = blockThreads * wide<T>;
  // Twice what is resident at a time, so that the last ones to end are few.
  const int64_t wanted = std::max<int64_t>(1, 16 * cudaOf(ctx).multiprocessors / std::max<int64_t>(1, rows));
  const int64_t columns = divideUp(divideUp(vocab, wanted), unit) * unit;
  return {int(columns), unsigned(divideUp(vocab, columns))};
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
  const Parts parts = partsOf<T>(ctx, rows, vocab);
  auto *partSums =
      static_cast<float2 *>(scratch(ctx, "cross_entropy", uint64_t(rows) * parts.count * sizeof(float2)));
  if (partSums)
    launch(ctx, "cross_entropy", dim3(unsigned(rows), parts.count), blockThreads, lossKernel<T>, sum.data,
           lse.data, partSums, logits.data, targets.data, vocab, parts.columns);
}

template <class T>
void cross_entropy_grad(const Context &ctx, Tensor<T> dlogits, Tensor<const T> logits,
                        Tensor<const float> lse, Tensor<const int32_t> targets, const float &scale) {
  const int64_t rows = logits.rows(), vocab = logits.cols();
  const Parts parts = partsOf<T>(ctx, rows, vocab);
  launch(ctx, "cross_entropy_grad", dim3(unsigned(rows), parts.count), blockThreads, gradKernel<T>,
         dlogits.data, logits.data, lse.data, targets.data, &scale, vocab, parts.columns);
}

template <class T>
void cross_entropy_with_grad(const Context &ctx, Tensor<float> sum, Tensor<T> dlogits, Tensor<const T> logits,
                             Tensor<const int32_t> targets, const float &scale) {
  constexpr int64_t cache = int64_t(32)
                            << 20; ///< bytes of rows that are still there when they are read again
  const int64_t rows = logits.rows(), vocab = logits.cols(), processors = cudaOf(ctx).multiprocessors;
  auto *losses =
      static_cast<double *>(scratch(ctx, "cross_entropy_with_grad", uint64_t(rows) * sizeof(double)));
  const bool two = 2 * processors * vocab * int64_t(sizeof(T)) <= cache;
  if (losses)
    launch(ctx, "cross_entropy_with_grad", dim3(unsigned(std::min(rows, (two ? 2 : 1) * processors))),
           rowThreads, lossAndGradKernel<T>, sum.data, losses, dlogits.data, logits.data, targets.data,
           &scale, int(rows), int(vocab));
}

#define INSTANTIATE(T)                                                                                       \
  template void cross_entropy(const Context &, Tensor<float>, Tensor<float>, Tensor<const T>,                \
                              Tensor<const int32_t>);                                                        \
  template void cross_entropy_grad(const Context &, Tensor<T>, Tensor<const T>, Tensor<const float>,         \
                                   Tensor<const int32_t>, const float &);                                    \
  template void cross_entropy_with_grad(const Context &, Tensor<float>, Tensor<T>, Tensor<const T>,          \
                                        Tensor<const int32_t>, const float &);
INSTANTIATE(float)
INSTANTIATE(bf16)

} // namespace peft::rt
