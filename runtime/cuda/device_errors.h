//===- device_errors.h - a GPU that is missing, old, full or broken -------===//
//
// One line each, as every Status: the cause and what would work. What is asked of the
// driver is apart from what is said about it, so that all of it is tested without a GPU.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CUDA_DEVICE_ERRORS_H
#define PEFT_RUNTIME_CUDA_DEVICE_ERRORS_H

#include "peft/runtime/status.h"

#include <cstdint>
#include <string>

#include <cuda_runtime.h>

namespace peft::device {

/// Ok, or `what` and the driver's reason.
Status gpuStatus(cudaError_t, const char *what);

/// What the driver says of itself and of its first GPU.
struct Gpu {
  int driver = 0, runtime = 0;     ///< CUDA's versions, 13000 for 13.0; no driver: 0
  cudaError_t error = cudaSuccess; ///< of asking how many GPUs there are
  int count = 0;
  std::string name = "the gpu";
  int major = 0, minor = 0; ///< its compute capability
  size_t free = 0, total = 0;
};
/// `free` and `total` by a GPU that is in use, the rest before that.
Gpu askGpu();
void askMemory(Gpu &);

/// Whether this program runs there.
Status checkGpu(const Gpu &);
/// An allocation that failed: `what` wanted `bytes`, how much is free.
Status outOfMemory(const Gpu &, const std::string &what, uint64_t bytes);

/// An allocation's error: the last, or the driver's reason if it is none of memory.
Status allocationStatus(cudaError_t, const char *what, uint64_t bytes);

} // namespace peft::device

#endif // PEFT_RUNTIME_CUDA_DEVICE_ERRORS_H
