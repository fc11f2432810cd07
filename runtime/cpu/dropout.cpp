//===- dropout.cpp - elements kept by a counter-based generator -----------===//

#include "parallel.h"
#include "peft/runtime/kernels.h"
#include "peft/runtime/philox.h"
#include "row_places.h"

namespace peft::rt {
namespace {

/// Groups of four elements whose words are drawn together: enough that the compiler
/// vectorises the loops over them instead of unrolling them.
constexpr int64_t lanes = 32;

/// words[w][lane] = word w of group `first` + lane: dropoutWords, side by side.
void drawWords(uint32_t words[4][lanes], uint64_t first, uint64_t seed, uint32_t salt) {
  uint32_t key0 = uint32_t(seed), key1 = salt;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    words[0][lane] = uint32_t(first + lane);
    words[1][lane] = uint32_t((first + lane) >> 32);
    words[2][lane] = uint32_t(seed >> 32);
    words[3][lane] = 0;
  }
  for (int round = 0; round < philoxRounds; ++round, key0 += philoxWeyl0, key1 += philoxWeyl1)
    for (int64_t lane = 0; lane < lanes; ++lane) {
      uint64_t p0 = uint64_t(philoxMultiplier0) * words[0][lane],
               p1 = uint64_t(philoxMultiplier1) * words[2][lane];
      words[0][lane] = uint32_t(p1 >> 32) ^ words[1][lane] ^ key0;
      words[2][lane] = uint32_t(p0 >> 32) ^ words[3][lane] ^ key1;
      words[1][lane] = uint32_t(p1);
      words[3][lane] = uint32_t(p0);
    }
}

} // namespace

template <class T>
void dropout(const Context &, Tensor<T> y, Tensor<const T> x, const uint64_t &seed, float p, uint32_t salt) {
  const int64_t total = x.size(), span = 4 * lanes;
  const RowStarts<const T> xs(x);
  const RowStarts<T> ys(y);
  const uint64_t threshold = dropoutThreshold(p);
  if (threshold == 0 || threshold > UINT32_MAX) { // all or none: no word decides
    parallelFor(x.rows(), total, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        for (int64_t c = 0; c < x.cols(); ++c)
          ys[row][c] = threshold ? fromFloat<T>(0) : xs[row][c];
    });
    return;
  }
  // Dense tensors are one long row.
  const bool dense = x.rowStride() == x.cols() && y.rowStride() == y.cols();
  const int64_t width = dense ? total : x.cols();
  const uint32_t lastDropped = uint32_t(threshold - 1);
  const float scale = 1.0f / (1.0f - p);
  parallelFor((total + span - 1) / span, total, [&](int64_t begin, int64_t end) {
    // Copies, because a store of a float could change what a reference sees.
    const float keptFactor = scale;
    const uint32_t limit = lastDropped;
    const RowStarts<const T> from(xs);
    const RowStarts<T> to(ys);
    RowPosition at(begin * span, width);
    for (int64_t part = begin; part < end; ++part) {
      float factors[span];
      uint32_t words[4][lanes];
      drawWords(words, uint64_t(part * lanes), seed, salt);
      for (int64_t lane = 0; lane < lanes; ++lane) {
        factors[4 * lane] = words[0][lane] > limit ? keptFactor : 0.0f;
        factors[4 * lane + 1] = words[1][lane] > limit ? keptFactor : 0.0f;
        factors[4 * lane + 2] = words[2][lane] > limit ? keptFactor : 0.0f;
        factors[4 * lane + 3] = words[3][lane] > limit ? keptFactor : 0.0f;
      }
      for (int64_t done = 0, last = std::min(span, total - part * span), n; done < last; done += n) {
        n = std::min(last - done, width - at.column);
        const float *factor = factors + done;
        const T *element = from[at];
        T *result = to[at];
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) { // an infinite x that is dropped is 0, not NaN
          float kept = toFloat(element[i]) * factor[i];
          result[i] = fromFloat<T>(factor[i] == 0.0f ? 0.0f : kept);
        }
        at.advance(n);
      }
    }
  });
}

template void dropout(const Context &, Tensor<float>, Tensor<const float>, const uint64_t &, float, uint32_t);
template void dropout(const Context &, Tensor<bf16>, Tensor<const bf16>, const uint64_t &, float, uint32_t);

} // namespace peft::rt
