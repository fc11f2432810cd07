//===- staging.h - copies to the GPU through pinned memory ----------------===//
//
// The bus reads pinned memory only. A mapped file goes through two pinned buffers in
// turn: one is filled by the processor while the other crosses the bus. One thread.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CUDA_STAGING_H
#define PEFT_RUNTIME_CUDA_STAGING_H

#include "peft/runtime/status.h"

#include <cstdint>
#include <memory>

#include <cuda_runtime.h>

namespace peft::device {

class Staging {
public:
  static Result<std::unique_ptr<Staging>> create();
  Staging() = default;
  Staging(const Staging &) = delete;

  /// Done when it returns.
  Status upload(void *to, const void *from, uint64_t bytes, cudaStream_t);
  /// `rows` of rowBytes, one behind the other, to where they begin `pitch` bytes apart. Done when it returns.
  Status uploadRows(char *to, uint64_t pitch, const void *from, uint64_t rowBytes, uint64_t rows,
                    cudaStream_t);

private:
  /// send(pinned memory, begin, count) enqueues each part of at most partBytes.
  template <class Send>
  Status inParts(const void *from, uint64_t bytes, uint64_t partBytes, cudaStream_t, Send send);

  struct Buffer {
    char *memory = nullptr;
    cudaEvent_t crossed = nullptr; ///< its last copy
  };
  Buffer buffers[2]; ///< the process's, never freed
};

} // namespace peft::device

#endif // PEFT_RUNTIME_CUDA_STAGING_H
