//===- rope.cpp - rotary position embedding -------------------------------===//

#include "parallel.h"
#include "peft/runtime/angle.h"
#include "peft/runtime/kernels.h"

namespace peft::rt {
namespace {

/// Pairs whose sines are kept at a time.
constexpr int64_t pairBlock = 256;

} // namespace

template <class T>
void rope(const Context &, Tensor<T> y, Tensor<const T> x, Tensor<const int32_t> positions,
          const float *inv_freq, int64_t pairs, int64_t head_dim, float scale, bool inverse) {
  const int64_t cols = x.cols(), heads = cols / head_dim;
  const float direction = inverse ? -1.0f : 1.0f;
  parallelFor(x.rows(), x.size(), [&](int64_t begin, int64_t end) {
    float sines[pairBlock], cosines[pairBlock];
    for (int64_t i = begin; i < end; ++i) {
      const float position = float(positions.data[i]);
      for (int64_t first = 0; first < pairs; first += pairBlock) {
        const int64_t n = std::min(pairBlock, pairs - first);
#pragma omp simd
        for (int64_t p = 0; p < n; ++p) {
          float sine, cosine;
          sinCos(position * inv_freq[first + p], sine, cosine);
          sines[p] = sine * scale * direction;
          cosines[p] = cosine * scale;
        }
        for (int64_t h = 0; h < heads; ++h) {
          const T *low = x.data + i * cols + h * head_dim + first, *high = low + pairs;
          T *lowTo = y.data + i * cols + h * head_dim + first, *highTo = lowTo + pairs;
#pragma omp simd
          for (int64_t p = 0; p < n; ++p) {
            float a = toFloat(low[p]), b = toFloat(high[p]);
            lowTo[p] = fromFloat<T>(a * cosines[p] - b * sines[p]);
            highTo[p] = fromFloat<T>(b * cosines[p] + a * sines[p]);
          }
        }
      }
      if (y.data != x.data)
        for (int64_t h = 0; h < heads; ++h) {
          int64_t at = i * cols + h * head_dim + 2 * pairs;
          std::copy_n(x.data + at, head_dim - 2 * pairs, y.data + at);
        }
    }
  });
}

template void rope(const Context &, Tensor<float>, Tensor<const float>, Tensor<const int32_t>, const float *,
                   int64_t, int64_t, float, bool);
template void rope(const Context &, Tensor<bf16>, Tensor<const bf16>, Tensor<const int32_t>, const float *,
                   int64_t, int64_t, float, bool);

} // namespace peft::rt
