//===- cross_entropy.cpp - the loss and its gradient ----------------------===//

#include "parallel.h"
#include "peft/runtime/kernels.h"
#include "peft/runtime/math.h"
#include "peft/runtime/rounded.h"

namespace peft::rt {
namespace {

/// log of the sum of exponentials. Two passes: the second finds the row in the cache.
template <class T> float logSumExp(const T *x, int64_t n) {
  float maximum = toFloat(x[0]);
#pragma omp simd reduction(max : maximum)
  for (int64_t c = 0; c < n; ++c) {
    float value = toFloat(x[c]);
    maximum = value > maximum ? value : maximum;
  }
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t c = 0; c < n; ++c)
    sum += exp_(toFloat(x[c]) - maximum);
  return maximum + std::log(sum);
}

} // namespace

void shift_labels(const Context &, Tensor<int32_t> targets, Tensor<const int32_t> labels,
                  Tensor<const int32_t> segments) {
  const int64_t seq = labels.cols();
  for (int64_t i = 0; i < labels.size(); ++i) {
    bool follows = i % seq + 1 < seq && segments.data[i + 1] == segments.data[i] && segments.data[i + 1] != 0;
    targets.data[i] = follows ? labels.data[i + 1] : -100;
  }
}

template <class T>
void cross_entropy(const Context &, Tensor<float> sum, Tensor<float> lse, Tensor<const T> logits,
                   Tensor<const int32_t> targets) {
  const int64_t rows = logits.rows(), vocab = logits.cols();
  parallelFor(rows, logits.size(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      lse.data[i] = targets.data[i] == -100 ? 0.0f : logSumExp(logits.data + i * vocab, vocab);
  });
  double loss = 0;
  for (int64_t i = 0; i < rows; ++i)
    if (int32_t target = targets.data[i]; target != -100)
      loss += double(lse.data[i]) - toFloat(logits.data[i * vocab + target]);
  *sum.data = float(*sum.data + loss);
}

template <class T>
void cross_entropy_grad(const Context &, Tensor<T> dlogits, Tensor<const T> logits, Tensor<const float> lse,
                        Tensor<const int32_t> targets, const float &scaleOfBatch) {
  const float scale = scaleOfBatch;
  const int64_t rows = logits.rows(), vocab = logits.cols();
  parallelFor(rows, logits.size(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const T *from = logits.data + i * vocab;
      T *to = dlogits.data + i * vocab;
      const int32_t target = targets.data[i];
      if (target == -100) {
        std::fill_n(to, vocab, fromFloat<T>(0));
        continue;
      }
      const float rowLse = lse.data[i], atTarget = exp_(toFloat(from[target]) - rowLse) - 1.0f;
      fillRounded(to, vocab, [=](int64_t c) { return scale * exp_(toFloat(from[c]) - rowLse); });
      to[target] = fromFloat<T>(scale * atTarget);
    }
  });
}

#define INSTANTIATE(T)                                                                                       \
  template void cross_entropy(const Context &, Tensor<float>, Tensor<float>, Tensor<const T>,                \
                              Tensor<const int32_t>);                                                        \
  template void cross_entropy_grad(const Context &, Tensor<T>, Tensor<const T>, Tensor<const float>,         \
                                   Tensor<const int32_t>, const float &);
INSTANTIATE(float)
INSTANTIATE(bf16)

} // namespace peft::rt
