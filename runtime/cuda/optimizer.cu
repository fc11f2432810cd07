//===- optimizer.cu - clipping and the optimizers -------------------------===//
//
// The order of operations is torch's. Scalars are formed in double, as Python does, by
// one thread of each block, which also keeps reads of the host's memory few; the grid is
// one wave. Norms are summed in double in an order that the size and the device fix.
//
//===----------------------------------------------------------------------===//

#include "peft/runtime/cuda/launch.h"
#include "peft/runtime/cuda/vector.h"
#include "peft/runtime/kernels.h"
#include "reduce.h"
#include "scratch.h"

#include <algorithm>

namespace peft::rt {
namespace {

/// f(i, pack) for every i at which a pack of four floats, or of one, begins; the pack is of that type only.
template <class F> __device__ void forFloats(int64_t n, bool packed, F f) {
  const int64_t packs = packed ? n / 4 : 0;
  for (int64_t pack = threadNumber(); pack < packs; pack += threadCount())
    f(4 * pack, Pack<float, 4>());
  for (int64_t i = 4 * packs + threadNumber(); i < n; i += threadCount())
    f(i, Pack<float, 1>());
}

//===--- Clipping ----------------------------------------------------------===//

__global__ void __launch_bounds__(blockThreads)
    squaresKernel(double *parts, const float *gradients, int64_t n, bool packed) {
  __shared__ double perWarp[blockThreads / 32];
  double sum = 0;
  forFloats(n, packed, [&](int64_t i, auto pack) {
    using Values = decltype(pack);
    const Values g = Values::load(gradients + i);
#pragma unroll
    for (int e = 0; e < Values::count; ++e)
      sum += double(g[e]) * double(g[e]);
  });
  sum = blockSum(sum, perWarp);
  if (threadIdx.x == 0)
    parts[blockIdx.x] = sum;
}

/// *norm, and by how much to scale: behind the parts.
__global__ void __launch_bounds__(blockThreads)
    normKernel(float *norm, double *parts, int count, const peft_update_t *update) {
  __shared__ double perWarp[blockThreads / 32];
  double sum = 0;
  for (int i = int(threadIdx.x); i < count; i += blockThreads)
    sum += parts[i];
  sum = blockSum(sum, perWarp);
  if (threadIdx.x)
    return;
  const float result = float(sqrt(sum)), most = update->max_grad_norm;
  *norm = result;
  const float factor = most > 0 ? most / (result + 1e-6f) : 1.0f;
  parts[count] = factor >= 1.0f ? 1.0f : factor; // NaN goes on, as torch's does
}

__global__ void __launch_bounds__(blockThreads)
    scaleKernel(float *gradients, const double *factorAt, int64_t n, bool packed) {
  const float factor = float(*factorAt);
  if (factor == 1.0f)
    return;
  forFloats(n, packed, [&](int64_t i, auto pack) {
    using Values = decltype(pack);
    const Values g = Values::load(gradients + i);
    float scaled[Values::count];
#pragma unroll
    for (int e = 0; e < Values::count; ++e)
      scaled[e] = g[e] * factor;
    Values::of(scaled).store(gradients + i);
  });
}

//===--- Steps -------------------------------------------------------------===//

struct AdamScalars {
  float decay, blend1, keep2, blend2, size, correction, epsilon;

  __device__ static AdamScalars of(const peft_update_t &update) {
    const double beta1 = update.beta1, beta2 = update.beta2, rate = update.learning_rate;
    const double step = double(update.step);
    return {float(1 - rate * update.weight_decay),
            float(1 - beta1),
            float(beta2),
            float(1 - beta2),
            float(rate / (1 - pow(beta1, step))),
            float(sqrt(1 - pow(beta2, step))),
            update.epsilon};
  }
};

__global__ void __launch_bounds__(blockThreads)
    adamwKernel(float *parameters, float *gradients, float *m, float *v, int64_t n, bool packed,
                const peft_update_t *update) {
  __shared__ AdamScalars shared;
  if (threadIdx.x == 0)
    shared = AdamScalars::of(*update);
  __syncthreads();
  const AdamScalars s = shared;
  forFloats(n, packed, [&](int64_t i, auto pack) {
    using Values = decltype(pack);
    const Values g = Values::load(gradients + i), p = Values::load(parameters + i),
                 oldM = Values::load(m + i), oldV = Values::load(v + i);
    float newP[Values::count], newM[Values::count], newV[Values::count];
#pragma unroll
    for (int e = 0; e < Values::count; ++e) {
      newM[e] = oldM[e] + s.blend1 * (g[e] - oldM[e]);
      newV[e] = oldV[e] * s.keep2 + s.blend2 * g[e] * g[e];
      newP[e] = p[e] * s.decay - s.size * (newM[e] / (sqrtf(newV[e]) / s.correction + s.epsilon));
    }
    Values::of(newM).store(m + i);
    Values::of(newV).store(v + i);
    Values::of(newP).store(parameters + i);
    spread<float, Values::count>(0.0f).store(gradients + i);
  });
}

__global__ void __launch_bounds__(blockThreads)
    sgdKernel(float *parameters, float *gradients, float *momentum, int64_t n, bool packed,
              const peft_update_t *update) {
  __shared__ peft_update_t shared;
  if (threadIdx.x == 0)
    shared = *update;
  __syncthreads();
  const float rate = shared.learning_rate, decay = shared.weight_decay;
  const float keep = shared.step == 1 ? 0.0f : shared.momentum;
  forFloats(n, packed, [&](int64_t i, auto pack) {
    using Values = decltype(pack);
    const Values g = Values::load(gradients + i), p = Values::load(parameters + i),
                 old = Values::load(momentum + i);
    float newP[Values::count], step[Values::count];
#pragma unroll
    for (int e = 0; e < Values::count; ++e) {
      step[e] = keep * old[e] + (g[e] + decay * p[e]);
      newP[e] = p[e] - rate * step[e];
    }
    Values::of(step).store(momentum + i);
    Values::of(newP).store(parameters + i);
    spread<float, Values::count>(0.0f).store(gradients + i);
  });
}

/// One wave at most.
dim3 waveOf(const Context &ctx, int64_t n) {
  return dim3(unsigned(std::min<int64_t>(8 * cudaOf(ctx).multiprocessors, divideUp(n, 4 * blockThreads))));
}

} // namespace

void clip_norm(const Context &ctx, Tensor<float> norm, Tensor<float> gradients, const peft_update_t &update) {
  const int64_t n = gradients.size();
  const bool packed = isWide(gradients.data);
  const dim3 blocks = waveOf(ctx, n);
  auto *parts = static_cast<double *>(scratch(ctx, "clip_norm", (blocks.x + 1) * sizeof(double)));
  if (!parts)
    return;
  launch(ctx, "clip_norm", blocks, blockThreads, squaresKernel, parts, gradients.data, n, packed);
  launch(ctx, "clip_norm", dim3(1), blockThreads, normKernel, norm.data, parts, int(blocks.x), &update);
  launch(ctx, "clip_norm", blocks, blockThreads, scaleKernel, gradients.data, parts + blocks.x, n, packed);
}

void adamw(const Context &ctx, Tensor<float> parameters, Tensor<float> gradients, Tensor<float> m,
           Tensor<float> v, const peft_update_t &update) {
  const bool packed = isWide(parameters.data) && isWide(gradients.data) && isWide(m.data) && isWide(v.data);
  launch(ctx, "adamw", waveOf(ctx, parameters.size()), blockThreads, adamwKernel, parameters.data,
         gradients.data, m.data, v.data, parameters.size(), packed, &update);
}

void sgd(const Context &ctx, Tensor<float> parameters, Tensor<float> gradients, Tensor<float> momentum,
         const peft_update_t &update) {
  const bool packed = isWide(parameters.data) && isWide(gradients.data) && isWide(momentum.data);
  launch(ctx, "sgd", waveOf(ctx, parameters.size()), blockThreads, sgdKernel, parameters.data, gradients.data,
         momentum.data, parameters.size(), packed, &update);
}

} // namespace peft::rt
