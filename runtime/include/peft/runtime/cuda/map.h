//===- map.h - elementwise kernels on CUDA --------------------------------===//
//
// rt::map of peft/runtime/map.h for .cu files. A thread takes as many neighbouring
// elements as 16 bytes of the narrowest operand hold, where alignment and the length of
// rows allow, else one. All are read before any is written, so that results may be operands.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CUDA_MAP_H
#define PEFT_RUNTIME_CUDA_MAP_H

#include "peft/runtime/cuda/launch.h"
#include "peft/runtime/cuda/vector.h"

namespace peft::rt {
namespace detail {

/// An operand of `total` elements, of one row's, or of one.
template <class T> struct MapOperand {
  const T *data;
  int64_t size;
};

/// The operand's elements for elements i .. i + N of the result.
template <int N, class T>
__device__ Pack<T, N> fetch(MapOperand<T> x, int64_t i, int64_t total, int64_t cols) {
  if (x.size == total)
    return Pack<T, N>::load(x.data + i);
  if (x.size == 1)
    return spread<T, N>(*x.data);
  // A division of 32 bits is several times as fast.
  return Pack<T, N>::load(x.data + (total <= UINT32_MAX ? uint32_t(i) % uint32_t(cols) : i % cols));
}

template <auto Body, int N, class TY, int... R, class... TX>
__device__ void mapPack(MapResults<TY, R...> y, int64_t at, const Pack<TX, N> &...x) {
  float values[sizeof...(R)][N];
#pragma unroll
  for (int i = 0; i < N; ++i) {
    const auto all = Body(x[i]...);
    (..., (values[R][i] = resultOf<R>(all)));
  }
  (..., Pack<TY, N>::of(values[R]).store(y.data[R] + at));
}

template <auto Body, int N, class Results, class... TX>
__global__ void __launch_bounds__(blockThreads)
    mapKernel(int64_t total, int64_t cols, Results y, MapOperand<TX>... x) {
  int64_t i = threadNumber() * N;
  if (i + N <= total) {
    mapPack<Body, N>(y, i, fetch<N>(x, i, total, cols)...);
    return;
  }
  if constexpr (N > 1)
    for (; i < total; ++i) // the last part of a pack
      mapPack<Body, 1>(y, i, fetch<1>(x, i, total, cols)...);
}

template <auto Body, class TY, int... R, class... X>
void mapAll(const peft_context_t &ctx, MapResults<TY, R...> y, int64_t total, int64_t cols, const X &...x) {
  constexpr int width = std::max({wide<TY>, wide<ElementOf<X>>...});
  bool packed = (... && isWide(y.data[R]));
  auto allows = [&](const void *data, int64_t size) {
    if (size != 1)
      packed = packed && isWide(data) && (size == total || cols % width == 0);
  };
  (allows(x.data, x.size()), ...);
  using Results = MapResults<TY, R...>;
  if (packed)
    launch(ctx, "map", blocksFor(divideUp(total, width)), blockThreads,
           mapKernel<Body, width, Results, ElementOf<X>...>, total, cols, y,
           MapOperand<ElementOf<X>>{x.data, x.size()}...);
  else
    launch(ctx, "map", blocksFor(total), blockThreads, mapKernel<Body, 1, Results, ElementOf<X>...>, total,
           cols, y, MapOperand<ElementOf<X>>{x.data, x.size()}...);
}

} // namespace detail
} // namespace peft::rt

#endif // PEFT_RUNTIME_CUDA_MAP_H
