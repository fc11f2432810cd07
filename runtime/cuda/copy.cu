//===- copy.cu - copies and zeros -----------------------------------------===//

#include "copy_memory.h"
#include "peft/runtime/kernels.h"

namespace peft::rt {

template <class T> void copy(const Context &ctx, Tensor<T> y, Tensor<const T> x) {
  if (y.size() && y.data != x.data)
    check(ctx, copyMemory(y, x, cudaMemcpyDeviceToDevice, cudaOf(ctx).stream), "copy");
}

template <class T> void zero(const Context &ctx, Tensor<T> y) {
  if (!y.size())
    return;
  const cudaStream_t stream = cudaOf(ctx).stream;
  const size_t row = size_t(y.cols()) * sizeof(T), rows = size_t(y.rows());
  check(ctx,
        isDense(y) ? cudaMemsetAsync(y.data, 0, rows * row, stream)
                   : cudaMemset2DAsync(y.data, size_t(y.pitch) * sizeof(T), 0, row, rows, stream),
        "zero");
}

#define INSTANTIATE(T)                                                                                       \
  template void copy(const Context &, Tensor<T>, Tensor<const T>);                                           \
  template void zero(const Context &, Tensor<T>);
INSTANTIATE(float)
INSTANTIATE(bf16)
INSTANTIATE(int32_t)

} // namespace peft::rt
