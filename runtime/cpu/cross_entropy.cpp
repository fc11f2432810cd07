//===- cross_entropy.cpp - the loss and its gradient ----------------------===//

#include "parallel.h"
#include "peft/runtime/kernels.h"
#include "peft/runtime/math.h"
#include "peft/runtime/rounded.h"

#include <algorithm>
#include <vector>

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

/// *sum += what `loss` says of each row with a target, in the order of rows.
template <class Loss> void addLosses(Tensor<float> sum, Tensor<const int32_t> targets, Loss loss) {
  double total = 0;
  for (int64_t i = 0; i < targets.size(); ++i)
    if (targets.data[i] != -100)
      total += loss(i);
  *sum.data = float(*sum.data + total);
}

/// The gradient of one row, whose log of the sum of exponentials is `lse`. In place.
template <class T> void gradOf(T *to, const T *from, int64_t vocab, int32_t target, float lse, float scale) {
  if (target == -100) {
    std::fill_n(to, vocab, fromFloat<T>(0));
    return;
  }
  const float atTarget = exp_(toFloat(from[target]) - lse) - 1.0f;
  fillRounded(to, vocab, [=](int64_t c) { return scale * exp_(toFloat(from[c]) - lse); });
  to[target] = fromFloat<T>(scale * atTarget);
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
  addLosses(sum, targets, [&](int64_t i) {
    return double(lse.data[i]) - toFloat(logits.data[i * vocab + targets.data[i]]);
  });
}

template <class T>
void cross_entropy_grad(const Context &, Tensor<T> dlogits, Tensor<const T> logits, Tensor<const float> lse,
                        Tensor<const int32_t> targets, const float &scaleOfBatch) {
  const float scale = scaleOfBatch;
  const int64_t rows = logits.rows(), vocab = logits.cols();
  parallelFor(rows, logits.size(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      gradOf(dlogits.data + i * vocab, logits.data + i * vocab, vocab, targets.data[i], lse.data[i], scale);
  });
}

template <class T>
void cross_entropy_with_grad(const Context &, Tensor<float> sum, Tensor<T> dlogits, Tensor<const T> logits,
                             Tensor<const int32_t> targets, const float &scaleOfBatch) {
  const float scale = scaleOfBatch;
  const int64_t rows = logits.rows(), vocab = logits.cols();
  std::vector<double> losses(rows);
  parallelFor(rows, logits.size(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const T *from = logits.data + i * vocab;
      const int32_t target = targets.data[i];
      const float lse = target == -100 ? 0.0f : logSumExp(from, vocab);
      losses[i] = target == -100 ? 0.0 : double(lse) - toFloat(from[target]); // before it is overwritten
      gradOf(dlogits.data + i * vocab, from, vocab, target, lse, scale);
    }
  });
  addLosses(sum, targets, [&](int64_t i) { return losses[i]; });
}

#define INSTANTIATE(T)                                                                                       \
  template void cross_entropy(const Context &, Tensor<float>, Tensor<float>, Tensor<const T>,                \
                              Tensor<const int32_t>);                                                        \
  template void cross_entropy_grad(const Context &, Tensor<T>, Tensor<const T>, Tensor<const float>,         \
                                   Tensor<const int32_t>, const float &);                                    \
  template void cross_entropy_with_grad(const Context &, Tensor<float>, Tensor<T>, Tensor<const T>,          \
                                        Tensor<const int32_t>, const float &);
INSTANTIATE(float)
INSTANTIATE(bf16)

} // namespace peft::rt
