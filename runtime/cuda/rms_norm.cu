//===- rms_norm.cu - root mean square normalization -----------------------===//
//
// With r = 1 / sqrt(mean(x^2) + eps) and g = dy * w over a group of n elements:
//
//   y = w * x * r     dx = r * g - x * r^3 * mean(g * x), plus a residual
//
//===----------------------------------------------------------------------===//

#include "group_rows.h"
#include "peft/runtime/kernels.h"
#include "reduce.h"
#include "row_cache.h"

namespace peft::rt {
namespace {

template <class T, int N, int K>
__global__ void __launch_bounds__(512)
    normKernel(Rows<T> y, Rows<const T> x, const T *w, GroupRows rows, RowShape shape, float eps) {
  __shared__ float shared[512 / 32];
  const int lanes = shape.lanes, lane = int(threadIdx.x) & (lanes - 1);
  const int group = int(threadNumber() / lanes);
  const int n = group < rows.count ? shape.n : 0; // an idle group sums along, for the barrier
  const GroupPlace place = rows.place(group);
  CachedRow<T, N, K> kept(place.in(x), n, lane, lanes);
  float sums[1] = {};
  forColumns<N, K>(n, lane, lanes, [&](int k, int c) {
    const Pack<T, N> values = kept.at(k, c);
#pragma unroll
    for (int i = 0; i < N; ++i)
      sums[0] += values[i] * values[i];
  });
  groupSum(sums, lanes, shared);
  const float r = 1.0f / sqrtf(sums[0] / float(shape.n) + eps);
  T *to = place.in(y);
  forColumns<N, K>(n, lane, lanes, [&](int k, int c) {
    const Pack<T, N> values = kept.at(k, c), weights = Pack<T, N>::load(w + c);
    float result[N];
#pragma unroll
    for (int i = 0; i < N; ++i)
      result[i] = weights[i] * (values[i] * r);
    Pack<T, N>::of(result).store(to + c);
  });
}

template <class T, int N, int K, bool Residual>
__global__ void __launch_bounds__(512)
    normGradKernel(Rows<T> dx, Rows<const T> dy, Rows<const T> x, const T *w, Rows<const T> residual,
                   GroupRows rows, RowShape shape, float eps) {
  __shared__ float shared[2 * 512 / 32];
  const int lanes = shape.lanes, lane = int(threadIdx.x) & (lanes - 1);
  const int group = int(threadNumber() / lanes);
  const int n = group < rows.count ? shape.n : 0;
  const GroupPlace place = rows.place(group);
  CachedRow<T, N, K> keptX(place.in(x), n, lane, lanes), keptDy(place.in(dy), n, lane, lanes);
  float sums[2] = {}; // x^2, g * x
  forColumns<N, K>(n, lane, lanes, [&](int k, int c) {
    const Pack<T, N> values = keptX.at(k, c), slopes = keptDy.at(k, c), weights = Pack<T, N>::load(w + c);
#pragma unroll
    for (int i = 0; i < N; ++i) {
      sums[0] += values[i] * values[i];
      sums[1] += slopes[i] * weights[i] * values[i];
    }
  });
  groupSum(sums, lanes, shared);
  const float r = 1.0f / sqrtf(sums[0] / float(shape.n) + eps);
  const float pull = r * r * r * sums[1] / float(shape.n);
  T *to = place.in(dx);
  const T *beside = place.in(residual);
  forColumns<N, K>(n, lane, lanes, [&](int k, int c) {
    const Pack<T, N> values = keptX.at(k, c), slopes = keptDy.at(k, c), weights = Pack<T, N>::load(w + c);
    float result[N];
#pragma unroll
    for (int i = 0; i < N; ++i)
      result[i] = r * (slopes[i] * weights[i]) - pull * values[i];
    if constexpr (Residual) {
      const Pack<T, N> others = Pack<T, N>::load(beside + c);
#pragma unroll
      for (int i = 0; i < N; ++i)
        result[i] += others[i];
    }
    Pack<T, N>::of(result).store(to + c);
  });
}

} // namespace

template <class T>
void rms_norm(const Context &ctx, Tensor<T> y, Tensor<const T> x, Tensor<const T> w, double eps) {
  const Layout<T> layout(x, w.size(), y);
  withRowShape<T>(w.size(), isWide(y) && isWide(x) && isWide(w), [&](RowShape shape, auto N, auto K) {
    launch(ctx, "rms_norm", layout.blocks(shape), shape.threads(), normKernel<T, N, K>, layout(y), layout(x),
           w.data, layout.rows, shape, float(eps));
  });
}

template <class T>
void rms_norm_grad(const Context &ctx, Tensor<T> dx, Tensor<const T> dy, Tensor<const T> x, Tensor<const T> w,
                   Tensor<const T> residual, double eps) {
  const Layout<T> layout(x, w.size(), dx, dy, residual);
  const bool aligned = isWide(dx) && isWide(dy) && isWide(x) && isWide(w) && isWide(residual);
  withRowShape<T>(w.size(), aligned, [&](RowShape shape, auto N, auto K) {
    launch(ctx, "rms_norm_grad", layout.blocks(shape), shape.threads(),
           residual ? normGradKernel<T, N, K, true> : normGradKernel<T, N, K, false>, layout(dx), layout(dy),
           layout(x), w.data, layout(residual), layout.rows, shape, float(eps));
  });
}

#define INSTANTIATE(T)                                                                                       \
  template void rms_norm(const Context &, Tensor<T>, Tensor<const T>, Tensor<const T>, double);              \
  template void rms_norm_grad(const Context &, Tensor<T>, Tensor<const T>, Tensor<const T>, Tensor<const T>, \
                              Tensor<const T>, double);
INSTANTIATE(float)
INSTANTIATE(bf16)

} // namespace peft::rt
