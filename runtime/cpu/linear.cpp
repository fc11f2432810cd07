//===- linear.cpp - matrix products ---------------------------------------===//
//
// Linear layers as oneDNN products (gemm.h). Measured at two threads on the shapes of a
// small model, dnnl_sgemm holds 80 to 90 % of the processor's peak down to rank 16, so
// adapters take the same path as everything else; only very wide results are split.
//
//===----------------------------------------------------------------------===//

#include "gemm.h"
#include "parallel.h"
#include "peft/runtime/kernels.h"

namespace peft::rt {
namespace {

/// Columns of the result that one call computes. oneDNN loses 15 % on a vocabulary's
/// worth of them: its parts of W and y fall out of the cache.
int64_t columnStep(int64_t columns) {
  int64_t step = 768 * omp_get_max_threads();
  return columns > 4 * step ? step : columns;
}

template <class T>
void product(Tensor<T> y, Tensor<const T> x, Tensor<const T> w, const T *bias, bool transposed, float alpha,
             bool add) {
  const int64_t in = x.cols(), out = y.cols();
  Gemm<T, T> gemm;
  gemm.m = x.rows();
  gemm.k = in;
  gemm.a = x.data;
  gemm.lda = in;
  gemm.transposeB = !transposed;
  gemm.ldb = transposed ? out : in;
  gemm.ldc = out;
  gemm.alpha = alpha;
  gemm.add = add;
  const int64_t step = columnStep(out);
  for (int64_t column = 0; column < out; column += step) {
    gemm.n = std::min(step, out - column);
    gemm.b = w.data + (transposed ? column : column * in);
    gemm.c = y.data + column;
    gemm.bias = bias ? bias + column : nullptr;
    run(gemm);
  }
}

} // namespace

template <class T>
void linear(const Context &, Tensor<T> y, Tensor<const T> x, Tensor<const T> w, Tensor<const T> bias,
            bool transposed, float alpha) {
  product(y, x, w, bias.data, transposed, alpha, false);
}

template <class T>
void linear_add(const Context &, Tensor<T> y, Tensor<const T> x, Tensor<const T> w, bool transposed,
                float alpha) {
  product<T>(y, x, w, nullptr, transposed, alpha, true);
}

template <class T>
void linear_weight_grad(const Context &, Tensor<float> sum, Tensor<const T> dy, Tensor<const T> x,
                        float alpha) {
  Gemm<T, float> gemm;
  gemm.m = dy.cols();
  gemm.n = x.cols();
  gemm.k = x.rows();
  gemm.a = dy.data;
  gemm.lda = dy.cols();
  gemm.transposeA = true;
  gemm.b = x.data;
  gemm.ldb = x.cols();
  gemm.c = sum.data;
  gemm.ldc = x.cols();
  gemm.alpha = alpha;
  gemm.add = true;
  run(gemm);
}

template <class T> void sum_rows(const Context &, Tensor<float> sum, Tensor<const T> dy) {
  const int64_t rows = dy.rows(), cols = dy.cols();
  parallelColumns(cols, dy.size(), [&](int64_t begin, int64_t end) {
    for (int64_t i = 0; i < rows; ++i) {
      const T *from = dy.data + i * cols;
#pragma omp simd
      for (int64_t c = begin; c < end; ++c)
        sum.data[c] += toFloat(from[c]);
    }
  });
}

#define INSTANTIATE(T)                                                                                       \
  template void linear(const Context &, Tensor<T>, Tensor<const T>, Tensor<const T>, Tensor<const T>, bool,  \
                       float);                                                                               \
  template void linear_add(const Context &, Tensor<T>, Tensor<const T>, Tensor<const T>, bool, float);       \
  template void linear_weight_grad(const Context &, Tensor<float>, Tensor<const T>, Tensor<const T>, float); \
  template void sum_rows(const Context &, Tensor<float>, Tensor<const T>);
INSTANTIATE(float)
INSTANTIATE(bf16)

} // namespace peft::rt
