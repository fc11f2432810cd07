//===- math.h - scalar functions for kernels and generated bodies ---------===//
//
// float in, float out, within 2 units in the last place unless said otherwise
// (measured in runtime/test/math_kernel_test.cpp). Without branches or tables, so
// that a loop over them vectorises under g++ -O3 -fno-math-errno
// -fno-trapping-math, and so that a GPU gives nearly the same values. NaN in, NaN
// out. A function's `_grad` takes the cotangent of its result first.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_MATH_H
#define PEFT_RUNTIME_MATH_H

#include "peft/runtime/tensor.h"

#include <cmath>

namespace peft::rt {

#if defined(__CUDACC__)
/// 2^x within 2 units in the last place; 0 where that is below the normal numbers.
__device__ inline float exp2Fast(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}
#endif

namespace detail {
PEFT_HD float asFloat(uint32_t bits) {
  float result;
  memcpy(&result, &bits, sizeof result);
  return result;
}
PEFT_HD uint32_t asBits(float value) {
  uint32_t result;
  memcpy(&result, &value, sizeof result);
  return result;
}

/// exp(x) = 2 * half * (1 + rest) with |rest| < 0.42, for -86.6 <= x <= 88.8. Half of
/// the power of two, because the whole one would overflow before exp(x) does.
struct SplitExp {
  float half, rest;
};
PEFT_HD SplitExp splitExp(float x) {
  // Adding and subtracting 1.5 * 2^23 rounds to an integer, which also stands in
  // the low bits of the sum.
  const float magic = 12582912.0f;
  float shifted = x * 1.44269504f + magic;
  float n = shifted - magic;
  // ln 2 in two parts: the first has few enough bits that n times it is exact.
  float r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = 1.98412698e-4f; // 1 / 7!
  p = p * r + 1.38888889e-3f;
  p = p * r + 8.33333333e-3f;
  p = p * r + 4.16666667e-2f;
  p = p * r + 1.66666667e-1f;
  p = p * r + 0.5f;
  uint32_t exponent = asBits(shifted) - asBits(magic) + 126u; // unsigned: NaN may wrap
  return {asFloat(exponent << 23), p * r * r + r};
}
} // namespace detail

/// 0 below x = -86.6, where the result is under 2.5e-38; infinite from 88.73 on.
PEFT_HD float exp_(float x) {
#if defined(__CUDA_ARCH__)
  // The toolkit's, within 2 units too, has a unit of its own behind it: half of the instructions.
  return x < -86.6f ? 0.0f : expf(x);
#else
  float clamped = x < -86.6f ? -86.6f : x;
  clamped = clamped > 88.8f ? 88.8f : clamped;
  detail::SplitExp e = detail::splitExp(clamped);
  float result = (e.half * e.rest + e.half) * 2.0f;
  return x < -86.6f ? 0.0f : result;
#endif
}

/// exp(x) - 1, exact to rounding near 0.
PEFT_HD float expm1_(float x) {
  float clamped = x < -30.0f ? -30.0f : x;
  clamped = clamped > 88.0f ? 88.0f : clamped;
  detail::SplitExp e = detail::splitExp(clamped);
  return 2.0f * (e.half * e.rest + (e.half - 0.5f));
}

/// On a GPU within 3 units, and |x| more below 0: without a branch, and few instructions. What kernels spend
/// on it shows where they do more than move memory.
PEFT_HD float sigmoid(float x) {
#if defined(__CUDA_ARCH__)
  return __fdividef(1.0f, 1.0f + exp2Fast(x * -1.44269504f));
#else
  return 1.0f / (1.0f + exp_(-x));
#endif
}

PEFT_HD float tanh_(float x) {
  float magnitude = fabsf(x);
  magnitude = magnitude > 10.0f ? 10.0f : magnitude;
  float e = expm1_(2.0f * magnitude);
  return copysignf(e / (e + 2.0f), x);
}
PEFT_HD float tanh_grad(float dy, float x) {
  float y = tanh_(x);
  return dy * (1.0f - y * y);
}

/// Absolute error below 1.5e-7.
PEFT_HD float erf_(float x) {
  float a = fabsf(x);
  a = a > 4.2f ? 4.2f : a;
  // |x| <= 1: the Taylor series.
  float s = a * a;
  float p = -1.63658447e-7f;
  p = p * s + 1.64621144e-6f;
  p = p * s - 1.49256504e-5f;
  p = p * s + 1.20553330e-4f;
  p = p * s - 8.54832702e-4f;
  p = p * s + 5.22397763e-3f;
  p = p * s - 2.68661706e-2f;
  p = p * s + 1.12837917e-1f;
  p = p * s - 3.76126389e-1f;
  p = p * s + 1.12837917f;
  float small = p * a;
  // Above: 1 - exp(-x^2) * P(t), t = 1 / (1 + x / 2); P interpolates exp(x^2) *
  // erfc(x) / t at the Chebyshev nodes of [1, 4.2].
  float t = 1.0f / (1.0f + 0.5f * a);
  float q = 0.0925876144f;
  q = q * t - 0.378662378f;
  q = q * t + 0.427505855f;
  q = q * t + 0.00590293507f;
  q = q * t + 0.295357172f;
  q = q * t + 0.274595353f;
  q = q * t + 0.282583919f;
  float large = 1.0f - exp_(-s) * (q * t);
  return copysignf(a > 1.0f ? large : small, x);
}

PEFT_HD float relu(float x) { return x < 0.0f ? 0.0f : x; }
PEFT_HD float relu_grad(float dy, float x) { return x > 0.0f ? dy : 0.0f; }

PEFT_HD float silu(float x) { return x * sigmoid(x); }
PEFT_HD float silu_grad(float dy, float x) {
  float s = sigmoid(x);
  return dy * (s * (1.0f + x * (1.0f - s)));
}

/// x Phi(x), Phi being the normal distribution's.
PEFT_HD float gelu_erf(float x) { return 0.5f * x * (1.0f + erf_(x * 0.707106781f)); }
PEFT_HD float gelu_erf_grad(float dy, float x) {
  float phi = 0.398942280f * exp_(-0.5f * x * x);
  return dy * (0.5f * (1.0f + erf_(x * 0.707106781f)) + x * phi);
}

/// 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
PEFT_HD float gelu_tanh(float x) {
  float u = 0.797884561f * (x + 0.044715f * x * x * x);
  return 0.5f * x * (1.0f + tanh_(u));
}
PEFT_HD float gelu_tanh_grad(float dy, float x) {
  float t = tanh_(0.797884561f * (x + 0.044715f * x * x * x));
  float slope = 0.797884561f * (1.0f + 0.134145f * x * x);
  return dy * (0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * slope);
}

} // namespace peft::rt

#endif // PEFT_RUNTIME_MATH_H
