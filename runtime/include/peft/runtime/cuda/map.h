//===- map.h - elementwise kernels on CUDA --------------------------------===//
//
// rt::map of peft/runtime/map.h for .cu files. A thread takes as many neighbouring
// elements as 16 bytes of the narrowest operand hold, where alignment and the length of
// rows allow, else one. All are read before any is written, so that y may be an operand.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CUDA_MAP_H
#define PEFT_RUNTIME_CUDA_MAP_H

#include "peft/runtime/cuda/launch.h"
#include "peft/runtime/cuda/vector.h"

#include <algorithm>
#include <type_traits>

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

template <auto Body, int N, class TY, class... TX> __device__ void mapPack(TY *y, const Pack<TX, N> &...x) {
  float values[N];
#pragma unroll
  for (int i = 0; i < N; ++i)
    values[i] = Body(x[i]...);
  Pack<TY, N>::of(values).store(y);
}

template <auto Body, int N, class TY, class... TX>
__global__ void __launch_bounds__(blockThreads) mapKernel(int64_t total, int64_t cols, TY *y, MapOperand<TX>... x) {
  int64_t i = threadNumber() * N;
  if (i + N <= total) {
    mapPack<Body, N>(y + i, fetch<N>(x, i, total, cols)...);
    return;
  }
  if constexpr (N > 1)
    for (; i < total; ++i) // the last part of a pack
      mapPack<Body, 1>(y + i, fetch<1>(x, i, total, cols)...);
}

template <class X> using ElementOf = std::remove_const_t<std::remove_pointer_t<decltype(X::data)>>;

} // namespace detail

template <auto Body, class TY, class... X> void map(const peft_context_t &ctx, Tensor<TY> y, const X &...x) {
  constexpr int width = std::max({wide<TY>, wide<detail::ElementOf<X>>...});
  const int64_t total = y.size(), cols = y.cols();
  bool packed = isWide(y.data);
  auto allows = [&](const void *data, int64_t size) {
    if (size != 1)
      packed = packed && isWide(data) && (size == total || cols % width == 0);
  };
  (allows(x.data, x.size()), ...);
  if (packed)
    launch(ctx, "map", blocksFor(divideUp(total, width)), blockThreads,
           detail::mapKernel<Body, width, TY, detail::ElementOf<X>...>, total, cols, y.data,
           detail::MapOperand<detail::ElementOf<X>>{x.data, x.size()}...);
  else
    launch(ctx, "map", blocksFor(total), blockThreads, detail::mapKernel<Body, 1, TY, detail::ElementOf<X>...>, total,
           cols, y.data, detail::MapOperand<detail::ElementOf<X>>{x.data, x.size()}...);
}

} // namespace peft::rt

#endif // PEFT_RUNTIME_CUDA_MAP_H
