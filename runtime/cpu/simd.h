//===- simd.h - vectors of floats, and the tile product of attention ------===//
//
// GCC's vector types: plain C++ operators on as many lanes as the machine has.
// Loops that vectorise by themselves don't use this; matrix tiles, whose accumulators
// must stay in registers, do.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CPU_SIMD_H
#define PEFT_RUNTIME_CPU_SIMD_H

#include "peft/runtime/tensor.h"

namespace peft::rt {

typedef float Float8 __attribute__((vector_size(32)));

inline Float8 load8(const float *p) {
  Float8 v;
  memcpy(&v, p, sizeof v);
  return v;
}
inline void store8(float *p, Float8 v) { memcpy(p, &v, sizeof v); }

/// As many floats as a register of the machine that this is compiled for holds, and the
/// tile of accumulators that fills its registers: with two vectors of b and one of a,
/// fifteen of AVX2's sixteen, 27 of AVX-512's 32.
#if defined(__AVX512F__)
inline constexpr int64_t lanes = 16, tileRows = 12;
#else
inline constexpr int64_t lanes = 8, tileRows = 6;
#endif
inline constexpr int64_t tileColumns = 2 * lanes;
typedef float Floats __attribute__((vector_size(lanes * sizeof(float))));

inline Floats load(const float *p) {
  Floats v;
  memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float *p, Floats v) { memcpy(p, &v, sizeof v); }

/// All lanes by a tree of halves.
template <class Combine> inline float reduce(Floats v, Combine combine) {
  float values[lanes];
  store(values, v);
  Float8 low = load8(values);
  if constexpr (lanes == 16)
    low = combine(low, load8(values + 8));
  low = combine(low, __builtin_shufflevector(low, low, 4, 5, 6, 7, 0, 1, 2, 3));
  low = combine(low, __builtin_shufflevector(low, low, 2, 3, 0, 1, 6, 7, 4, 5));
  low = combine(low, __builtin_shufflevector(low, low, 1, 0, 3, 2, 5, 4, 7, 6));
  return low[0];
}
inline float sumOf(Floats v) {
  return reduce(v, [](Float8 a, Float8 b) { return a + b; });
}
inline float largestOf(Floats v) {
  return reduce(v, [](Float8 a, Float8 b) { return a > b ? a : b; });
}

/// c [tileRows, tileColumns] = a b, or c + a b: a [tileRows, k] with any strides,
/// b [k, tileColumns] and c with rows `bRow` and `cRow` apart.
template <bool Add>
inline __attribute__((always_inline)) void tileProduct(int64_t k, const float *a, int64_t aRow,
                                                       int64_t aColumn, const float *b, int64_t bRow,
                                                       float *c, int64_t cRow) {
  Floats sum[tileRows][2];
#pragma GCC unroll 12
  for (int i = 0; i < tileRows; ++i) {
    sum[i][0] = Add ? load(c + i * cRow) : Floats{};
    sum[i][1] = Add ? load(c + i * cRow + lanes) : Floats{};
  }
  for (int64_t p = 0; p < k; ++p) {
    Floats low = load(b + p * bRow), high = load(b + p * bRow + lanes);
#pragma GCC unroll 12
    for (int i = 0; i < tileRows; ++i) {
      float x = a[i * aRow + p * aColumn];
      sum[i][0] += x * low;
      sum[i][1] += x * high;
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < tileRows; ++i) {
    store(c + i * cRow, sum[i][0]);
    store(c + i * cRow + lanes, sum[i][1]);
  }
}

/// The transpose of eight rows of eight.
inline void transpose8(Float8 r[8]) {
  Float8 t[8], u[8];
  for (int i = 0; i < 8; i += 2) {
    t[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    t[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int i = 0; i < 8; i += 4)
    for (int j = 0; j < 2; ++j) {
      u[i + 2 * j] = __builtin_shufflevector(t[i + j], t[i + 2 + j], 0, 1, 8, 9, 4, 5, 12, 13);
      u[i + 2 * j + 1] = __builtin_shufflevector(t[i + j], t[i + 2 + j], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  for (int i = 0; i < 4; ++i) {
    r[i] = __builtin_shufflevector(u[i], u[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    r[i + 4] = __builtin_shufflevector(u[i], u[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

} // namespace peft::rt

#endif // PEFT_RUNTIME_CPU_SIMD_H
