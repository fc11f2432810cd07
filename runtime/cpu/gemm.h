//===- gemm.h - one matrix product, by oneDNN -----------------------------===//
//
// Row-major. Call from one thread; the library's own threads are OpenMP's.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CPU_GEMM_H
#define PEFT_RUNTIME_CPU_GEMM_H

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

void run(const Gemm<float, float> &);
/// Where the processor has no bf16 product, the operands are widened, which is slow and
/// right.
void run(const Gemm<bf16, bf16> &);
void run(const Gemm<bf16, float> &);

/// The same where the processor has AMX and this process may use it; only in the library
/// for AVX-512. Worth its copy of b from 32 rows on.
namespace amx {
void run(const Gemm<bf16, bf16> &);
void run(const Gemm<bf16, float> &);
} // namespace amx

} // namespace peft::rt

#endif // PEFT_RUNTIME_CPU_GEMM_H
