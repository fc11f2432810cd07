//===- amx.h - products of bf16 in AMX tiles ------------------------------===//
//
// Everything is made of cells: 32 x 32 elements, four tiles, 2 KB in bf16. A matrix X is
// an operand of a product in one of two forms:
//
//   rows(X):   [32][32], the left operand; X's columns are summed over
//   pairs(X):  [16][32][2], the right operand: rows 2p and 2p + 1 side by side in 32-bit
//              words; X's rows are summed over
//
// Exchanging the rows and columns of such words transposes X and changes its form:
//
//   pairs(X^T) = words(rows(X))^T      rows(X^T) = words(pairs(X))^T
//
// The instructions are written out, because g++ 12's intrinsics do not say that they
// read memory. For files that are compiled with -mavx512bf16.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CPU_AMX_H
#define PEFT_RUNTIME_CPU_AMX_H

#include "simd.h"

#include <algorithm>

#include <immintrin.h>

namespace peft::rt::amx {

inline constexpr int64_t side = 32, cell = side * side;
inline constexpr int64_t rowBytes = side * sizeof(bf16), pairBytes = 2 * rowBytes,
                         floatBytes = side * sizeof(float);

/// Eight tiles of 16 rows of 64 bytes for the calling thread, while it lives.
class Tiles {
public:
  Tiles() {
    struct {
      uint8_t palette = 1, startRow = 0, reserved[14] = {};
      uint16_t columnBytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    } config;
    asm volatile("ldtilecfg %0" ::"m"(config));
  }
  ~Tiles() { asm volatile("tilerelease"); }
  Tiles(const Tiles &) = delete;
};

template <int tile> inline void loadTile(const void *from, int64_t stride) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(tile) : "memory");
}
template <int tile> inline void storeTile(void *to, int64_t stride) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(tile) : "memory");
}
template <int tile> inline void zeroTile() { asm volatile("tilezero %%tmm%c0" ::"i"(tile)); }
/// sum += a b
template <int sum, int a, int b> inline void multiplyTiles() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(sum), "i"(a), "i"(b));
}

/// c [32][32] = or += the sum of `steps` cells a, in rows, times cells b, in pairs;
/// successive ones are `aStep` and `bStep` elements apart.
template <bool Add>
inline void product(float *c, const bf16 *a, int64_t aStep, const bf16 *b, int64_t bStep, int64_t steps) {
  float *low = c + side / 2 * side;
  if constexpr (Add) {
    loadTile<0>(c, floatBytes);
    loadTile<1>(c + 16, floatBytes);
    loadTile<2>(low, floatBytes);
    loadTile<3>(low + 16, floatBytes);
  } else {
    zeroTile<0>();
    zeroTile<1>();
    zeroTile<2>();
    zeroTile<3>();
  }
  for (int64_t step = 0; step < steps; ++step, a += aStep, b += bStep) {
    loadTile<4>(a, rowBytes);
    loadTile<6>(b, pairBytes);
    multiplyTiles<0, 4, 6>();
    loadTile<7>(b + side, pairBytes);
    multiplyTiles<1, 4, 7>();
    loadTile<5>(a + cell / 2, rowBytes);
    multiplyTiles<2, 5, 6>();
    multiplyTiles<3, 5, 7>();
  }
  storeTile<0>(c, floatBytes);
  storeTile<1>(c + 16, floatBytes);
  storeTile<2>(low, floatBytes);
  storeTile<3>(low + 16, floatBytes);
}

/// The first `count` of 32 elements, `count` being any number.
inline __mmask32 firstOf(int64_t count) {
  return count >= side ? ~__mmask32(0) : count <= 0 ? 0 : (__mmask32(1) << count) - 1;
}

/// to = rows(X) of X [count][columns], zeros beyond.
inline void loadRows(bf16 *to, const bf16 *from, int64_t stride, int64_t count, int64_t columns) {
  const __mmask32 mask = firstOf(columns);
  for (int64_t i = 0; i < side; ++i)
    _mm512_store_si512(to + i * side, i < count ? _mm512_maskz_loadu_epi16(mask, from + i * stride)
                                                : _mm512_setzero_si512());
}
/// X [count][columns] from rows(X).
inline void storeRows(const bf16 *from, bf16 *to, int64_t stride, int64_t count, int64_t columns) {
  const __mmask32 mask = firstOf(columns);
  for (int64_t i = 0; i < std::min(count, side); ++i)
    _mm512_mask_storeu_epi16(to + i * stride, mask, _mm512_load_si512(from + i * side));
}

/// For a shuffle of two rows: words of elements first, first + 1, ... of both.
inline __m512i pairIndex(int first) {
  alignas(64) uint16_t index[32];
  for (int i = 0; i < 32; ++i)
    index[i] = uint16_t(first + i / 2 + i % 2 * 32);
  return _mm512_load_si512(index);
}

/// Two rows of rows(X) -> the row of pairs(X) that holds them.
inline void storePair(bf16 *to, __m512i even, __m512i odd) {
  _mm512_store_si512(to, _mm512_permutex2var_epi16(even, pairIndex(0), odd));
  _mm512_store_si512(to + side, _mm512_permutex2var_epi16(even, pairIndex(16), odd));
}
/// pairs(X) from rows(X).
inline void pairsOf(bf16 *pairs, const bf16 *rows) {
  for (int64_t i = 0; i < side; i += 2)
    storePair(pairs + i * side, _mm512_load_si512(rows + i * side), _mm512_load_si512(rows + (i + 1) * side));
}

/// A row of 32 floats as bf16, rounded to nearest even.
inline __m512i rounded(Floats low, Floats high) { return __m512i(_mm512_cvtne2ps_pbh(high, low)); }

/// to [16][16] = the transpose of 32-bit words, rows `fromRow` and `toRow` elements apart.
inline void transposeWords(bf16 *to, int64_t toRow, const bf16 *from, int64_t fromRow) {
  auto quarter = [&](int64_t row, int64_t column) {
    return _mm_load_si128(reinterpret_cast<const __m128i *>(from + row * fromRow + column * 8));
  };
  for (int64_t column = 0; column < 4; ++column) {
    __m512i r[4]; // rows i, i + 4, i + 8, i + 12 of four columns
    for (int64_t i = 0; i < 4; ++i) {
      r[i] = _mm512_castsi128_si512(quarter(i, column));
      r[i] = _mm512_inserti32x4(r[i], quarter(i + 4, column), 1);
      r[i] = _mm512_inserti32x4(r[i], quarter(i + 8, column), 2);
      r[i] = _mm512_inserti32x4(r[i], quarter(i + 12, column), 3);
    }
    const __m512i low = _mm512_unpacklo_epi32(r[0], r[1]), lowNext = _mm512_unpacklo_epi32(r[2], r[3]);
    const __m512i high = _mm512_unpackhi_epi32(r[0], r[1]), highNext = _mm512_unpackhi_epi32(r[2], r[3]);
    bf16 *at = to + 4 * column * toRow;
    _mm512_store_si512(at, _mm512_unpacklo_epi64(low, lowNext));
    _mm512_store_si512(at + toRow, _mm512_unpackhi_epi64(low, lowNext));
    _mm512_store_si512(at + 2 * toRow, _mm512_unpacklo_epi64(high, highNext));
    _mm512_store_si512(at + 3 * toRow, _mm512_unpackhi_epi64(high, highNext));
  }
}

/// pairs(X^T) from rows(X).
inline void transposedPairsOf(bf16 *pairs, const bf16 *rows) {
  transposeWords(pairs, 2 * side, rows, side);
  transposeWords(pairs + side, 2 * side, rows + cell / 2, side);
}
/// rows(X^T) from pairs(X).
inline void transposedRowsOf(bf16 *rows, const bf16 *pairs) {
  transposeWords(rows, side, pairs, 2 * side);
  transposeWords(rows + cell / 2, side, pairs + side, 2 * side);
}

/// X [count][columns] from the transpose of a float cell whose two halves are multiplied by
/// `low` and `high`.
inline void storeTransposed(const float *sum, Floats low, Floats high, bf16 *to, int64_t stride,
                            int64_t count, int64_t columns) {
  alignas(64) bf16 rows[cell], pairs[cell];
  auto row = [&](int64_t i) {
    return rounded(low * load(sum + i * side), high * load(sum + i * side + lanes));
  };
  for (int64_t i = 0; i < side; i += 2)
    storePair(pairs + i * side, row(i), row(i + 1));
  transposedRowsOf(rows, pairs);
  storeRows(rows, to, stride, count, columns);
}

/// 2^x within 1e-7 of itself for x <= 127; 0 for -infinity.
inline Floats exp2Of(Floats x) {
  const Floats r = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); // x - floor(x)
  Floats p = Floats{} + 1.87757669e-3f;
  p = p * r + 8.98933969e-3f;
  p = p * r + 5.58263175e-2f;
  p = p * r + 2.40153611e-1f;
  p = p * r + 6.93153083e-1f;
  p = p * r + 9.99999940e-1f;
  return _mm512_scalef_ps(p, x);
}

} // namespace peft::rt::amx

#endif // PEFT_RUNTIME_CPU_AMX_H
