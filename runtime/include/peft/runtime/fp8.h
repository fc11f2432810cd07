//===- fp8.h - matrices in eight bits, with a scale a row -----------------===//
//
// e4m3 is a sign, four bits of exponent with bias 7 and three of mantissa: 448 is the
// largest, 2^-9 the smallest step, 0x7f is no number and there are no infinities. Each is
// a bfloat16 exactly, and so a float. A row x is kept as codes c and one scale s:
//
//   amax = max(|x|, 2^-100)     c = e4m3(x * (448 / amax))     s = amax / 448     x ~ c * s
//
// rounded to nearest even at each of these, on every machine: the same bits. A row with
// an infinity or no number in it has none left when it is multiplied.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_FP8_H
#define PEFT_RUNTIME_FP8_H

#include "peft/runtime/tensor.h"

namespace peft {

constexpr float e4m3Largest = 448;
/// The bits of 2^-100, below which no row's largest magnitude is taken: it would have no reciprocal.
constexpr uint32_t leastAmaxBits = 27u << 23;

/// The code of x, at most e4m3Largest in size.
inline uint8_t toE4m3(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  const uint32_t size = bits & 0x7fffffffu;
  // Three bits of mantissa stay, the exponent is counted from 2^-6 = 121 - 127 as 1.
  const uint32_t normal = ((size + 0x7ffffu + ((size >> 20) & 1u)) >> 20) - (120u << 3);
  // Below 2^-6 the steps are 2^-9: those of a float between 2^14 and 2^15.
  float shifted, magic = 16384;
  memcpy(&shifted, &size, sizeof shifted);
  shifted += magic;
  uint32_t steps, origin;
  memcpy(&steps, &shifted, sizeof steps);
  memcpy(&origin, &magic, sizeof origin);
  uint32_t code = size < (121u << 23) ? steps - origin : normal;
  code = code > 0x7eu ? 0x7eu : code;
  code = size > 0x7f800000u ? 0x7fu : code;
  return uint8_t(code | ((bits >> 24) & 0x80u));
}

inline float fromE4m3(uint8_t code) {
  const uint32_t size = code & 0x7fu;
  const uint32_t normalBits = size == 0x7fu ? 0x7fc00000u : (size << 20) + (120u << 23);
  float normal;
  memcpy(&normal, &normalBits, sizeof normal);
  const float value = size < 8 ? float(int32_t(size)) * 0x1p-9f : normal;
  return code & 0x80u ? -value : value;
}

/// The bytes of PEFT_FP8 (abi.h): where the parts of a matrix [rows, cols] lie.
struct Fp8Layout {
  PEFT_HD Fp8Layout(int64_t rows, int64_t cols)
      : transposed(rows * cols), scales(2 * rows * cols), transposedScales(scales + 4 * rows),
        bytes(transposedScales + 4 * cols) {}
  int64_t transposed;       ///< codes [cols, rows]; those of [rows, cols] lie at 0
  int64_t scales;           ///< float32, one of each of `rows`
  int64_t transposedScales; ///< float32, one of each of `cols`
  int64_t bytes;            ///< of all
};

/// codes [rows, cols] and scales [rows] of x, whose rows are `stride` elements apart. T is float or bf16.
template <class T>
void quantizeRows(const T *x, int64_t stride, int64_t rows, int64_t cols, uint8_t *codes, float *scales);

/// dst[0 .. Fp8Layout(rows, cols).bytes) = both forms of a matrix, each quantized from the values themselves.
template <class T> void quantizeFp8(const T *src, int64_t rows, int64_t cols, uint8_t *dst);

} // namespace peft

#endif // PEFT_RUNTIME_FP8_H
