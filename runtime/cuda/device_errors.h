//===- device_errors.h - a GPU that is missing, old, full or broken -------===//
//
// One line each, as every Status: the cause and what would work.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CUDA_DEVICE_ERRORS_H
#define PEFT_RUNTIME_CUDA_DEVICE_ERRORS_H

#include "peft/runtime/status.h"

#include <cstdint>

#include <cuda_runtime.h>

namespace peft::device {

/// Ok, or `what` and the driver's reason.
Status gpuStatus(cudaError_t, const char *what);

/// Whether there is a GPU with a driver that this program runs on.
Status checkGpu();

/// An allocation that failed: what wanted `bytes`, how much is free.
Status outOfMemory(cudaError_t, const char *what, uint64_t bytes);

} // namespace peft::device

#endif // PEFT_RUNTIME_CUDA_DEVICE_ERRORS_H
