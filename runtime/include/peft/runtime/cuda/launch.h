//===- launch.h - starting a kernel on the context's stream ---------------===//
//
// For .cu files, emitted ones too: what they need of the context without knowing it.
// A launch that the driver refuses is kept in the context; device::run reports it.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CUDA_LAUNCH_H
#define PEFT_RUNTIME_CUDA_LAUNCH_H

#include "peft/runtime/abi.h"

#include <cuda_runtime.h>

namespace peft::rt {

cudaStream_t streamOf(const peft_context_t &);
/// Keeps the error of the launch just made, if there is one; `kernel` names it.
void launched(const peft_context_t &, const char *kernel);

/// Threads of a block where nothing asks for another number: eight such blocks fill a
/// multiprocessor.
inline constexpr int blockThreads = 256;

constexpr int64_t divideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Blocks that give each of n items a thread.
inline dim3 blocksFor(int64_t n, int threads = blockThreads) { return dim3(unsigned(divideUp(n, threads))); }

#if defined(__CUDACC__)
/// Launches `kernel` with `args` on `blocks` blocks, nothing if there are none.
template <class... P, class... A>
void launch(const peft_context_t &ctx, const char *name, dim3 blocks, dim3 threads, void (*kernel)(P...),
            A... args) {
  if (blocks.x == 0 || blocks.y == 0)
    return;
  kernel<<<blocks, threads, 0, streamOf(ctx)>>>(P(args)...);
  launched(ctx, name);
}

/// The number of the calling thread among all of a one-dimensional launch.
__device__ inline int64_t threadNumber() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ inline int64_t threadCount() { return int64_t(gridDim.x) * blockDim.x; }
#endif

} // namespace peft::rt

#endif // PEFT_RUNTIME_CUDA_LAUNCH_H
