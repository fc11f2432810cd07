//===- tensor.h - what kernels read and write -----------------------------===//
//
// A Tensor is a pointer and a shape: dense, row-major, not owned. It is copied
// freely. Kernels take the last dimension as columns and all others as rows,
// unless they say otherwise. Those that say so take columns of a wider tensor too:
// rows that lie farther apart than they are long.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_TENSOR_H
#define PEFT_RUNTIME_TENSOR_H

#include "peft/runtime/abi.h"

#include <cstring>
#include <initializer_list>

#if defined(__CUDACC__)
#define PEFT_HD __host__ __device__ inline
#pragma nv_diag_suppress 554 // a Tensor<const T> is never converted to what it is already
#else
#define PEFT_HD inline
#endif

namespace peft {

/// The upper half of a float32, rounded to nearest even on conversion.
struct bf16 {
  uint16_t bits;
};

PEFT_HD float toFloat(float x) { return x; }
PEFT_HD float toFloat(bf16 x) {
  uint32_t bits = uint32_t(x.bits) << 16;
  float result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

template <class T> PEFT_HD T fromFloat(float x);
template <> PEFT_HD float fromFloat<float>(float x) { return x; }
template <> PEFT_HD bf16 fromFloat<bf16>(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  if ((bits & 0x7fffffffu) > 0x7f800000u) // NaN stays NaN
    return {uint16_t((bits >> 16) | 0x40)};
  return {uint16_t((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

template <class T> struct Tensor {
  T *data = nullptr;
  int32_t rank = 0;
  int64_t dims[4] = {1, 1, 1, 1};
  int64_t pitch = 0; ///< elements from a row to the next, if those are columns of a wider tensor

  Tensor() = default;
  Tensor(T *data, std::initializer_list<int64_t> shape, int64_t pitch = 0)
      : data(data), rank(int32_t(shape.size())), pitch(pitch) {
    int32_t i = 0;
    for (int64_t extent : shape)
      dims[i++] = extent;
  }
  /// Every tensor may be read where a constant one is wanted.
  operator Tensor<const T>() const {
    Tensor<const T> result;
    result.data = data;
    result.rank = rank;
    memcpy(result.dims, dims, sizeof dims);
    result.pitch = pitch;
    return result;
  }

  explicit operator bool() const { return data != nullptr; }
  int64_t cols() const { return rank ? dims[rank - 1] : 1; }
  int64_t size() const { return dims[0] * dims[1] * dims[2] * dims[3]; }
  int64_t rows() const { return size() / cols(); }
  /// Elements from a row to the next.
  int64_t rowStride() const { return pitch ? pitch : cols(); }
};

} // namespace peft

#endif // PEFT_RUNTIME_TENSOR_H
