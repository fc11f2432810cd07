//===- copy.cu - copies and zeros -----------------------------------------===//

#include "check.h"
#include "peft/runtime/kernels.h"

namespace peft::rt {

template <class T> void copy(const Context &ctx, Tensor<T> y, Tensor<const T> x) {
  if (y.size() && y.data != x.data)
    check(ctx,
          cudaMemcpyAsync(y.data, x.data, size_t(y.size()) * sizeof(T), cudaMemcpyDeviceToDevice,
                          cudaOf(ctx).stream),
          "copy");
}

template <class T> void zero(const Context &ctx, Tensor<T> y) {
  if (y.size())
    check(ctx, cudaMemsetAsync(y.data, 0, size_t(y.size()) * sizeof(T), cudaOf(ctx).stream), "zero");
}

#define INSTANTIATE(T)                                                                                       \
  template void copy(const Context &, Tensor<T>, Tensor<const T>);                                           \
  template void zero(const Context &, Tensor<T>);
INSTANTIATE(float)
INSTANTIATE(bf16)
INSTANTIATE(int32_t)

} // namespace peft::rt
