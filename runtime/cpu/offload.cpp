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

struct Crossing {
  void *to;
  const void *from;
  size_t bytes;
};

/// By the buffer that `await` names. One device, one thread.
std::map<const void *, Crossing> crossing;

} // namespace

template <class T> void offload(const Context &, Tensor<T> host, Tensor<const T> x) {
  crossing[x.data] = {host.data, x.data, size_t(x.size()) * sizeof(T)};
}

template <class T> void fetch(const Context &, Tensor<T> y, Tensor<const T> host) {
  crossing[y.data] = {y.data, host.data, size_t(y.size()) * sizeof(T)};
}

template <class T> void await(const Context &, Tensor<T> x) {
  auto it = crossing.find(x.data);
  if (it == crossing.end())
    return;
  memcpy(it->second.to, it->second.from, it->second.bytes);
  crossing.erase(it);
}

#define INSTANTIATE(T)                                                                                       \
  template void offload(const Context &, Tensor<T>, Tensor<const T>);                                        \
  template void fetch(const Context &, Tensor<T>, Tensor<const T>);                                          \
  template void await(const Context &, Tensor<T>);
INSTANTIATE(float)
INSTANTIATE(bf16)

} // namespace peft::rt
