//===- place.h - where an emitted function finds its tensors --------------===//
//
// An emitted function names its tensors by a table of places: an offset in the
// arena, H(offset) in the host's, or W(i), the i-th parameter of the program's table
// wherever that lies.
// Equal layers are one function called with one row of such a table each.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_PLACE_H
#define PEFT_RUNTIME_PLACE_H

#include "peft/runtime/tensor.h"

#if defined(__CUDACC__)
#include <functional>
#endif

namespace peft::rt {

using Place = uint64_t;

constexpr Place kWeight = Place(1) << 63;
constexpr Place kHost = Place(1) << 62;
constexpr Place H(uint64_t offset) { return kHost | offset; }
constexpr Place W(uint64_t parameter) { return kWeight | parameter; }

/// The tensor at a place; with a pitch, columns of one. Nothing writes to a frozen
/// parameter: the compiler has proven that, so its constness is not carried along.
template <class T>
inline Tensor<T> tensor(const peft_context_t &ctx, Place place, std::initializer_list<int64_t> shape,
                        int64_t pitch = 0) {
  if (place & kWeight)
    return {static_cast<T *>(const_cast<void *>(ctx.weights[place & ~kWeight])), shape, pitch};
  if (place & kHost)
    return {reinterpret_cast<T *>(ctx.host + (place & ~kHost)), shape, pitch};
  return {reinterpret_cast<T *>(ctx.arena + place), shape, pitch};
}

/// A field of the batch.
inline Tensor<const int32_t> input(const int32_t *data, std::initializer_list<int64_t> shape) {
  return {data, shape};
}

/// Calls `layer` with each row of its table, first to last.
template <class Layer, uint64_t N, uint64_t M>
inline void forEachLayer(const peft_context_t &ctx, const peft_batch_t &batch, Layer layer,
                         const Place (&table)[N][M]) {
  for (const Place(&at)[M] : table)
    layer(ctx, batch, at);
}

#if defined(__CUDACC__)
/// Calls run(chunk) for each run of `size` rows out of *count, which is on the device: waits
/// for it, or, where calls are recorded, records every run that could be, each to be skipped
/// if it is empty.
void forEachChunk(const peft_context_t &ctx, const int32_t *count, int64_t size,
                  const std::function<void(int64_t)> &run);
#endif

/// Calls `part` for each run of `size` rows out of *count.
template <class Part>
inline void forEachChunk(const peft_context_t &ctx, const peft_batch_t &batch, Part part, const Place *at,
                         Tensor<const int32_t> count, int64_t size) {
#if defined(__CUDACC__)
  forEachChunk(ctx, count.data, size, [&](int64_t chunk) { part(ctx, batch, at, chunk); });
#else
  for (int64_t chunk = 0; chunk * size < *count.data; ++chunk)
    part(ctx, batch, at, chunk);
#endif
}

} // namespace peft::rt

#endif // PEFT_RUNTIME_PLACE_H
