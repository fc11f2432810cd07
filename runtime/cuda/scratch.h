//===- scratch.h - the workspace for the length of a call -----------------===//

#ifndef PEFT_RUNTIME_CUDA_SCRATCH_H
#define PEFT_RUNTIME_CUDA_SCRATCH_H

#include "check.h"

namespace peft::rt {

/// `bytes` of the workspace for kernels that this call enqueues; null, and the failure kept,
/// if it has fewer.
inline void *scratch(const peft_context_t &ctx, const char *kernel, uint64_t bytes) {
  const CudaContext &cuda = cudaOf(ctx);
  if (bytes <= cuda.workspaceBytes)
    return cuda.workspace;
  fail(ctx, std::string(kernel) + ": wants " + std::to_string(bytes) + " bytes of workspace, there are " +
                std::to_string(cuda.workspaceBytes));
  return nullptr;
}

} // namespace peft::rt

#endif // PEFT_RUNTIME_CUDA_SCRATCH_H
