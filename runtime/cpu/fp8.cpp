//===- fp8.cpp - matrix products in FP8 -----------------------------------===//
//
// No CPU here multiplies e4m3. The codes are widened, which is exact, a block at a time,
// and the scales applied to the sums: the reference of what a GPU does, right and not fast.
//
//===----------------------------------------------------------------------===//

#include "gemm.h"
#include "parallel.h"
#include "peft/runtime/kernels.h"

namespace peft::rt {
namespace {

/// Elements of a block of a, of b and of their sums, which bound the memory that a product works in.
constexpr int64_t aElements = int64_t(1) << 22, bElements = int64_t(1) << 20, sumElements = int64_t(1) << 20;
constexpr int64_t leastRows = 64, mostRows = 4096; ///< of a block, the former however long they are

int64_t rowsOfBlock(int64_t elements, int64_t length, int64_t rows) {
  return std::min(rows, std::clamp(elements / length, leastRows, mostRows));
}

template <class U> void widen(U *to, const uint8_t *codes, int64_t count) {
  parallelFor(count, count, [&](int64_t begin, int64_t end) {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i)
      to[i] = fromFloat<U>(fromE4m3(codes[i]));
  });
}

template <class T> void multiply(const Fp8Gemm<T> &g, const T *bias) {
  static Scratch scratchA, scratchB, scratchC; // kernels are called from one thread
  const int64_t mBlock = rowsOfBlock(aElements, g.k, g.m);
  const int64_t nBlock = std::min(rowsOfBlock(bElements, g.k, g.n), rowsOfBlock(sumElements, mBlock, g.n));
  T *a = reinterpret_cast<T *>(scratchA.floats(mBlock * g.k)),
    *b = reinterpret_cast<T *>(scratchB.floats(nBlock * g.k));
  float *sums = scratchC.floats(mBlock * nBlock);
  for (int64_t m = 0; m < g.m; m += mBlock) {
    const int64_t rows = std::min(mBlock, g.m - m);
    widen(a, g.a + m * g.k, rows * g.k);
    for (int64_t n = 0; n < g.n; n += nBlock) {
      const int64_t cols = std::min(nBlock, g.n - n);
      widen(b, g.b + n * g.k, cols * g.k);
      Gemm<T, float> block;
      block.m = rows, block.n = cols, block.k = g.k;
      block.a = a, block.lda = g.k;
      block.b = b, block.ldb = g.k, block.transposeB = true;
      block.c = sums, block.ldc = cols;
      run(block);
      parallelFor(rows, rows * cols, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          T *y = g.c + (m + i) * g.n + n;
          const T *add = g.add ? g.add + (m + i) * g.n + n : nullptr;
          const float scale = g.alpha * g.aScales[m + i];
          for (int64_t j = 0; j < cols; ++j) {
            const float start = add ? toFloat(add[j]) : bias ? toFloat(bias[n + j]) : 0.0f;
            y[j] = fromFloat<T>(start + scale * g.bScales[n + j] * sums[i * cols + j]);
          }
        }
      });
    }
  }
}

} // namespace

template <class T>
void quantize_rows(const Context &, Tensor<uint8_t> codes, Tensor<float> scales, Tensor<const T> x) {
  quantizeRows(x.data, x.rowStride(), x.rows(), x.cols(), codes.data, scales.data);
}

template <class T>
void fp8_linear(const Context &, Tensor<T> y, Tensor<const uint8_t> codes, Tensor<const float> scales,
                Tensor<const uint8_t> w, Tensor<const T> bias, bool transposed, float alpha) {
  multiply(fp8LinearGemm<T>(y, codes, scales, w, transposed, alpha, nullptr), bias.data);
}

template <class T>
void fp8_linear_add(const Context &, Tensor<T> y, Tensor<const T> acc, Tensor<const uint8_t> codes,
                    Tensor<const float> scales, Tensor<const uint8_t> w, bool transposed, float alpha) {
  multiply(fp8LinearGemm(y, codes, scales, w, transposed, alpha, acc.data), static_cast<const T *>(nullptr));
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
