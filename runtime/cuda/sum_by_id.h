//===- sum_by_id.h - sums of the rows that share an id --------------------===//
//
// The gradient of a lookup, without atomics, so that the bits don't depend on which
// block is first: a block owns one id, finds the tokens that have it and adds their rows
// in ascending order. Of several equal ids the first one's block does it all.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CUDA_SUM_BY_ID_H
#define PEFT_RUNTIME_CUDA_SUM_BY_ID_H

#include "peft/runtime/cuda/launch.h"
#include "peft/runtime/cuda/vector.h"

namespace peft::rt {

/// What is added where: for each owner, sum[place * rowStride + c * columnStride] += the sum of
/// dy[i, c] over ids[i] == owners[.].
struct SumById {
  float *sum;
  int64_t rowStride, columnStride;
  const int32_t *ids;
  int32_t tokens;
  const int32_t *owners; ///< ids itself, or the ids that count
  int32_t ownerCount;
  bool byId; ///< place = the id (and owners are the tokens), else the owner's number
  int32_t width;
};

namespace detail {

/// The tokens base .. base + blockThreads that have the id, ascending, in `list`; how many.
__device__ inline int listMatches(const SumById &work, int32_t id, int base, int *list, int *perWarp) {
  const int warp = int(threadIdx.x) / 32, lane = int(threadIdx.x) % 32, token = base + int(threadIdx.x);
  const bool matches = token < work.tokens && work.ids[token] == id;
  const unsigned found = __ballot_sync(~0u, matches);
  if (lane == 0)
    perWarp[warp] = __popc(found);
  __syncthreads();
  int before = 0, all = 0;
  for (int other = 0; other < blockThreads / 32; ++other) {
    before += other < warp ? perWarp[other] : 0;
    all += perWarp[other];
  }
  if (matches)
    list[before + __popc(found & ((1u << lane) - 1))] = token;
  __syncthreads();
  return all;
}

template <class T, int N>
__global__ void __launch_bounds__(blockThreads) sumByIdKernel(SumById work, const T *dy) {
  __shared__ int list[blockThreads], perWarp[blockThreads / 32];
  const int owner = int(blockIdx.x), column = int(blockIdx.y * blockThreads + threadIdx.x) * N;
  const int32_t id = work.owners[owner];
  bool earlier = false;
  for (int other = int(threadIdx.x); other < owner; other += blockThreads)
    earlier = earlier || work.owners[other] == id;
  if (__syncthreads_or(earlier))
    return;

  float sums[N] = {};
  for (int base = work.byId ? owner : 0; base < work.tokens; base += blockThreads) {
    const int count = listMatches(work, id, base, list, perWarp);
    if (column < work.width)
#pragma unroll 4
      for (int i = 0; i < count; ++i) {
        const auto row = Pack<T, N>::load(dy + int64_t(list[i]) * work.width + column);
#pragma unroll
        for (int c = 0; c < N; ++c)
          sums[c] += row[c];
      }
    __syncthreads();
  }
  if (column < work.width)
#pragma unroll
    for (int c = 0; c < N; ++c)
      work.sum[(work.byId ? id : owner) * work.rowStride + (column + c) * work.columnStride] += sums[c];
}

} // namespace detail

template <class T>
void sumById(const peft_context_t &ctx, const char *name, const SumById &work, const T *dy) {
  const int threads = blockThreads;
  auto blocks = [&](int columns) {
    return dim3(unsigned(work.ownerCount), unsigned(divideUp(work.width, columns * threads)));
  };
  if (work.width % wide<T> == 0 && isWide(dy))
    launch(ctx, name, blocks(wide<T>), threads, detail::sumByIdKernel<T, wide<T>>, work, dy);
  else
    launch(ctx, name, blocks(1), threads, detail::sumByIdKernel<T, 1>, work, dy);
}

} // namespace peft::rt

#endif // PEFT_RUNTIME_CUDA_SUM_BY_ID_H
