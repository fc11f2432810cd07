//===- rope.cu - rotary position embedding --------------------------------===//
//
// A block takes a few tokens: it computes their sines once, in double as the CPU does,
// and turns all their heads by them.
//
//===----------------------------------------------------------------------===//

#include "check.h"
#include "constants.h"
#include "peft/runtime/angle.h"
#include "peft/runtime/cuda/launch.h"
#include "peft/runtime/cuda/vector.h"
#include "peft/runtime/kernels.h"

#include <algorithm>

namespace peft::rt {
namespace {

constexpr int angleCount = 1024; ///< that a block keeps: tokens times pairs

template <class T> struct Rope {
  T *y;
  const T *x;
  const int32_t *positions;
  const float *frequencies;
  int64_t rows, yPitch, xPitch;
  int pairs, headDim, heads, tokens; ///< tokens of a block
  float scale, direction;
};

/// What lies behind the pairs of a head stays as it is.
template <class T> __device__ void copyRest(const Rope<T> &work, int64_t firstRow, int rows) {
  const int rest = work.headDim - 2 * work.pairs;
  for (int item = int(threadIdx.x); item < rows * work.heads * rest; item += blockThreads) {
    const int head = item / rest, token = head / work.heads;
    const int64_t row = firstRow + token;
    const int at = (head - token * work.heads) * work.headDim + 2 * work.pairs + item % rest;
    work.y[row * work.yPitch + at] = work.x[row * work.xPitch + at];
  }
}

template <class T, int N> __global__ void __launch_bounds__(blockThreads) ropeKernel(Rope<T> work) {
  __shared__ __align__(16) float sines[angleCount], cosines[angleCount];
  const int64_t firstRow = int64_t(blockIdx.x) * work.tokens;
  const int rows = int(min(int64_t(work.tokens), work.rows - firstRow));
  const int pairs = work.pairs, packs = pairs / N;
  for (int item = int(threadIdx.x); item < rows * pairs; item += blockThreads) {
    const float position = float(work.positions[firstRow + item / pairs]);
    float sine, cosine;
    sinCos(position * work.frequencies[item % pairs], sine, cosine);
    sines[item] = sine * work.scale * work.direction;
    cosines[item] = cosine * work.scale;
  }
  __syncthreads();
  for (int item = int(threadIdx.x); item < rows * work.heads * packs; item += blockThreads) {
    const int head = item / packs, pair = item % packs * N, token = head / work.heads;
    const int at = (head - token * work.heads) * work.headDim + pair, angle = token * pairs + pair;
    const T *from = work.x + (firstRow + token) * work.xPitch + at;
    T *to = work.y + (firstRow + token) * work.yPitch + at;
    const auto low = Pack<T, N>::load(from), high = Pack<T, N>::load(from + pairs);
    // In whole vectors: neighbouring threads' single floats would lie in the same banks.
    const auto sine = Pack<float, N>::load(sines + angle), cosine = Pack<float, N>::load(cosines + angle);
    float lowTo[N], highTo[N];
#pragma unroll
    for (int i = 0; i < N; ++i) {
      lowTo[i] = low[i] * cosine[i] - high[i] * sine[i];
      highTo[i] = high[i] * cosine[i] + low[i] * sine[i];
    }
    Pack<T, N>::of(lowTo).store(to);
    Pack<T, N>::of(highTo).store(to + pairs);
  }
  if (work.y != work.x)
    copyRest(work, firstRow, rows);
}

} // namespace

template <class T>
void rope(const Context &ctx, Tensor<T> y, Tensor<const T> x, Tensor<const int32_t> positions,
          const float *inv_freq, int64_t pairs, int64_t head_dim, float scale, bool inverse) {
  if (pairs > angleCount)
    return fail(ctx, "rope: at most " + std::to_string(angleCount) + " pairs, got " + std::to_string(pairs));
  Rope<T> work{y.data,
               x.data,
               positions.data,
               onDevice(ctx, inv_freq, pairs),
               x.rows(),
               y.rowStride(),
               x.rowStride(),
               int(pairs),
               int(head_dim),
               int(x.cols() / head_dim),
               1,
               scale,
               inverse ? -1.0f : 1.0f};
  constexpr int width = wide<T>;
  const bool vectors = pairs % width == 0 && head_dim % width == 0 && isWide(y) && isWide(x);
  // A block's threads each turn four vectors, which hides that the sines come first; but there are blocks for
  // all of the card.
  const int64_t ofToken = work.heads * pairs / (vectors ? width : 1),
                enough = divideUp(4 * blockThreads, std::max<int64_t>(ofToken, 1));
  work.tokens = int(
      std::min({std::max<int64_t>(enough, 4), angleCount / pairs, std::max<int64_t>(work.rows / 512, 1)}));
  const dim3 blocks = dim3(unsigned(divideUp(work.rows, work.tokens)));
  if (vectors)
    launch(ctx, "rope", blocks, blockThreads, ropeKernel<T, width>, work);
  else
    launch(ctx, "rope", blocks, blockThreads, ropeKernel<T, 1>, work);
}

template void rope(const Context &, Tensor<float>, Tensor<const float>, Tensor<const int32_t>, const float *,
                   int64_t, int64_t, float, bool);
template void rope(const Context &, Tensor<bf16>, Tensor<const bf16>, Tensor<const int32_t>, const float *,
                   int64_t, int64_t, float, bool);

} // namespace peft::rt
