//===- soft_prompt.cpp - virtual tokens before each row -------------------===//

#include "parallel.h"
#include "peft/runtime/kernels.h"

namespace peft::rt {

template <class T> void soft_prompt(const Context &, Tensor<T> y, Tensor<const T> x, Tensor<const T> prompt) {
  const int64_t batch = x.dims[0], ahead = prompt.size(), given = x.size() / batch;
  parallelFor(batch, y.size(), [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      T *to = y.data + b * (ahead + given);
      std::copy_n(prompt.data, ahead, to);
      std::copy_n(x.data + b * given, given, to + ahead);
    }
  });
}

template <class T> void soft_prompt_grad(const Context &, Tensor<T> dx, Tensor<const T> dy) {
  const int64_t batch = dx.dims[0], given = dx.size() / batch, all = dy.size() / batch;
  parallelFor(batch, dx.size(), [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b)
      std::copy_n(dy.data + b * all + all - given, given, dx.data + b * given);
  });
}

template <class T> void soft_prompt_weight_grad(const Context &, Tensor<float> sum, Tensor<const T> dy) {
  const int64_t batch = dy.dims[0], all = dy.size() / batch;
  parallelFor(sum.size(), batch * sum.size(), [&](int64_t begin, int64_t end) {
    for (int64_t b = 0; b < batch; ++b) {
      const T *from = dy.data + b * all;
#pragma omp simd
      for (int64_t i = begin; i < end; ++i)
        sum.data[i] += toFloat(from[i]);
    }
  });
}

void prepend(const Context &, Tensor<int32_t> y, Tensor<const int32_t> x, int32_t value, bool positions) {
  const int64_t seq = x.cols(), count = y.cols() - seq;
  for (int64_t b = 0; b < x.rows(); ++b) {
    int32_t *to = y.data + b * (count + seq);
    for (int64_t i = 0; i < count; ++i)
      to[i] = positions ? int32_t(i) : value;
    for (int64_t i = 0; i < seq; ++i)
      to[count + i] = x.data[b * seq + i] + (positions ? int32_t(count) : 0);
  }
}

#define INSTANTIATE(T)                                                                                       \
  template void soft_prompt(const Context &, Tensor<T>, Tensor<const T>, Tensor<const T>);                   \
  template void soft_prompt_grad(const Context &, Tensor<T>, Tensor<const T>);                               \
  template void soft_prompt_weight_grad(const Context &, Tensor<float>, Tensor<const T>);
INSTANTIATE(float)
INSTANTIATE(bf16)

} // namespace peft::rt
