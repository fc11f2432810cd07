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

/// An operand of the results' size, of one row's, or of one element. `pitch` is that of the first.
template <class T> struct MapOperand {
  const T *data;
  int64_t size, pitch;
};

/// Element i of dense tensors.
struct DensePlace {
  int64_t i;
  __device__ int64_t in(int64_t) const { return i; }
  // A division of 32 bits is several times as fast.
  __device__ int64_t column(int64_t total, int64_t cols) const {
    return total <= UINT32_MAX ? uint32_t(i) % uint32_t(cols) : i % cols;
  }
};

/// The same, where a tensor's rows may be columns of a wider one's.
struct RowPlace {
  int64_t row, first;
  __device__ int64_t in(int64_t pitch) const { return row * pitch + first; }
  __device__ int64_t column(int64_t, int64_t) const { return first; }
};

/// The operand's elements for N of the results from `at` on.
template <int N, class T, class Place>
__device__ Pack<T, N> fetch(MapOperand<T> x, Place at, int64_t total, int64_t cols) {
  if (x.size == total)
    return Pack<T, N>::load(x.data + at.in(x.pitch));
  if (x.size == 1)
    return spread<T, N>(*x.data);
  return Pack<T, N>::load(x.data + at.column(total, cols));
}

template <auto Body, int N, class TY, int... R, class Place, class... TX>
__device__ void mapPack(MapResults<TY, R...> y, Place at, const Pack<TX, N> &...x) {
  float values[sizeof...(R)][N];
#pragma unroll
  for (int i = 0; i < N; ++i) {
    const auto all = Body(x[i]...);
    (..., (values[R][i] = resultOf<R>(all)));
  }
  (..., Pack<TY, N>::of(values[R]).store(y.data[R] + at.in(y.pitch[R])));
}

template <auto Body, int N, class Results, class... TX>
__global__ void __launch_bounds__(blockThreads)
    mapKernel(int64_t total, int64_t cols, Results y, MapOperand<TX>... x) {
  int64_t i = threadNumber() * N;
  if (i + N <= total) {
    mapPack<Body, N>(y, DensePlace{i}, fetch<N>(x, DensePlace{i}, total, cols)...);
    return;
  }
  if constexpr (N > 1)
    for (; i < total; ++i) // the last part of a pack
      mapPack<Body, 1>(y, DensePlace{i}, fetch<1>(x, DensePlace{i}, total, cols)...);
}

/// Where some tensor is not dense: threads of a block along a row, and as many rows as they are rows of
/// threads. REQUIRES: cols is a multiple of N.
template <auto Body, int N, class Results, class... TX>
__global__ void __launch_bounds__(blockThreads)
    mapRowsKernel(int64_t total, int64_t cols, Results y, MapOperand<TX>... x) {
  const RowPlace at{int64_t(blockIdx.x) * blockDim.y + threadIdx.y,
                    (int64_t(blockIdx.y) * blockDim.x + threadIdx.x) * N};
  if (at.first >= cols || at.row * cols >= total)
    return;
  mapPack<Body, N>(y, at, fetch<N>(x, at, total, cols)...);
}

/// Blocks for rows of `packs` threads: as few idle ones as whole warps leave.
struct RowBlocks {
  dim3 blocks, threads;
  RowBlocks(int64_t packs, int64_t rows) {
    const int64_t across = divideUp(packs, blockThreads);
    const int64_t wide = divideUp(divideUp(packs, across), 32) * 32, tall = blockThreads / wide;
    threads = dim3(unsigned(wide), unsigned(tall));
    blocks = dim3(unsigned(divideUp(rows, tall)), unsigned(across));
  }
};

template <auto Body, class TY, int... R, class... X>
void mapAll(const peft_context_t &ctx, MapResults<TY, R...> y, int64_t total, int64_t cols, const X &...x) {
  constexpr int width = std::max({wide<TY>, wide<ElementOf<X>>...});
  const bool dense = (... && (y.pitch[R] == cols)) && (... && (x.size() != total || isDense(x)));
  // A pack of a dense tensor may go on in the next row.
  bool packed =
      (dense || cols % width == 0) && (... && (isWide(y.data[R]) && (dense || y.pitch[R] % wide<TY> == 0)));
  auto allows = [&](const auto &operand) {
    if (operand.size() != 1)
      packed = packed && isWide(operand) && (operand.size() == total || cols % width == 0);
  };
  (allows(x), ...);
  auto run = [&](dim3 blocks, dim3 threads, auto *kernel) {
    launch(ctx, "map", blocks, threads, kernel, total, cols, y,
           MapOperand<ElementOf<X>>{x.data, x.size(), x.pitch ? x.pitch : cols}...);
  };
  using Results = MapResults<TY, R...>;
  if (dense) {
    const dim3 blocks = blocksFor(divideUp(total, packed ? width : 1));
    return packed ? run(blocks, blockThreads, mapKernel<Body, width, Results, ElementOf<X>...>)
                  : run(blocks, blockThreads, mapKernel<Body, 1, Results, ElementOf<X>...>);
  }
  const int64_t packs = divideUp(cols, packed ? width : 1);
  const RowBlocks shape(packs, total / cols);
  return packed ? run(shape.blocks, shape.threads, mapRowsKernel<Body, width, Results, ElementOf<X>...>)
                : run(shape.blocks, shape.threads, mapRowsKernel<Body, 1, Results, ElementOf<X>...>);
}

} // namespace detail
} // namespace peft::rt

#endif // PEFT_RUNTIME_CUDA_MAP_H
