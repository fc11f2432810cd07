//===- vector.h - consecutive elements, 16 bytes at a time ----------------===//
//
// A Pack is N elements as they lie in memory, in registers: it is loaded and stored by
// as few instructions as there are, and its elements are converted when they are used.
// Loading all packs before using the first keeps several reads in flight.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CUDA_VECTOR_H
#define PEFT_RUNTIME_CUDA_VECTOR_H

#include "peft/runtime/tensor.h"

#include <cuda_runtime.h>

namespace peft::rt {

/// Elements of T in 16 bytes.
template <class T> inline constexpr int wide = 16 / int(sizeof(T));

/// Whether rows lie one behind the other.
template <class T> bool isDense(const Tensor<T> &x) { return x.rowStride() == x.cols(); }

/// Whether 16 bytes can be moved at once from and to `p`.
inline bool isWide(const void *p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; }

/// The same of the begin of each row. REQUIRES: the rows of a dense tensor are whole vectors.
template <class T> bool isWide(const Tensor<T> &x) { return isWide(x.data) && x.pitch % wide<T> == 0; }

#if defined(__CUDACC__)
namespace detail {
/// Two floats rounded to nearest even, the first in the low half.
__device__ inline uint32_t packBf16(float low, float high) {
  uint32_t word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
}
} // namespace detail

template <class T, int N> struct Pack {
  static constexpr int count = N;
  static constexpr int words = N * int(sizeof(T)) / 4;
  static_assert(words == 2 || words % 4 == 0, "a pack is 8 bytes or a multiple of 16");
  uint32_t word[words];

  /// REQUIRES: p is a multiple of the pack's size, or of 16.
  __device__ static Pack load(const T *p) {
    Pack pack;
    if constexpr (words == 2) {
      const uint2 part = *reinterpret_cast<const uint2 *>(p);
      pack.word[0] = part.x, pack.word[1] = part.y;
    } else {
#pragma unroll
      for (int i = 0; i < words; i += 4) {
        const uint4 part = reinterpret_cast<const uint4 *>(p)[i / 4];
        pack.word[i] = part.x, pack.word[i + 1] = part.y, pack.word[i + 2] = part.z,
        pack.word[i + 3] = part.w;
      }
    }
    return pack;
  }
  __device__ void store(T *p) const {
    if constexpr (words == 2) {
      *reinterpret_cast<uint2 *>(p) = make_uint2(word[0], word[1]);
    } else {
#pragma unroll
      for (int i = 0; i < words; i += 4)
        reinterpret_cast<uint4 *>(p)[i / 4] = make_uint4(word[i], word[i + 1], word[i + 2], word[i + 3]);
    }
  }
  /// REQUIRES: i is a constant once loops are unrolled.
  __device__ float operator[](int i) const {
    if constexpr (sizeof(T) == 4)
      return __uint_as_float(word[i]);
    else
      return __uint_as_float(i % 2 ? word[i / 2] & 0xffff0000u : word[i / 2] << 16);
  }
  __device__ static Pack of(const float (&values)[N]) {
    Pack pack;
#pragma unroll
    for (int i = 0; i < words; ++i) {
      if constexpr (sizeof(T) == 4)
        pack.word[i] = __float_as_uint(values[i]);
      else
        pack.word[i] = detail::packBf16(values[2 * i], values[2 * i + 1]);
    }
    return pack;
  }
};

/// One element, wherever it lies.
template <class T> struct Pack<T, 1> {
  static constexpr int count = 1;
  T value;

  __device__ static Pack load(const T *p) { return {*p}; }
  __device__ void store(T *p) const { *p = value; }
  __device__ float operator[](int) const { return toFloat(value); }
  __device__ static Pack of(const float (&values)[1]) { return {fromFloat<T>(values[0])}; }
};

/// N times the same.
template <class T, int N> __device__ Pack<T, N> spread(T value) {
  float values[N];
#pragma unroll
  for (int i = 0; i < N; ++i)
    values[i] = toFloat(value);
  return Pack<T, N>::of(values);
}
#endif

} // namespace peft::rt

#endif // PEFT_RUNTIME_CUDA_VECTOR_H
