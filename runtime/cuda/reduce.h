//===- reduce.h - sums and maxima over the threads of a block -------------===//
//
// The order of additions is fixed: the same bits in every run.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CUDA_REDUCE_H
#define PEFT_RUNTIME_CUDA_REDUCE_H

#include <cstdint>

#include <cuda_runtime.h>

namespace peft::rt {

/// Each thread gets its group's sums of `values`. A group is `lanes` consecutive threads, a
/// power of two that divides the block. Every thread of the block must call it. May be called
/// again at once with the same `shared`, of Count floats a warp.
template <int Count> __device__ void groupSum(float (&values)[Count], int lanes, float *shared) {
  for (int offset = min(lanes, 32) / 2; offset; offset /= 2)
#pragma unroll
    for (int i = 0; i < Count; ++i)
      values[i] += __shfl_xor_sync(~0u, values[i], offset);
  if (lanes <= 32) // the same for all threads
    return;
  const int warp = int(threadIdx.x) / 32, warps = lanes / 32, first = warp / warps * warps;
  if (threadIdx.x % 32 == 0)
#pragma unroll
    for (int i = 0; i < Count; ++i)
      shared[warp * Count + i] = values[i];
  __syncthreads();
#pragma unroll
  for (int i = 0; i < Count; ++i) {
    values[i] = 0;
    for (int other = first; other < first + warps; ++other)
      values[i] += shared[other * Count + i];
  }
  __syncthreads();
}

/// Each thread gets its group's largest value; as groupSum otherwise, with one word a warp.
__device__ inline uint32_t groupMax(uint32_t value, int lanes, uint32_t *shared) {
  for (int offset = min(lanes, 32) / 2; offset; offset /= 2)
    value = max(value, __shfl_xor_sync(~0u, value, offset));
  if (lanes <= 32)
    return value;
  const int warp = int(threadIdx.x) / 32, warps = lanes / 32, first = warp / warps * warps;
  if (threadIdx.x % 32 == 0)
    shared[warp] = value;
  __syncthreads();
  for (int other = first; other < first + warps; ++other)
    value = max(value, shared[other]);
  __syncthreads();
  return value;
}

/// The block's sum, in thread 0. `shared` holds a double a warp.
__device__ inline double blockSum(double value, double *shared) {
  for (int offset = 16; offset; offset /= 2)
    value += __shfl_xor_sync(~0u, value, offset);
  if (threadIdx.x % 32 == 0)
    shared[threadIdx.x / 32] = value;
  __syncthreads();
  double sum = 0;
  if (threadIdx.x == 0)
    for (unsigned warp = 0; warp < blockDim.x / 32; ++warp)
      sum += shared[warp];
  __syncthreads();
  return sum;
}

} // namespace peft::rt

#endif // PEFT_RUNTIME_CUDA_REDUCE_H
