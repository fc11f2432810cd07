//===- offload.cpp - copies between the GPU and pinned memory -------------===//
//
// All go over one stream of their own, one behind the other, beside the kernels. An event
// for each buffer says when its copy may begin, then when it has ended; while a step is
// recorded the same calls become a branch of the graph.
//
//===----------------------------------------------------------------------===//

#include "copy_memory.h"
#include "peft/runtime/kernels.h"

#include <map>

namespace peft::rt {
namespace {

/// One device, one thread; the process's, never freed.
cudaStream_t bus = nullptr;
std::map<const void *, cudaEvent_t> events; ///< by the buffer on the GPU

bool open(const peft_context_t &ctx, cudaEvent_t &event) {
  return (bus || check(ctx, cudaStreamCreateWithFlags(&bus, cudaStreamNonBlocking), "offload")) &&
         (event || check(ctx, cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "offload"));
}

/// y = x behind what is enqueued so far, `buffer` being the side on the GPU.
template <class T>
void begin(const peft_context_t &ctx, const void *buffer, const Tensor<T> &y, const Tensor<const T> &x,
           cudaMemcpyKind kind) {
  cudaEvent_t &event = events[buffer];
  if (!open(ctx, event) || !check(ctx, cudaEventRecord(event, cudaOf(ctx).stream), "offload") ||
      !check(ctx, cudaStreamWaitEvent(bus, event, 0), "offload") ||
      !check(ctx, copyMemory(y, x, kind, bus), "offload"))
    return;
  check(ctx, cudaEventRecord(event, bus), "offload");
}

} // namespace

template <class T> void offload(const Context &ctx, Tensor<T> host, Tensor<const T> x) {
  begin(ctx, x.data, host, x, cudaMemcpyDeviceToHost);
}

template <class T> void fetch(const Context &ctx, Tensor<T> y, Tensor<const T> host) {
  begin(ctx, y.data, y, host, cudaMemcpyHostToDevice);
}

template <class T> void await(const Context &ctx, Tensor<T> x) {
  auto it = events.find(x.data);
  if (it == events.end())
    fail(ctx, "await: no copy of this buffer has begun");
  else
    check(ctx, cudaStreamWaitEvent(cudaOf(ctx).stream, it->second, 0), "await");
}

#define INSTANTIATE(T)                                                                                       \
  template void offload(const Context &, Tensor<T>, Tensor<const T>);                                        \
  template void fetch(const Context &, Tensor<T>, Tensor<const T>);                                          \
  template void await(const Context &, Tensor<T>);
INSTANTIATE(float)
INSTANTIATE(bf16)

} // namespace peft::rt
