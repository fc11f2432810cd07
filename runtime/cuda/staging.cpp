//===- staging.cpp - copies to the GPU through pinned memory --------------===//

#include "staging.h"

#include "device_errors.h"

#include <algorithm>
#include <cstring>

namespace peft::device {
namespace {

constexpr uint64_t bufferBytes = uint64_t(32) << 20;
constexpr uint64_t sliceBytes = uint64_t(1) << 20; ///< that one thread copies at a time

/// By all threads: one alone reads a mapped file slower than the bus takes it.
void copyInParallel(char *to, const char *from, uint64_t bytes) {
#pragma omp parallel for if (bytes > sliceBytes)
  for (uint64_t begin = 0; begin < bytes; begin += sliceBytes)
    memcpy(to + begin, from + begin, std::min(sliceBytes, bytes - begin));
}

} // namespace

Result<std::unique_ptr<Staging>> Staging::create() {
  auto staging = std::make_unique<Staging>();
  for (Buffer &buffer : staging->buffers) {
    PEFT_TRY(
        gpuStatus(cudaHostAlloc(reinterpret_cast<void **>(&buffer.memory), bufferBytes, cudaHostAllocDefault),
                  "cannot allocate pinned memory"));
    PEFT_TRY(
        gpuStatus(cudaEventCreateWithFlags(&buffer.crossed, cudaEventDisableTiming), "cannot use the gpu"));
  }
  return staging;
}

Status Staging::upload(void *to, const void *from, uint64_t bytes, cudaStream_t stream) {
  int turn = 0;
  for (uint64_t begin = 0; begin < bytes; begin += bufferBytes, turn = 1 - turn) {
    const uint64_t count = std::min(bufferBytes, bytes - begin);
    const Buffer &buffer = buffers[turn];
    PEFT_TRY(gpuStatus(cudaEventSynchronize(buffer.crossed), "cannot copy to the gpu"));
    copyInParallel(buffer.memory, static_cast<const char *>(from) + begin, count);
    PEFT_TRY(gpuStatus(cudaMemcpyAsync(static_cast<char *>(to) + begin, buffer.memory, count,
                                       cudaMemcpyHostToDevice, stream),
                       "cannot copy to the gpu"));
    PEFT_TRY(gpuStatus(cudaEventRecord(buffer.crossed, stream), "cannot copy to the gpu"));
  }
  return gpuStatus(cudaStreamSynchronize(stream), "cannot copy to the gpu");
}

} // namespace peft::device
