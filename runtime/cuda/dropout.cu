//===- dropout.cu - elements kept by a counter-based generator ------------===//

#include "context.h"
#include "peft/runtime/cuda/launch.h"
#include "peft/runtime/cuda/vector.h"
#include "peft/runtime/kernels.h"
#include "peft/runtime/philox.h"

#include <algorithm>

namespace peft::rt {
namespace {

/// What is the same for every element. An element is kept where its word is above `lastDropped`.
struct Mask {
  const uint64_t *seed;
  uint32_t salt, lastDropped;
  float scale;
};

/// x and y, which may be columns of wider tensors; elements are numbered as in dense ones.
template <class T> struct Operands {
  T *y;
  const T *x;
  int64_t total, cols, yPitch, xPitch;
  bool dense;
  struct Places {
    T *to;
    const T *from;
  };
  __device__ Places at(int64_t i) const {
    if (dense)
      return {y + i, x + i};
    const int64_t row = total <= UINT32_MAX ? uint32_t(i) / uint32_t(cols) : i / cols,
                  column = i - row * cols;
    return {y + row * yPitch + column, x + row * xPitch + column};
  }
};

/// An infinite x that is dropped is 0, not NaN.
__device__ float masked(float x, uint32_t word, const Mask &mask) {
  return word > mask.lastDropped ? x * mask.scale : 0.0f;
}

template <class T, int N>
__global__ void __launch_bounds__(blockThreads) dropoutKernel(Operands<T> operands, Mask mask) {
  const int64_t total = operands.total;
  const uint64_t seed = *mask.seed; // the host's memory: read once a thread, not once an element
  for (int64_t i = threadNumber() * N; i < total; i += threadCount() * N) {
    if (N == 1 || i + N > total) {
      for (int64_t e = i; e < min(i + N, total); ++e) {
        const Philox words = dropoutWords(uint64_t(e) / 4, seed, mask.salt);
        const int which = int(e % 4);
        const uint32_t word = which < 2 ? words.word[which == 1] : words.word[2 + (which == 3)];
        const auto [to, from] = operands.at(e);
        *to = fromFloat<T>(masked(toFloat(*from), word, mask));
      }
    } else {
      const auto [to, from] = operands.at(i);
      const auto values = Pack<T, N>::load(from);
      float result[N];
#pragma unroll
      for (int group = 0; group < N / 4; ++group) {
        const Philox words = dropoutWords(uint64_t(i) / 4 + group, seed, mask.salt);
#pragma unroll
        for (int j = 0; j < 4; ++j)
          result[4 * group + j] = masked(values[4 * group + j], words.word[j], mask);
      }
      Pack<T, N>::of(result).store(to);
    }
  }
}

} // namespace

template <class T>
void dropout(const Context &ctx, Tensor<T> y, Tensor<const T> x, const uint64_t &seed, float p,
             uint32_t salt) {
  const uint64_t threshold = dropoutThreshold(p);
  if (threshold == 0) // all or none: no word decides
    return copy<T>(ctx, y, x);
  if (threshold > UINT32_MAX)
    return zero<T>(ctx, y);
  const bool dense = isDense(y) && isDense(x);
  const Operands<T> operands{y.data, x.data, x.size(), x.cols(), y.rowStride(), x.rowStride(), dense};
  const Mask mask{&seed, salt, uint32_t(threshold - 1), 1.0f / (1.0f - p)};
  constexpr int width = wide<T>;
  const int64_t total = x.size(), most = 8 * cudaOf(ctx).multiprocessors; // one wave: few reads of the seed
  auto blocks = [&](int n) {
    return dim3(unsigned(std::min(most, divideUp(total, int64_t(n) * blockThreads))));
  };
  if (isWide(y) && isWide(x) && (dense || x.cols() % width == 0))
    launch(ctx, "dropout", blocks(width), blockThreads, dropoutKernel<T, width>, operands, mask);
  else
    launch(ctx, "dropout", blocks(1), blockThreads, dropoutKernel<T, 1>, operands, mask);
}

template void dropout(const Context &, Tensor<float>, Tensor<const float>, const uint64_t &, float, uint32_t);
template void dropout(const Context &, Tensor<bf16>, Tensor<const bf16>, const uint64_t &, float, uint32_t);

} // namespace peft::rt
