//===- map.h - elementwise kernels from a scalar body ---------------------===//
//
// An emitted program holds its elementwise kernels as scalar functions,
//
//   static PEFT_HD float body_7(float a, float b) { return a * silu(b); }
//   ... peft::rt::map<body_7>(ctx, y, a, b);
//
// and this header applies them: conversion from and to bf16, broadcasting, threads. A body
// that returns Floats<N> has N results, made in one pass:
//
//   static PEFT_HD rt::Floats<2> body_8(float a, float b) { return rt::floats(a * b, a + b); }
//   ... peft::rt::map<body_8>(ctx, product, sum, a, b);
//
// In a .cu file cuda/map.h goes over the elements. On the CPU the loop vectorises if the
// body does (see math.h) and the includer is compiled with -O3 -fopenmp -fno-math-errno -fno-trapping-math
// and a vector ISA.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_MAP_H
#define PEFT_RUNTIME_MAP_H

#include "peft/runtime/math.h"
#include "peft/runtime/tensor.h"

#include <algorithm>
#include <tuple>
#include <type_traits>
#include <utility>

namespace peft::rt {

/// What a body of N results returns.
template <int N> struct Floats { float values[N]; };
template <class... F> PEFT_HD Floats<int(sizeof...(F))> floats(F... values) { return {{values...}}; }

namespace detail {
template <class R, class... A> constexpr int countResults(R (*)(A...)) {
  return int(sizeof(R) / sizeof(float));
}
template <auto Body> inline constexpr int resultsOf = countResults(Body);

template <int R> PEFT_HD float resultOf(float value) { return value; }
template <int R, int N> PEFT_HD float resultOf(const Floats<N> &all) { return all.values[R]; }

/// Where the results begin, and from where to where their rows are; `R` numbers them.
template <class TY, int... R> struct MapResults {
  TY *data[sizeof...(R)];
  int64_t pitch[sizeof...(R)];
};

template <class X> using ElementOf = std::remove_const_t<std::remove_pointer_t<decltype(X::data)>>;
} // namespace detail

} // namespace peft::rt

#if defined(__CUDACC__)
#include "peft/runtime/cuda/map.h"
#else
#include "peft/runtime/rounded.h"

namespace peft::rt {

namespace detail {
/// Elements that one thread takes at a time. Scalars are spread to a buffer of that
/// length, so that the inner loop has one form.
inline constexpr int64_t mapChunk = 1024;

/// An operand as the inner loop reads it: consecutive elements from `at` on.
template <class T> struct MapOperand {
  const T *data;
  int64_t size, pitch;
  T spread[mapChunk];

  template <class U> explicit MapOperand(const Tensor<U> &x) : data(x.data), size(x.size()), pitch(x.pitch) {
    if (size == 1)
      std::fill_n(spread, mapChunk, *data);
  }
  /// Of a result of `total` elements in rows of `cols`.
  const T *at(int64_t row, int64_t column, int64_t total, int64_t cols) const {
    if (size == total)
      return data + row * (pitch ? pitch : cols) + column;
    return size == 1 ? spread : data + column;
  }
};

/// Calls `n` elements into the cache. Hardware does as much for one stream; for three that
/// lie far apart, and were written a forward pass ago, this halves the time.
template <class T> inline void prefetch(const T *from, int64_t n) {
  for (int64_t at = 0; at < n; at += 64 / sizeof(T))
    __builtin_prefetch(from + at, 0, 2);
}

/// n elements of a row.
template <auto Body, class TY, int... R, class... TX>
inline void mapSpan(int64_t n, MapResults<TY, R...> y, const TX *...x) {
  if constexpr (std::is_same_v<TY, float>) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
      const auto values = Body(toFloat(x[i])...);
      (..., (y.data[R][i] = resultOf<R>(values)));
    }
  } else {
    alignas(64) float floats[sizeof...(R)][mapChunk];
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
      const auto values = Body(toFloat(x[i])...);
      (..., (floats[R][i] = resultOf<R>(values)));
    }
    (..., roundTo(y.data[R], floats[R], n));
  }
}

/// Dense tensors are one long row, unless an operand is the same for every row.
template <auto Body, class TY, int... R, class... X>
void mapAll(const peft_context_t &, MapResults<TY, R...> y, int64_t total, int64_t cols, const X &...x) {
  const bool apart =
      (... || (y.pitch[R] != cols)) || (... || (x.size() == total && x.rowStride() != x.cols()));
  const bool byRow = apart || (... || (x.size() != total && x.size() != 1));
  const int64_t width = byRow ? cols : total;
  const int64_t perRow = width ? (width + mapChunk - 1) / mapChunk : 0;
  const int64_t chunks = width ? total / width * perRow : 0;
#pragma omp parallel if (total > 8192)
  {
    std::tuple<MapOperand<ElementOf<X>>...> operands(x...);
#pragma omp for schedule(static)
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
      const int64_t row = chunk / perRow, column = chunk % perRow * mapChunk;
      const int64_t n = std::min(mapChunk, width - column);
      const bool rowEnds = byRow && column + n == width; // the next chunk begins the next row
      const MapResults<TY, R...> part{{y.data[R] + row * y.pitch[R] + column...}, {y.pitch[R]...}};
      const int64_t nextRow = row + rowEnds, nextColumn = rowEnds ? 0 : column + n;
      (..., prefetch(y.data[R] + nextRow * y.pitch[R] + nextColumn, n));
      std::apply(
          [&](const auto &...operand) {
            (...,
             (operand.size == total ? prefetch(operand.at(nextRow, nextColumn, total, cols), n) : void()));
            mapSpan<Body>(n, part, operand.at(row, column, total, cols)...);
          },
          operands);
    }
  }
}

} // namespace detail
} // namespace peft::rt

#endif // __CUDACC__

namespace peft::rt {

namespace detail {
/// `tensors`: the results, then the operands.
template <auto Body, class TY, class... T, int... R, size_t... I>
void mapTuple(const peft_context_t &ctx, Tensor<TY> y, const std::tuple<const T &...> &tensors,
              std::integer_sequence<int, R...>, std::index_sequence<I...>) {
  const MapResults<TY, R...> results{{std::get<R>(tensors).data...}, {std::get<R>(tensors).rowStride()...}};
  mapAll<Body>(ctx, results, y.size(), y.cols(), std::get<sizeof...(R) + I>(tensors)...);
}
} // namespace detail

/// y[i] = Body(x[i]...). Each x is a Tensor of y's size, of y.cols() elements (added
/// to every row), or of one. In place with any x of y's type and size, and rows as far apart. Where Body
/// returns Floats<N>, `more` begins with N - 1 further results of y's type and shape; no two of the
/// results are the same memory. Results and what has their size may be columns of wider tensors.
template <auto Body, class TY, class... T>
void map(const peft_context_t &ctx, Tensor<TY> y, const T &...more) {
  constexpr int results = detail::resultsOf<Body>;
  detail::mapTuple<Body>(ctx, y, std::tuple<const Tensor<TY> &, const T &...>(y, more...),
                         std::make_integer_sequence<int, results>(),
                         std::make_index_sequence<1 + sizeof...(T) - results>());
}

} // namespace peft::rt

#endif // PEFT_RUNTIME_MAP_H
