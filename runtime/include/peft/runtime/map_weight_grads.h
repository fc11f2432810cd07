//===- map_weight_grads.h - elementwise kernels that sum over rows --------===//
//
// What an adapter wants of a large activation and of its cotangents in the backward pass are sums
// over rows, products with a thin tensor: dA += ds^T x, dB += dy^T s. rt::map_weight_grads makes them while
// it has x and dy in registers, so that they need not be read again, nor even written if nothing
// else wants them:
//
//   static PEFT_HD rt::Floats<2> body_8(float a, float b) { return rt::floats(a * b, a + b); }
//   ... peft::rt::map_weight_grads<body_8, 0b01, 0b11>(ctx, grad0, grad1, y0, s0, s1, a, b, scales, 2);
//
// For a GPU: in a .cu file cuda/map_weight_grads.h goes over the elements.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_MAP_WEIGHT_GRADS_H
#define PEFT_RUNTIME_MAP_WEIGHT_GRADS_H

#include "peft/runtime/map.h"

namespace peft::rt {

/// Columns of a thin tensor at most.
inline constexpr int thinColumns = 16;

/// What a result is summed to. Empty where it is not.
struct WeightGrad {
  Tensor<float> grad;      ///< [cols, r] += scale * result^T thin, or its transpose [r, cols]
  Tensor<const bf16> thin; ///< [rows, r]
  float scale = 1;
};

namespace detail {
PEFT_HD constexpr int countBits(int mask) { return mask ? (mask & 1) + countBits(mask >> 1) : 0; }
/// How many bits of `mask` are below bit `i`.
PEFT_HD constexpr int bitsBelow(int mask, int i) { return countBits(mask & ((1 << i) - 1)); }
} // namespace detail

} // namespace peft::rt

#if defined(__CUDACC__)
#include "peft/runtime/cuda/map_weight_grads.h"

namespace peft::rt {

namespace detail {
template <auto Body, int Stored, int Grad, class... A, int... R, size_t... X>
void mapWeightGradsTuple(const peft_context_t &ctx, const std::tuple<const A &...> &all,
                         std::integer_sequence<int, R...>, std::index_sequence<X...>) {
  constexpr int grads = countBits(Grad), thins = grads + countBits(Stored), operands = thins + grads;
  const float *scales = std::get<sizeof...(A) - 2>(all);
  WeightGrad sums[sizeof...(R)];
  Tensor<bf16> results[sizeof...(R)];
  auto fill = [&](auto number) {
    constexpr int r = number, grad = bitsBelow(Grad, r);
    if constexpr (Stored >> r & 1)
      results[r] = std::get<grads + bitsBelow(Stored, r)>(all);
    if constexpr (Grad >> r & 1)
      sums[r] = {std::get<grad>(all), std::get<thins + grad>(all), scales[grad]};
  };
  (..., fill(std::integral_constant<int, R>()));
  const Tensor<const bf16> x[] = {Tensor<const bf16>(std::get<operands + X>(all))...};
  runMapWeightGrads<Body, Stored, Grad>(ctx, results, sums, x);
}
} // namespace detail

/// Results of a map and sums of them over rows. The bits of `Stored` and `Grad` say which of Body's results
/// are written, and which are summed with a thin tensor. `args`, each list in the order of the results:
/// gradients, results, thins; the operands of Body, all of the results' size, whose columns are a
/// multiple of 8; the gradients' scales and their number. Sums are of results rounded to bf16, in float32, in
/// one order. In place as map is. The pitches of results and operands are multiples of 8, and their rows
/// begin at multiples of 16 bytes.
template <auto Body, int Stored, int Grad, class... A>
void map_weight_grads(const peft_context_t &ctx, const A &...args) {
  constexpr int lists = 2 * detail::countBits(Grad) + detail::countBits(Stored);
  detail::mapWeightGradsTuple<Body, Stored, Grad>(ctx, std::tuple<const A &...>(args...),
                                                  std::make_integer_sequence<int, detail::resultsOf<Body>>(),
                                                  std::make_index_sequence<sizeof...(A) - 2 - lists>());
}

} // namespace peft::rt
#endif // __CUDACC__

#endif // PEFT_RUNTIME_MAP_WEIGHT_GRADS_H
