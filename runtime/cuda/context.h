//===- context.h - what CUDA kernels are launched with --------------------===//

#ifndef PEFT_RUNTIME_CUDA_CONTEXT_H
#define PEFT_RUNTIME_CUDA_CONTEXT_H

#include "attention.h"
#include "peft/runtime/abi.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include <cuda_runtime.h>

namespace peft::rt {

/// Behind peft_context_t::device. One stream: kernels run in the order of the calls.
struct CudaContext {
  cudaStream_t stream = nullptr;
  int multiprocessors = 0;
  int capability = 0;        ///< 90 for sm_90
  bool deterministic = true; ///< the same bits in every run
  char *workspace = nullptr; ///< of the libraries; its contents don't outlive a call
  uint64_t workspaceBytes = 0;
  AttentionLayout attention; ///< of the batch at hand; part of a captured graph's key
  std::string failure;       ///< the first of a run (check.h), or empty
  bool capturing = false; ///< calls are being recorded into a graph: nothing may wait, allocate or be timed
  int64_t mostRows = 0;   ///< that the last labelled_rows may count: what forEachChunk records calls for
};

inline CudaContext &cudaOf(const peft_context_t &ctx) { return *static_cast<CudaContext *>(ctx.device); }

} // namespace peft::rt

#endif // PEFT_RUNTIME_CUDA_CONTEXT_H
