//===- check.h - what went wrong inside a kernel's function ---------------===//
//
// Kernels return nothing: a call that the driver or a library refuses is remembered in
// the context, the first one only, since those after it follow from it. device::run
// reports it and forgets it.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CUDA_CHECK_H
#define PEFT_RUNTIME_CUDA_CHECK_H

#include "context.h"

namespace peft::rt {

/// Remembers `message`, one line in lower case, if it is the first.
inline void fail(const peft_context_t &ctx, const std::string &message) {
  std::string &failure = cudaOf(ctx).failure;
  if (failure.empty())
    failure = message;
}

/// Whether the call went well; `what` names it in the message.
inline bool check(const peft_context_t &ctx, cudaError_t error, const char *what) {
  if (error != cudaSuccess)
    fail(ctx, std::string(what) + ": " + cudaGetErrorString(error));
  return error == cudaSuccess;
}

/// The launch just made. An error of the kernel itself shows only when it has run.
inline bool checkLaunch(const peft_context_t &ctx, const char *kernel) {
  return check(ctx, cudaGetLastError(), kernel);
}

} // namespace peft::rt

#endif // PEFT_RUNTIME_CUDA_CHECK_H
