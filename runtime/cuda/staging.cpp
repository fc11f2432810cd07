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

template <class Send>
Status Staging::inParts(const void *from, uint64_t bytes, uint64_t partBytes, cudaStream_t stream,
                        Send send) {
  int turn = 0;
  for (uint64_t begin = 0; begin < bytes; begin += partBytes, turn = 1 - turn) {
    const uint64_t count = std::min(partBytes, bytes - begin);
    const Buffer &buffer = buffers[turn];
    PEFT_TRY(gpuStatus(cudaEventSynchronize(buffer.crossed), "cannot copy to the gpu"));
    copyInParallel(buffer.memory, static_cast<const char *>(from) + begin, count);
    PEFT_TRY(gpuStatus(send(buffer.memory, begin, count), "cannot copy to the gpu"));
    PEFT_TRY(gpuStatus(cudaEventRecord(buffer.crossed, stream), "cannot copy to the gpu"));
  }
  return gpuStatus(cudaStreamSynchronize(stream), "cannot copy to the gpu");
}

Status Staging::upload(void *to, const void *from, uint64_t bytes, cudaStream_t stream) {
  return inParts(from, bytes, bufferBytes, stream, [&](const char *part, uint64_t begin, uint64_t count) {
    return cudaMemcpyAsync(static_cast<char *>(to) + begin, part, count, cudaMemcpyHostToDevice, stream);
  });
}

Status Staging::uploadRows(char *to, uint64_t pitch, const void *from, uint64_t rowBytes, uint64_t rows,
                           cudaStream_t stream) {
  if (pitch == rowBytes)
    return upload(to, from, rowBytes * rows, stream);
  if (rowBytes > bufferBytes) {
    for (uint64_t row = 0; row < rows; ++row)
      PEFT_TRY(upload(to + row * pitch, static_cast<const char *>(from) + row * rowBytes, rowBytes, stream));
    return Status::ok();
  }
  return inParts(from, rowBytes * rows, bufferBytes / rowBytes * rowBytes, stream,
                 [&](const char *part, uint64_t begin, uint64_t count) {
                   return cudaMemcpy2DAsync(to + begin / rowBytes * pitch, pitch, part, rowBytes, rowBytes,
                                            count / rowBytes, cudaMemcpyHostToDevice, stream);
                 });
}

} // namespace peft::device
