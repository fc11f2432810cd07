//===- quantize_fp8.cpp - matrices in eight bits, with a scale a row ------===//
//
// Loops over elements have no branches, so that they are vectorised.
//
//===----------------------------------------------------------------------===//

#include "peft/runtime/fp8.h"

#include <algorithm>
#include <vector>

namespace peft {
namespace {

float floatOf(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

uint32_t sizeOf(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits & 0x7fffffffu;
}

/// The largest magnitude of n elements, as bits: their order is that of the values, and no number is above
/// all.
template <class T> float amaxOf(const T *x, int64_t n) {
  uint32_t largest = leastAmaxBits;
#pragma omp simd reduction(max : largest)
  for (int64_t i = 0; i < n; ++i)
    largest = std::max(largest, sizeOf(toFloat(x[i])));
  return floatOf(largest);
}

constexpr int64_t side = 64; ///< of a tile that is transposed

/// codes [cols, rows] and scales [cols] of the transpose of src, for the columns [begin, end), at most `side`
/// of them.
template <class T>
void quantizeColumns(const T *src, int64_t rows, int64_t cols, int64_t begin, int64_t end, uint8_t *codes,
                     float *scales) {
  uint32_t largest[side];
  float factors[side];
  std::fill_n(largest, side, leastAmaxBits);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t c = begin; c < end; ++c)
      largest[c - begin] = std::max(largest[c - begin], sizeOf(toFloat(src[row * cols + c])));
  for (int64_t c = begin; c < end; ++c) {
    const float amax = floatOf(largest[c - begin]);
    factors[c - begin] = e4m3Largest / amax;
    scales[c] = amax / e4m3Largest;
  }
  uint8_t tile[side][side];
  for (int64_t first = 0; first < rows; first += side) {
    const int64_t count = std::min(side, rows - first);
    for (int64_t row = 0; row < count; ++row)
      for (int64_t c = begin; c < end; ++c)
        tile[row][c - begin] = toE4m3(toFloat(src[(first + row) * cols + c]) * factors[c - begin]);
    for (int64_t c = begin; c < end; ++c)
      for (int64_t row = 0; row < count; ++row)
        codes[c * rows + first + row] = tile[row][c - begin];
  }
}

} // namespace

template <class T>
void quantizeRows(const T *x, int64_t stride, int64_t rows, int64_t cols, uint8_t *codes, float *scales) {
#pragma omp parallel for if (rows * cols > 16384)
  for (int64_t row = 0; row < rows; ++row) {
    const T *from = x + row * stride;
    uint8_t *to = codes + row * cols;
    const float amax = amaxOf(from, cols), factor = e4m3Largest / amax;
    scales[row] = amax / e4m3Largest;
#pragma omp simd
    for (int64_t c = 0; c < cols; ++c)
      to[c] = toE4m3(toFloat(from[c]) * factor);
  }
}
template void quantizeRows(const float *, int64_t, int64_t, int64_t, uint8_t *, float *);
template void quantizeRows(const bf16 *, int64_t, int64_t, int64_t, uint8_t *, float *);

template <class T> void quantizeFp8(const T *src, int64_t rows, int64_t cols, uint8_t *dst) {
  const Fp8Layout layout(rows, cols);
  quantizeRows(src, cols, rows, cols, dst, reinterpret_cast<float *>(dst + layout.scales));
#pragma omp parallel for schedule(dynamic)
  for (int64_t begin = 0; begin < cols; begin += side)
    quantizeColumns(src, rows, cols, begin, std::min(begin + side, cols), dst + layout.transposed,
                    reinterpret_cast<float *>(dst + layout.transposedScales));
}
template void quantizeFp8(const float *, int64_t, int64_t, uint8_t *);
template void quantizeFp8(const bf16 *, int64_t, int64_t, uint8_t *);

} // namespace peft
