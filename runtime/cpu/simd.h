//===- simd.h - eight floats at a time, and the tile product of attention -===//
//
// GCC's vector types: plain C++ operators on eight lanes, whatever the machine has.
// Loops that vectorise by themselves don't use this; matrix tiles, whose accumulators
// must stay in registers, do.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CPU_SIMD_H
#define PEFT_RUNTIME_CPU_SIMD_H

#include "peft/runtime/tensor.h"

namespace peft::rt {

typedef float Float8 __attribute__((vector_size(32)));
typedef int32_t Int8 __attribute__((vector_size(32)));

inline Float8 load8(const float *p) {
  Float8 v;
  memcpy(&v, p, sizeof v);
  return v;
}
inline void store8(float *p, Float8 v) { memcpy(p, &v, sizeof v); }

/// All lanes by a tree of halves.
inline float sumOf(Float8 v) {
  v += __builtin_shuffle(v, (Int8{4, 5, 6, 7, 0, 1, 2, 3}));
  v += __builtin_shuffle(v, (Int8{2, 3, 0, 1, 6, 7, 4, 5}));
  return v[0] + v[1];
}
inline float largestOf(Float8 v) {
  Float8 other = __builtin_shuffle(v, (Int8{4, 5, 6, 7, 0, 1, 2, 3}));
  v = v > other ? v : other;
  other = __builtin_shuffle(v, (Int8{2, 3, 0, 1, 6, 7, 4, 5}));
  v = v > other ? v : other;
  return v[0] > v[1] ? v[0] : v[1];
}

/// c [6, 16] = a b, or c + a b: a [6, k] with any strides, b [k, 16] and c with rows
/// `bRow` and `cRow` apart. Twelve accumulators, two of b's and one of a's vectors
/// fill the sixteen registers of AVX2.
template <bool Add>
inline __attribute__((always_inline)) void tile6x16(int64_t k, const float *a, int64_t aRow, int64_t aColumn,
                                                    const float *b, int64_t bRow, float *c, int64_t cRow) {
  Float8 sum[6][2];
#pragma GCC unroll 6
  for (int i = 0; i < 6; ++i) {
    sum[i][0] = Add ? load8(c + i * cRow) : Float8{};
    sum[i][1] = Add ? load8(c + i * cRow + 8) : Float8{};
  }
  for (int64_t p = 0; p < k; ++p) {
    Float8 low = load8(b + p * bRow), high = load8(b + p * bRow + 8);
#pragma GCC unroll 6
    for (int i = 0; i < 6; ++i) {
      float x = a[i * aRow + p * aColumn];
      sum[i][0] += x * low;
      sum[i][1] += x * high;
    }
  }
#pragma GCC unroll 6
  for (int i = 0; i < 6; ++i) {
    store8(c + i * cRow, sum[i][0]);
    store8(c + i * cRow + 8, sum[i][1]);
  }
}

/// The transpose of eight rows of eight.
inline void transpose8(Float8 r[8]) {
  const Int8 low = {0, 8, 1, 9, 4, 12, 5, 13}, high = {2, 10, 3, 11, 6, 14, 7, 15};
  const Int8 evenPair = {0, 1, 8, 9, 4, 5, 12, 13}, oddPair = {2, 3, 10, 11, 6, 7, 14, 15};
  const Int8 lowHalf = {0, 1, 2, 3, 8, 9, 10, 11}, highHalf = {4, 5, 6, 7, 12, 13, 14, 15};
  Float8 t[8], u[8];
  for (int i = 0; i < 8; i += 2) {
    t[i] = __builtin_shuffle(r[i], r[i + 1], low);
    t[i + 1] = __builtin_shuffle(r[i], r[i + 1], high);
  }
  for (int i = 0; i < 8; i += 4)
    for (int j = 0; j < 2; ++j) {
      u[i + 2 * j] = __builtin_shuffle(t[i + j], t[i + 2 + j], evenPair);
      u[i + 2 * j + 1] = __builtin_shuffle(t[i + j], t[i + 2 + j], oddPair);
    }
  for (int i = 0; i < 4; ++i) {
    r[i] = __builtin_shuffle(u[i], u[i + 4], lowHalf);
    r[i + 4] = __builtin_shuffle(u[i], u[i + 4], highHalf);
  }
}

} // namespace peft::rt

#endif // PEFT_RUNTIME_CPU_SIMD_H
