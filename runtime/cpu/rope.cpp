//===- rope.cpp - rotary position embedding -------------------------------===//

#include "parallel.h"
#include "peft/runtime/angle.h"
#include "peft/runtime/kernels.h"
#include "peft/runtime/rounded.h"
#include "row_places.h"

namespace peft::rt {

template <class T>
void rope(const Context &, Tensor<T> y, Tensor<const T> x, Tensor<const int32_t> positions,
          const float *inv_freq, int64_t pairs, int64_t head_dim, float scale, bool inverse) {
  const int64_t cols = x.cols(), heads = cols / head_dim;
  const float direction = inverse ? -1.0f : 1.0f;
  parallelFor(x.rows(), x.size(), [&](int64_t begin, int64_t end) {
    float *sines = Scratch::mine().floats(2 * pairs + cols), *cosines = sines + pairs, *row = cosines + pairs;
    const RowStarts<const T> xs(x);
    const RowStarts<T> ys(y);
    for (int64_t i = begin; i < end; ++i) {
      if constexpr (std::is_same_v<T, float>) // nothing to round: where it belongs at once
        row = ys[i];
      const float position = float(positions.data[i]);
#pragma omp simd
      for (int64_t p = 0; p < pairs; ++p) {
        float sine, cosine;
        sinCos(position * inv_freq[p], sine, cosine);
        sines[p] = sine * scale * direction;
        cosines[p] = cosine * scale;
      }
      for (int64_t h = 0; h < heads; ++h) {
        const T *from = xs[i] + h * head_dim;
        float *to = row + h * head_dim;
#pragma omp simd
        for (int64_t p = 0; p < pairs; ++p) {
          const float a = toFloat(from[p]), b = toFloat(from[pairs + p]);
          to[p] = a * cosines[p] - b * sines[p];
          to[pairs + p] = b * cosines[p] + a * sines[p];
        }
        for (int64_t d = 2 * pairs; d < head_dim; ++d) // of a partial rotation
          to[d] = toFloat(from[d]);
      }
      if constexpr (!std::is_same_v<T, float>)
        roundTo(ys[i], row, cols);
    }
  });
}

template void rope(const Context &, Tensor<float>, Tensor<const float>, Tensor<const int32_t>, const float *,
                   int64_t, int64_t, float, bool);
template void rope(const Context &, Tensor<bf16>, Tensor<const bf16>, Tensor<const int32_t>, const float *,
                   int64_t, int64_t, float, bool);

} // namespace peft::rt
