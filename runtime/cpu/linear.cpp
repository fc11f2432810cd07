//===- linear.cpp - matrix products ---------------------------------------===//
//
// Linear layers as products (gemm.h). Adapters take the same path as everything else:
// measured at two threads on the shapes of a small model, dnnl_sgemm of oneDNN 3.2 holds
// 400 to 450 of some 460 GFLOP/s on linears and 200 to 400 at rank 16.
//
//===----------------------------------------------------------------------===//

#include "gemm.h"
#include "parallel.h"
#include "peft/runtime/kernels.h"
#include "row_places.h"

namespace peft::rt {

template <class T>
void linear(const Context &, Tensor<T> y, Tensor<const T> x, Tensor<const T> w, Tensor<const T> bias,
            bool transposed, float alpha) {
  run(linearGemm<T>(y, x, w, bias.data, transposed, alpha, {}));
}

template <class T>
void linear_add(const Context &, Tensor<T> y, Tensor<const T> acc, Tensor<const T> x, Tensor<const T> w,
                bool transposed, float alpha) {
  run(linearGemm<T>(y, x, w, nullptr, transposed, alpha, acc));
}

template <class T>
void linear_weight_grad(const Context &, Tensor<float> sum, Tensor<const T> dy, Tensor<const T> x,
                        float alpha) {
  run(weightGradGemm(sum, dy, x, alpha));
}

template <class T> void sum_rows(const Context &, Tensor<float> sum, Tensor<const T> dy) {
  const int64_t rows = dy.rows(), cols = dy.cols();
  const RowStarts<const T> starts(dy);
  parallelColumns(cols, dy.size(), [&](int64_t begin, int64_t end) {
    for (int64_t i = 0; i < rows; ++i) {
      const T *from = starts[i];
#pragma omp simd
      for (int64_t c = begin; c < end; ++c)
        sum.data[c] += toFloat(from[c]);
    }
  });
}

#define INSTANTIATE(T)                                                                                       \
  template void linear(const Context &, Tensor<T>, Tensor<const T>, Tensor<const T>, Tensor<const T>, bool,  \
                       float);                                                                               \
  template void linear_add(const Context &, Tensor<T>, Tensor<const T>, Tensor<const T>, Tensor<const T>,    \
                           bool, float);                                                                     \
  template void linear_weight_grad(const Context &, Tensor<float>, Tensor<const T>, Tensor<const T>, float); \
  template void sum_rows(const Context &, Tensor<float>, Tensor<const T>);
INSTANTIATE(float)
INSTANTIATE(bf16)

} // namespace peft::rt
