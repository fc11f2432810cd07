//===- row_cache.h - rows shared by groups of threads ---------------------===//
//
// A norm needs a row twice: for its sum and for its result. A group of threads (as many
// as the row is long, so that narrow rows share a block) keeps it in registers between
// the two, K packs a thread; rows that are too long, or not aligned, have K = 0 and are
// read again.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CUDA_ROW_CACHE_H
#define PEFT_RUNTIME_CUDA_ROW_CACHE_H

#include "peft/runtime/cuda/launch.h"
#include "peft/runtime/cuda/vector.h"

#include <algorithm>

namespace peft::rt {

/// How rows of n elements are spread over blocks.
struct RowShape {
  int n;     ///< elements
  int lanes; ///< threads of a group, a power of two
  int threads() const { return std::max(lanes, blockThreads); }
  /// Groups of a block.
  int groups() const { return threads() / lanes; }
};

/// f(k, c) for the packs of N that begin at columns c and are the lane's; k counts them.
template <int N, int K, class F> __device__ void forColumns(int n, int lane, int lanes, F f) {
  if constexpr (K > 0) {
#pragma unroll
    for (int k = 0; k < K; ++k)
      if (int c = (lane + k * lanes) * N; c < n)
        f(k, c);
  } else {
    for (int k = 0, c = lane * N; c < n; ++k, c += lanes * N)
      f(k, c);
  }
}

/// One row as a group holds it.
template <class T, int N, int K> class CachedRow {
public:
  /// Loads it, if it is kept.
  __device__ CachedRow(const T *row, int n, int lane, int lanes) : row(row) {
    if constexpr (K > 0)
      forColumns<N, K>(n, lane, lanes, [&](int k, int c) { kept[k] = Pack<T, N>::load(row + c); });
  }
  /// The pack that forColumns calls (k, c).
  __device__ Pack<T, N> at(int k, int c) const {
    if constexpr (K > 0)
      return kept[k];
    else
      return Pack<T, N>::load(row + c);
  }

private:
  const T *row;
  Pack<T, N> kept[K > 0 ? K : 1];
};

namespace detail {
inline int powerAbove(int n) {
  int power = 1;
  while (power < n)
    power *= 2;
  return power;
}
} // namespace detail

/// Calls use(shape, N, K) with the two as constants: std::integral_constant.
template <class T, class Use> void withRowShape(int64_t n, bool aligned, Use use) {
  constexpr int width = wide<T>;
  using One = std::integral_constant<int, 1>;
  using Wide = std::integral_constant<int, width>;
  const int length = int(n), packs = length / width;
  auto shape = [&](int lanes) { return RowShape{length, lanes}; };
  if (!aligned || length % width)
    use(shape(std::min(256, detail::powerAbove(length))), One(), std::integral_constant<int, 0>());
  else if (packs <= 32)
    use(shape(detail::powerAbove(packs)), Wide(), One());
  else if (packs <= 1024)
    use(shape(detail::powerAbove(int(divideUp(packs, 4)))), Wide(), std::integral_constant<int, 4>());
  else if (packs <= 4096)
    use(shape(detail::powerAbove(int(divideUp(packs, 8)))), Wide(), std::integral_constant<int, 8>());
  else
    use(shape(512), Wide(), std::integral_constant<int, 0>());
}

} // namespace peft::rt

#endif // PEFT_RUNTIME_CUDA_ROW_CACHE_H
