//===- gemm.h - a matrix product to be made -------------------------------===//
//
// What a linear layer's kernels hand to a library or to tiles: cpu/gemm.h and
// cuda/gemm.h run it. Row-major, not owned.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_GEMM_H
#define PEFT_RUNTIME_GEMM_H

#include "peft/runtime/fp8.h"
#include "peft/runtime/tensor.h"

namespace peft::rt {

/// c [m, n] = alpha * a b + bias, or add + alpha * a b; sums are float.
/// `lda`, `ldb`, `ldc` and `ldadd` are the elements between rows as stored.
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
  const R *bias = nullptr; ///< [n] or none; none beside `add`
  const R *add = nullptr;  ///< [m, n] or none; c itself, or memory apart from it
  int64_t ldadd = 0;
  float alpha = 1;
};

/// c [m, n] = alpha * diag(aScales) a b^T diag(bScales), or add + that: e4m3 codes a [m, k] and b [n, k],
/// one row behind the other, and a scale a row (fp8.h). Sums are float.
template <class R> struct Fp8Gemm {
  int64_t m = 0, n = 0, k = 0;
  const uint8_t *a = nullptr;
  const float *aScales = nullptr;
  const uint8_t *b = nullptr;
  const float *bScales = nullptr;
  R *c = nullptr;
  const R *add = nullptr; ///< [m, n] or none; c itself, or memory apart from it
  float alpha = 1;
  bool fast = false; ///< on a GPU: sums stay in the tensor cores, at some 14 bits, from end to end
};

/// kernels.h's fp8_linear without its bias, and fp8_linear_add.
template <class T>
Fp8Gemm<T> fp8LinearGemm(Tensor<T> y, Tensor<const uint8_t> codes, Tensor<const float> scales,
                         Tensor<const uint8_t> w, bool transposed, float alpha, const T *add) {
  const int64_t in = codes.cols(), out = y.cols();
  const Fp8Layout layout = transposed ? Fp8Layout(in, out) : Fp8Layout(out, in);
  Fp8Gemm<T> gemm;
  gemm.m = codes.rows();
  gemm.n = out;
  gemm.k = in;
  gemm.a = codes.data;
  gemm.aScales = scales.data;
  gemm.b = w.data + (transposed ? layout.transposed : 0);
  gemm.bScales =
      reinterpret_cast<const float *>(w.data + (transposed ? layout.transposedScales : layout.scales));
  gemm.c = y.data;
  gemm.add = add;
  gemm.alpha = alpha;
  return gemm;
}

/// y = alpha * x W^T + bias (x W when transposed), or add + alpha * x W^T: kernels.h's linear and linear_add.
template <class T>
Gemm<T, T> linearGemm(Tensor<T> y, Tensor<const T> x, Tensor<const T> w, const T *bias, bool transposed,
                      float alpha, Tensor<const T> add) {
  const int64_t in = x.cols(), out = y.cols();
  Gemm<T, T> gemm;
  gemm.m = x.rows();
  gemm.n = out;
  gemm.k = in;
  gemm.a = x.data;
  gemm.lda = x.rowStride();
  gemm.b = w.data;
  gemm.ldb = w.pitch ? w.pitch : transposed ? out : in;
  gemm.transposeB = !transposed;
  gemm.c = y.data;
  gemm.ldc = y.rowStride();
  gemm.bias = bias;
  gemm.add = add.data;
  gemm.ldadd = add.data ? add.rowStride() : 0;
  gemm.alpha = alpha;
  return gemm;
}

/// sum += alpha * dy^T x: linear_weight_grad.
template <class T>
Gemm<T, float> weightGradGemm(Tensor<float> sum, Tensor<const T> dy, Tensor<const T> x, float alpha) {
  Gemm<T, float> gemm;
  gemm.m = dy.cols();
  gemm.n = x.cols();
  gemm.k = x.rows();
  gemm.a = dy.data;
  gemm.lda = dy.rowStride();
  gemm.transposeA = true;
  gemm.b = x.data;
  gemm.ldb = x.rowStride();
  gemm.c = sum.data;
  gemm.ldc = x.cols();
  gemm.add = sum.data;
  gemm.ldadd = x.cols();
  gemm.alpha = alpha;
  return gemm;
}

} // namespace peft::rt

#endif // PEFT_RUNTIME_GEMM_H
