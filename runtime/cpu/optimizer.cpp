//===- optimizer.cpp - clipping and the optimizers ------------------------===//
//
// The order of operations is torch's. Scalars are formed in double, as Python does.
//
//===----------------------------------------------------------------------===//

#include "parallel.h"
#include "peft/runtime/kernels.h"

#include <cmath>

namespace peft::rt {

void clip_norm(const Context &, Tensor<float> norm, Tensor<float> gradients, const peft_update_t &update) {
  // A fixed number of partial sums, so that the norm doesn't depend on the threads.
  constexpr int64_t parts = 256;
  double squares[parts];
  const int64_t total = gradients.size();
  parallelFor(parts, total, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      const float *first = gradients.data + total * part / parts;
      const int64_t n = total * (part + 1) / parts - total * part / parts;
      double sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t i = 0; i < n; ++i)
        sum += double(first[i]) * first[i];
      squares[part] = sum;
    }
  });
  double sum = 0;
  for (double square : squares)
    sum += square;
  *norm.data = float(std::sqrt(sum));

  if (!(update.max_grad_norm > 0))
    return;
  const float factor = update.max_grad_norm / (*norm.data + 1e-6f);
  if (factor >= 1.0f) // NaN goes on, as torch's does
    return;
  parallelFor(total, total, [&](int64_t begin, int64_t end) {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i)
      gradients.data[i] *= factor;
  });
}

void adamw(const Context &, Tensor<float> parameters, Tensor<float> gradients, Tensor<float> m,
           Tensor<float> v, const peft_update_t &update) {
  const double beta1 = update.beta1, beta2 = update.beta2, rate = update.learning_rate;
  const float decay = float(1 - rate * update.weight_decay);
  const float blend1 = float(1 - beta1), keep2 = float(beta2), blend2 = float(1 - beta2);
  const float size = float(rate / (1 - std::pow(beta1, double(update.step))));
  const float correction = float(std::sqrt(1 - std::pow(beta2, double(update.step))));
  const float epsilon = update.epsilon;
  parallelFor(parameters.size(), parameters.size(), [&](int64_t begin, int64_t end) {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) {
      float g = gradients.data[i];
      float mean = m.data[i] + blend1 * (g - m.data[i]);
      float square = v.data[i] * keep2 + blend2 * g * g;
      m.data[i] = mean;
      v.data[i] = square;
      parameters.data[i] =
          parameters.data[i] * decay - size * (mean / (std::sqrt(square) / correction + epsilon));
      gradients.data[i] = 0;
    }
  });
}

void sgd(const Context &, Tensor<float> parameters, Tensor<float> gradients, Tensor<float> momentum,
         const peft_update_t &update) {
  const float rate = update.learning_rate, decay = update.weight_decay;
  const float keep = update.step == 1 ? 0.0f : update.momentum;
  parallelFor(parameters.size(), parameters.size(), [&](int64_t begin, int64_t end) {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) {
      float g = gradients.data[i] + decay * parameters.data[i];
      float step = keep * momentum.data[i] + g;
      momentum.data[i] = step;
      parameters.data[i] -= rate * step;
      gradients.data[i] = 0;
    }
  });
}

} // namespace peft::rt
