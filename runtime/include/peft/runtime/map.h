//===- map.h - elementwise kernels from a scalar body ---------------------===//
//
// An emitted program holds its elementwise kernels as scalar functions,
//
//   static PEFT_HD float body_7(float a, float b) { return a * silu(b); }
//   ... peft::rt::map<body_7>(ctx, y, a, b);
//
// and this header applies them: conversion from and to bf16, broadcasting, threads.
// In a .cu file cuda/map.h does. On the CPU:
// The loop vectorises if the body does (see math.h) and the includer is compiled
// with -O3 -fopenmp -fno-math-errno -fno-trapping-math and a vector ISA.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_MAP_H
#define PEFT_RUNTIME_MAP_H

#include "peft/runtime/math.h"
#include "peft/runtime/tensor.h"

#if defined(__CUDACC__)
#include "peft/runtime/cuda/map.h"
#else

#include <algorithm>
#include <tuple>
#include <type_traits>

namespace peft::rt {

namespace detail {
/// Elements that one thread takes at a time. Scalars are spread to a buffer of that
/// length, so that the inner loop has one form.
inline constexpr int64_t mapChunk = 1024;

/// An operand as the inner loop reads it: consecutive elements from `at(i)` on.
template <class T> struct MapOperand {
  const T *data;
  int64_t size;
  T spread[mapChunk];

  template <class U> explicit MapOperand(const Tensor<U> &x) : data(x.data), size(x.size()) {
    if (size == 1)
      std::fill_n(spread, mapChunk, *data);
  }
  /// `total` elements in the result; chunks never cross the end of a row that a
  /// smaller operand spans.
  const T *at(int64_t i, int64_t total) const {
    if (size == total)
      return data + i;
    return size == 1 ? spread : data + i % size;
  }
};

/// Calls `n` elements into the cache. Hardware does as much for one stream; for three that
/// lie far apart, and were written a forward pass ago, this halves the time.
template <class T> inline void prefetch(const T *from, int64_t n) {
  for (int64_t at = 0; at < n; at += 64 / sizeof(T))
    __builtin_prefetch(from + at, 0, 2);
}

template <class X> using ElementOf = std::remove_const_t<std::remove_pointer_t<decltype(X::data)>>;

template <auto Body, class TY, class... TX> inline void mapSpan(int64_t n, TY *y, const TX *...x) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i)
    y[i] = fromFloat<TY>(Body(toFloat(x[i])...));
}
} // namespace detail

/// y[i] = Body(x[i]...). Each x is a Tensor of y's size, of y.cols() elements (added
/// to every row), or of one. In place with any x of y's type and size.
template <auto Body, class TY, class... X> void map(const peft_context_t &, Tensor<TY> y, const X &...x) {
  const int64_t total = y.size(), cols = y.cols();
  const bool byRow = (... || (x.size() != total && x.size() != 1));
  const int64_t width = byRow ? cols : total;
  const int64_t perRow = width ? (width + detail::mapChunk - 1) / detail::mapChunk : 0;
  const int64_t chunks = width ? total / width * perRow : 0;
#pragma omp parallel if (total > 8192)
  {
    std::tuple<detail::MapOperand<detail::ElementOf<X>>...> operands(x...);
#pragma omp for schedule(static)
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
      int64_t column = chunk % perRow * detail::mapChunk;
      int64_t begin = chunk / perRow * width + column;
      int64_t n = std::min(detail::mapChunk, width - column);
      detail::prefetch(y.data + begin + n, n);
      (..., (x.size() == total ? detail::prefetch(x.data + begin + n, n) : void()));
      std::apply(
          [&](const auto &...operand) {
            detail::mapSpan<Body>(n, y.data + begin, operand.at(begin, total)...);
          },
          operands);
    }
  }
}

} // namespace peft::rt

#endif // __CUDACC__
#endif // PEFT_RUNTIME_MAP_H
