//===- copy.cpp - copies and zeros ----------------------------------------===//

#include "parallel.h"
#include "peft/runtime/kernels.h"

namespace peft::rt {

template <class T> void copy(const Context &, Tensor<T> y, Tensor<const T> x) {
  parallelFor(y.size(), y.size(), [&](int64_t begin, int64_t end) {
    memmove(y.data + begin, x.data + begin, size_t(end - begin) * sizeof(T));
  });
}

template <class T> void zero(const Context &, Tensor<T> y) {
  parallelFor(y.size(), y.size(), [&](int64_t begin, int64_t end) {
    memset(static_cast<void *>(y.data + begin), 0, size_t(end - begin) * sizeof(T));
  });
}

#define INSTANTIATE(T)                                                                                       \
  template void copy(const Context &, Tensor<T>, Tensor<const T>);                                           \
  template void zero(const Context &, Tensor<T>);
INSTANTIATE(float)
INSTANTIATE(bf16)
INSTANTIATE(int32_t)

} // namespace peft::rt
