//===- constants.h - an emitted program's constant arrays -----------------===//

#ifndef PEFT_RUNTIME_CUDA_CONSTANTS_H
#define PEFT_RUNTIME_CUDA_CONSTANTS_H

#include "context.h"

namespace peft::rt {

/// Frequencies and indices are static arrays of the emitted program, which the device can't
/// read: `host` on the device, copied by the first call that names it and kept. What is
/// device memory already is returned as it is.
const void *onDevice(const peft_context_t &, const void *host, uint64_t bytes);

template <class T> const T *onDevice(const peft_context_t &ctx, const T *host, int64_t count) {
  return static_cast<const T *>(onDevice(ctx, static_cast<const void *>(host), uint64_t(count) * sizeof(T)));
}

} // namespace peft::rt

#endif // PEFT_RUNTIME_CUDA_CONSTANTS_H
