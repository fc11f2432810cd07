//===- copy_rows.h - rows that come from somewhere ------------------------===//
//
// Lookups, gathers and scatters are one kernel: a warp copies a row, from where a
// functor says. The element type doesn't matter: rows are bytes, moved 16 at a time
// where they can be.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CUDA_COPY_ROWS_H
#define PEFT_RUNTIME_CUDA_COPY_ROWS_H

#include "peft/runtime/cuda/launch.h"
#include "peft/runtime/cuda/vector.h"

#include <initializer_list>

namespace peft::rt {

/// Zeros if `from` is null; nothing if `to` is.
struct RowMove {
  const void *from;
  void *to;
};

namespace detail {

template <class Unit, class Source>
__global__ void __launch_bounds__(blockThreads) copyRowsKernel(int64_t rows, int64_t units, Source source) {
  constexpr int inFlight = 4;
  const int64_t row = threadNumber() / 32;
  const int lane = int(threadIdx.x) % 32;
  if (row >= rows)
    return;
  const RowMove move = source(row);
  if (!move.to || move.from == move.to)
    return;
  const Unit *from = static_cast<const Unit *>(move.from);
  Unit *to = static_cast<Unit *>(move.to);
  for (int64_t first = lane; first < units; first += 32 * inFlight) {
    Unit kept[inFlight] = {};
    if (from)
#pragma unroll
      for (int i = 0; i < inFlight; ++i)
        if (first + 32 * i < units)
          kept[i] = from[first + 32 * i];
#pragma unroll
    for (int i = 0; i < inFlight; ++i)
      if (first + 32 * i < units)
        to[first + 32 * i] = kept[i];
  }
}

} // namespace detail

/// source(row) says, to the whole of a warp, what is copied to where. `bases` are the
/// tensors that rows lie in.
template <class Source>
void copyRows(const peft_context_t &ctx, const char *name, int64_t rows, int64_t rowBytes,
              std::initializer_list<const void *> bases, Source source) {
  uintptr_t bits = uintptr_t(rowBytes);
  for (const void *base : bases)
    bits |= reinterpret_cast<uintptr_t>(base);
  const dim3 blocks = blocksFor(rows * 32);
  if (bits % 16 == 0)
    launch(ctx, name, blocks, blockThreads, detail::copyRowsKernel<uint4, Source>, rows, rowBytes / 16,
           source);
  else if (bits % 4 == 0)
    launch(ctx, name, blocks, blockThreads, detail::copyRowsKernel<uint32_t, Source>, rows, rowBytes / 4,
           source);
  else
    launch(ctx, name, blocks, blockThreads, detail::copyRowsKernel<uint16_t, Source>, rows, rowBytes / 2,
           source);
}

} // namespace peft::rt

#endif // PEFT_RUNTIME_CUDA_COPY_ROWS_H
