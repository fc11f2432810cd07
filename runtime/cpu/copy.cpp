//===- copy.cpp - copies and zeros ----------------------------------------===//

#include "parallel.h"
#include "peft/runtime/kernels.h"

#include <algorithm>

namespace peft::rt {

template <class T> void copy(const Context &, Tensor<T> y, Tensor<const T> x) {
  parallelFor(y.size(), y.size(), [&](int64_t begin, int64_t end) {
    memmove(y.data + begin, x.data + begin, size_t(end - begin) * sizeof(T));
  });
}

template <class T> void zero(const Context &, Tensor<T> y) {
  const int64_t rows = y.pitch ? y.rows() : 1, length = y.size() / std::max<int64_t>(rows, 1);
  parallelFor(y.size(), y.size(), [&](int64_t begin, int64_t end) {
    for (int64_t at = begin, n; at < end; at += n) { // to the end of a row that lies apart
      n = std::min(end - at, length - at % length);
      memset(static_cast<void *>(y.data + at / length * y.pitch + at % length), 0, size_t(n) * sizeof(T));
    }
  });
}

#define INSTANTIATE(T)                                                                                       \
  template void copy(const Context &, Tensor<T>, Tensor<const T>);                                           \
  template void zero(const Context &, Tensor<T>);
INSTANTIATE(float)
INSTANTIATE(bf16)
INSTANTIATE(int32_t)

} // namespace peft::rt
