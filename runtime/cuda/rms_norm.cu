//===- rms_norm.cu - root mean square normalization -----------------------===//
//
// With r = 1 / sqrt(mean(x^2) + eps) and g = dy * w over a group of n elements:
//
//   y = w * x * r     dx = r * g - x * r^3 * mean(g * x), plus a residual
//
//===----------------------------------------------------------------------===//

#include "peft/runtime/kernels.h"
#include "reduce.h"
#include "row_cache.h"

namespace peft::rt {
namespace {

template <class T, int N, int K>
__global__ void __launch_bounds__(512)
    normKernel(T *y, const T *x, const T *w, int64_t rows, RowShape shape, float eps) {
  __shared__ float shared[512 / 32];
  const int lanes = shape.lanes, lane = int(threadIdx.x) & (lanes - 1);
  const int64_t row = threadNumber() / lanes, at = row * shape.n;
  const int n = row < rows ? shape.n : 0; // an idle group sums along, for the barrier
  CachedRow<T, N, K> kept(x + at, n, lane, lanes);
  float sums[1] = {};
  forColumns<N, K>(n, lane, lanes, [&](int k, int c) {
    const Pack<T, N> values = kept.at(k, c);
#pragma unroll
    for (int i = 0; i < N; ++i)
      sums[0] += values[i] * values[i];
  });
  groupSum(sums, lanes, shared);
  const float r = 1.0f / sqrtf(sums[0] / float(shape.n) + eps);
  forColumns<N, K>(n, lane, lanes, [&](int k, int c) {
    const Pack<T, N> values = kept.at(k, c), weights = Pack<T, N>::load(w + c);
    float result[N];
#pragma unroll
    for (int i = 0; i < N; ++i)
      result[i] = weights[i] * (values[i] * r);
    Pack<T, N>::of(result).store(y + at + c);
  });
}

template <class T, int N, int K, bool Residual>
__global__ void __launch_bounds__(512)
    normGradKernel(T *dx, const T *dy, const T *x, const T *w, const T *residual, int64_t rows,
                   RowShape shape, float eps) {
  __shared__ float shared[2 * 512 / 32];
  const int lanes = shape.lanes, lane = int(threadIdx.x) & (lanes - 1);
  const int64_t row = threadNumber() / lanes, at = row * shape.n;
  const int n = row < rows ? shape.n : 0;
  CachedRow<T, N, K> keptX(x + at, n, lane, lanes), keptDy(dy + at, n, lane, lanes);
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
  forColumns<N, K>(n, lane, lanes, [&](int k, int c) {
    const Pack<T, N> values = keptX.at(k, c), slopes = keptDy.at(k, c), weights = Pack<T, N>::load(w + c);
    float result[N];
#pragma unroll
    for (int i = 0; i < N; ++i)
      result[i] = r * (slopes[i] * weights[i]) - pull * values[i];
    if constexpr (Residual) {
      const Pack<T, N> beside = Pack<T, N>::load(residual + at + c);
#pragma unroll
      for (int i = 0; i < N; ++i)
        result[i] += beside[i];
    }
    Pack<T, N>::of(result).store(dx + at + c);
  });
}

dim3 blocksOf(int64_t rows, RowShape shape) { return dim3(unsigned(divideUp(rows, shape.groups()))); }

} // namespace

template <class T>
void rms_norm(const Context &ctx, Tensor<T> y, Tensor<const T> x, Tensor<const T> w, double eps) {
  const int64_t rows = x.size() / w.size();
  withRowShape<T>(w.size(), isWide(y.data) && isWide(x.data) && isWide(w.data),
                  [&](RowShape shape, auto N, auto K) {
                    launch(ctx, "rms_norm", blocksOf(rows, shape), shape.threads(), normKernel<T, N, K>,
                           y.data, x.data, w.data, rows, shape, float(eps));
                  });
}

template <class T>
void rms_norm_grad(const Context &ctx, Tensor<T> dx, Tensor<const T> dy, Tensor<const T> x, Tensor<const T> w,
                   Tensor<const T> residual, double eps) {
  const int64_t rows = x.size() / w.size();
  const bool aligned =
      isWide(dx.data) && isWide(dy.data) && isWide(x.data) && isWide(w.data) && isWide(residual.data);
  withRowShape<T>(w.size(), aligned, [&](RowShape shape, auto N, auto K) {
    launch(ctx, "rms_norm_grad", blocksOf(rows, shape), shape.threads(),
           residual ? normGradKernel<T, N, K, true> : normGradKernel<T, N, K, false>, dx.data, dy.data,
           x.data, w.data, residual.data, rows, shape, float(eps));
  });
}

#define INSTANTIATE(T)                                                                                       \
  template void rms_norm(const Context &, Tensor<T>, Tensor<const T>, Tensor<const T>, double);              \
  template void rms_norm_grad(const Context &, Tensor<T>, Tensor<const T>, Tensor<const T>, Tensor<const T>, \
                              Tensor<const T>, double);
INSTANTIATE(float)
INSTANTIATE(bf16)

} // namespace peft::rt
