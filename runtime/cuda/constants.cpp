//===- constants.cpp - an emitted program's constant arrays ---------------===//

#include "constants.h"

#include "check.h"

#include <unordered_map>

namespace peft::rt {
namespace {

/// A copy, by a stream of its own: the context's may be recording.
void *copyOf(const peft_context_t &ctx, const void *host, uint64_t bytes) {
  void *memory = nullptr;
  cudaStream_t stream = nullptr;
  if (!check(ctx, cudaMalloc(&memory, bytes), "constants") ||
      !check(ctx, cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "constants"))
    return memory;
  check(ctx, cudaMemcpyAsync(memory, host, bytes, cudaMemcpyHostToDevice, stream), "constants");
  check(ctx, cudaStreamSynchronize(stream), "constants");
  cudaStreamDestroy(stream);
  return memory;
}

} // namespace

const void *onDevice(const peft_context_t &ctx, const void *host, uint64_t bytes) {
  static std::unordered_map<const void *, void *> copies; // one device, one thread
  if (!bytes)
    return host;
  if (auto found = copies.find(host); found != copies.end())
    return found->second;
  cudaPointerAttributes attributes{};
  if (!check(ctx, cudaPointerGetAttributes(&attributes, host), "constants"))
    return host;
  if (attributes.type != cudaMemoryTypeUnregistered)
    return attributes.devicePointer;
  return copies[host] = copyOf(ctx, host, bytes);
}

} // namespace peft::rt
