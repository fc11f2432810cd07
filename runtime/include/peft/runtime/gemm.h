//===- gemm.h - a matrix product to be made -------------------------------===//
//
// What a linear layer's kernels hand to a library or to tiles: cpu/gemm.h and
// cuda/gemm.h run it. Row-major, not owned.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_GEMM_H
#define PEFT_RUNTIME_GEMM_H

#include "peft/runtime/tensor.h"

namespace peft::rt {

/// c [m, n] = alpha * a b + bias, or c + alpha * a b when `add`; sums are float.
/// `lda`, `ldb` and `ldc` are the elements between rows as stored.
template <class T, class R> struct Gemm {
  int64_t m = 0, n = 0, k = 0;
  const T *a = nullptr; ///< [m, k], or [k, m] when transposeA
  int64_t lda = 0;
  bool transposeA = false;
  const T *b = nullptr; ///< [k, n], or [n, k] when transposeB
  int64_t ldb = 0;
  bool transposeB = false;
  R *c = nullptr;
  int64_t ldc = 0;
  const R *bias = nullptr; ///< [n] or none; none when `add`
  float alpha = 1;
  bool add = false;
};

} // namespace peft::rt

#endif // PEFT_RUNTIME_GEMM_H
