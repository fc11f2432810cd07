//===- fp8.cu - rows in e4m3, and products of them ------------------------===//
//
// A row's codes need its largest magnitude first: a group of threads keeps the row in
// registers between the two (row_cache.h), so it is read once and written once, at half
// its size. The products are cuBLASLt's (gemm.h), which applies both vectors of scales.
//
//===----------------------------------------------------------------------===//

#include "gemm.h"
#include "peft/runtime/kernels.h"
#include "reduce.h"
#include "row_cache.h"

#include <cuda_fp8.h>

namespace peft::rt {
namespace {

/// The codes of N values.
template <int N> __device__ void storeCodes(uint8_t *to, const float (&values)[N]) {
  if constexpr (N == 1) {
    *to = __nv_cvt_float_to_fp8(values[0], __NV_SATFINITE, __NV_E4M3);
  } else {
    uint16_t pairs[N / 2];
#pragma unroll
    for (int i = 0; i < N / 2; ++i)
      pairs[i] =
          __nv_cvt_float2_to_fp8x2(make_float2(values[2 * i], values[2 * i + 1]), __NV_SATFINITE, __NV_E4M3);
    if constexpr (N == 8)
      *reinterpret_cast<uint2 *>(to) =
          make_uint2(pairs[0] | uint32_t(pairs[1]) << 16, pairs[2] | uint32_t(pairs[3]) << 16);
    else
      *reinterpret_cast<uint32_t *>(to) = pairs[0] | uint32_t(pairs[1]) << 16;
  }
}

template <class T, int N, int K>
__global__ void __launch_bounds__(512)
    quantizeKernel(uint8_t *codes, float *scales, const T *x, int64_t pitch, int64_t rows, RowShape shape) {
  __shared__ uint32_t shared[512 / 32];
  const int lanes = shape.lanes, lane = int(threadIdx.x) & (lanes - 1);
  const int64_t row = threadNumber() / lanes;
  const int n = row < rows ? shape.n : 0; // an idle group goes along, for the barrier
  CachedRow<T, N, K> kept(x + row * pitch, n, lane, lanes);
  uint32_t largest = leastAmaxBits; // magnitudes are ordered as their bits are
  forColumns<N, K>(n, lane, lanes, [&](int k, int c) {
    const Pack<T, N> values = kept.at(k, c);
#pragma unroll
    for (int i = 0; i < N; ++i)
      largest = max(largest, __float_as_uint(values[i]) & 0x7fffffffu);
  });
  const float amax = __uint_as_float(groupMax(largest, lanes, shared)), factor = __fdiv_rn(e4m3Largest, amax);
  if (lane == 0 && n)
    scales[row] = __fdiv_rn(amax, e4m3Largest);
  forColumns<N, K>(n, lane, lanes, [&](int k, int c) {
    const Pack<T, N> values = kept.at(k, c);
    float scaled[N];
#pragma unroll
    for (int i = 0; i < N; ++i)
      scaled[i] = __fmul_rn(values[i], factor);
    storeCodes(codes + row * shape.n + c, scaled);
  });
}

/// y[i, :] = bias
template <class T, int N> __global__ void spreadBias(T *y, const T *bias, int64_t packs, int cols) {
  const int64_t pack = threadNumber();
  if (pack < packs)
    Pack<T, N>::load(bias + pack * N % cols).store(y + pack * N);
}

} // namespace

template <class T>
void quantize_rows(const Context &ctx, Tensor<uint8_t> codes, Tensor<float> scales, Tensor<const T> x) {
  const int64_t rows = x.rows();
  withRowShape<T>(x.cols(), isWide(codes.data) && isWide(x), [&](RowShape shape, auto N, auto K) {
    launch(ctx, "quantize_rows", dim3(unsigned(divideUp(rows, shape.groups()))), shape.threads(),
           quantizeKernel<T, N, K>, codes.data, scales.data, x.data, x.rowStride(), rows, shape);
  });
}

template <class T>
void fp8_linear(const Context &ctx, Tensor<T> y, Tensor<const uint8_t> codes, Tensor<const float> scales,
                Tensor<const uint8_t> w, Tensor<const T> bias, bool transposed, float alpha) {
  // Added to, whatever the result's type: cuBLASLt takes biases of bf16 alone.
  if (bias) {
    const bool aligned = isWide(y.data) && isWide(bias.data) && y.cols() % wide<T> == 0;
    const int64_t packs = aligned ? y.size() / wide<T> : y.size();
    launch(ctx, "fp8_linear", blocksFor(packs), blockThreads,
           aligned ? spreadBias<T, wide<T>> : spreadBias<T, 1>, y.data, bias.data, packs, int(y.cols()));
  }
  run(ctx, fp8LinearGemm<T>(y, codes, scales, w, transposed, alpha, bias ? y.data : nullptr));
}

template <class T>
void fp8_linear_add(const Context &ctx, Tensor<T> y, Tensor<const T> acc, Tensor<const uint8_t> codes,
                    Tensor<const float> scales, Tensor<const uint8_t> w, bool transposed, float alpha) {
  run(ctx, fp8LinearGemm(y, codes, scales, w, transposed, alpha, acc.data));
}

#define INSTANTIATE(T)                                                                                       \
  template void quantize_rows(const Context &, Tensor<uint8_t>, Tensor<float>, Tensor<const T>);             \
  template void fp8_linear(const Context &, Tensor<T>, Tensor<const uint8_t>, Tensor<const float>,           \
                           Tensor<const uint8_t>, Tensor<const T>, bool, float);                             \
  template void fp8_linear_add(const Context &, Tensor<T>, Tensor<const T>, Tensor<const uint8_t>,           \
                               Tensor<const float>, Tensor<const uint8_t>, bool, float);
INSTANTIATE(float)
INSTANTIATE(bf16)

} // namespace peft::rt
