//===- offload.cpp - copies that the host does not need -------------------===//
//
// All memory is the host's: copies that end at the latest moment they may. A schedule that
// takes a buffer back too early gives other numbers here, without a GPU.
//
//===----------------------------------------------------------------------===//

#include "peft/runtime/kernels.h"

#include <cstring>
#include <map>

namespace peft::rt {
namespace {

/// Rows of bytes, `toPitch` and `fromPitch` apart.
struct Crossing {
  char *to;
  const char *from;
  size_t toPitch, fromPitch, rowBytes, rows;
};

/// By the buffer that `await` names. One device, one thread.
std::map<const void *, Crossing> crossing;

/// What is dense need not have the other's shape.
template <class T> Crossing crossingOf(Tensor<T> to, Tensor<const T> from) {
  const int64_t cols = from.cols();
  return {reinterpret_cast<char *>(to.data),
          reinterpret_cast<const char *>(from.data),
          size_t(to.pitch ? to.pitch : cols) * sizeof(T),
          size_t(from.rowStride()) * sizeof(T),
          size_t(cols) * sizeof(T),
          size_t(from.rows())};
}

} // namespace

template <class T> void offload(const Context &, Tensor<T> host, Tensor<const T> x) {
  crossing[x.data] = crossingOf(host, x);
}

template <class T> void fetch(const Context &, Tensor<T> y, Tensor<const T> host) {
  crossing[y.data] = crossingOf(y, host);
}

template <class T> void await(const Context &, Tensor<T> x) {
  auto it = crossing.find(x.data);
  if (it == crossing.end())
    return;
  const Crossing &c = it->second;
  for (size_t row = 0; row < c.rows; ++row)
    memcpy(c.to + row * c.toPitch, c.from + row * c.fromPitch, c.rowBytes);
  crossing.erase(it);
}

#define INSTANTIATE(T)                                                                                       \
  template void offload(const Context &, Tensor<T>, Tensor<const T>);                                        \
  template void fetch(const Context &, Tensor<T>, Tensor<const T>);                                          \
  template void await(const Context &, Tensor<T>);
INSTANTIATE(float)
INSTANTIATE(bf16)

} // namespace peft::rt
