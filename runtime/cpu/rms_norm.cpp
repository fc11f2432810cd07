//===- rms_norm.cpp - root mean square normalization ----------------------===//
//
// With r = 1 / sqrt(mean(x^2) + eps) and g = dy * w over a group of n elements:
//
//   y = w * x * r     dx = r * g - x * r^3 * mean(g * x), plus a residual     dw = the sum of dy * x * r
//
//===----------------------------------------------------------------------===//

#include "parallel.h"
#include "peft/runtime/kernels.h"
#include "peft/runtime/rounded.h"
#include "row_places.h"

#include <cmath>
#include <vector>

namespace peft::rt {
namespace {

template <class T> float reciprocalRms(const T *x, int64_t n, double eps) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t c = 0; c < n; ++c)
    sum += toFloat(x[c]) * toFloat(x[c]);
  return 1.0f / std::sqrt(sum / float(n) + float(eps));
}

} // namespace

template <class T>
void rms_norm(const Context &, Tensor<T> y, Tensor<const T> x, Tensor<const T> w, double eps) {
  const int64_t n = w.size();
  parallelFor(x.size() / n, x.size(), [&](int64_t begin, int64_t end) {
    const RowStarts<const T> xs(x);
    const RowStarts<T> ys(y);
    const T *weight = w.data;
    RowPosition at(begin * n, x.cols());
    for (int64_t i = begin; i < end; ++i, at.advance(n)) {
      const T *from = xs[at];
      const float r = reciprocalRms(from, n, eps);
      fillRounded(ys[at], n, [=](int64_t c) { return toFloat(weight[c]) * (toFloat(from[c]) * r); });
    }
  });
}

template <class T>
void rms_norm_grad(const Context &, Tensor<T> dx, Tensor<const T> dy, Tensor<const T> x, Tensor<const T> w,
                   Tensor<const T> residual, double eps) {
  const int64_t n = w.size();
  parallelFor(x.size() / n, x.size(), [&](int64_t begin, int64_t end) {
    const RowStarts<const T> xs(x), dys(dy), residuals(residual);
    const RowStarts<T> dxs(dx);
    const T *weight = w.data;
    RowPosition at(begin * n, x.cols());
    for (int64_t i = begin; i < end; ++i, at.advance(n)) {
      const T *from = xs[at], *slope = dys[at];
      T *to = dxs[at];
      const float r = reciprocalRms(from, n, eps);
      float dot = 0;
#pragma omp simd reduction(+ : dot)
      for (int64_t c = 0; c < n; ++c)
        dot += toFloat(slope[c]) * toFloat(weight[c]) * toFloat(from[c]);
      const float pull = r * r * r * dot / float(n);
      auto gradient = [=](int64_t c) {
        return r * (toFloat(slope[c]) * toFloat(weight[c])) - pull * toFloat(from[c]);
      };
      if (const T *beside = residual ? residuals[at] : nullptr)
        fillRounded(to, n, [=](int64_t c) { return toFloat(beside[c]) + gradient(c); });
      else
        fillRounded(to, n, gradient);
    }
  });
}

template <class T>
void rms_norm_weight_grad(const Context &, Tensor<float> sum, Tensor<const T> dy, Tensor<const T> x,
                          double eps) {
  const int64_t n = sum.size(), groups = x.size() / n;
  std::vector<float> r(groups);
  parallelFor(groups, x.size(), [&](int64_t begin, int64_t end) {
    const RowStarts<const T> xs(x);
    RowPosition at(begin * n, x.cols());
    for (int64_t i = begin; i < end; ++i, at.advance(n))
      r[i] = reciprocalRms(xs[at], n, eps);
  });
  parallelColumns(n, x.size(), [&](int64_t begin, int64_t end) {
    const RowStarts<const T> xs(x), dys(dy);
    RowPosition at(0, x.cols());
    for (int64_t i = 0; i < groups; ++i, at.advance(n)) {
      const T *from = xs[at], *slope = dys[at];
      const float ri = r[i];
#pragma omp simd
      for (int64_t c = begin; c < end; ++c)
        sum.data[c] += toFloat(slope[c]) * (toFloat(from[c]) * ri);
    }
  });
}

#define INSTANTIATE(T)                                                                                       \
  template void rms_norm(const Context &, Tensor<T>, Tensor<const T>, Tensor<const T>, double);              \
  template void rms_norm_grad(const Context &, Tensor<T>, Tensor<const T>, Tensor<const T>, Tensor<const T>, \
                              Tensor<const T>, double);                                                      \
  template void rms_norm_weight_grad(const Context &, Tensor<float>, Tensor<const T>, Tensor<const T>,       \
                                     double);
INSTANTIATE(float)
INSTANTIATE(bf16)

} // namespace peft::rt
