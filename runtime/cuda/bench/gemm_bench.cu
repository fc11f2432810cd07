//===- gemm_bench.cu - the matrix products of a step, timed ---------------===//
//
//   gemm_bench [MODEL...]     models: 8b 1b smollm2; all without an argument
//
// For each product of a LoRA step (r = 16 on all linear layers, fused QKV and gate-up, head
// in chunks), on random bf16: TFLOP/s, and GB/s of what must be moved, with cuBLASLt's first
// choice and with the one that gemm.h keeps; then their sum over a step and what choosing
// took. Medians of 9 runs, one after another, as in a step.
//
// The sum counts a head chunk as often as one of the largest size would be run, and of the
// adapter's products each as often as PEFT's linear layers ask for it.
//
//===----------------------------------------------------------------------===//

#include "check.h"
#include "gemm.h"
#include "peft/runtime/cuda/launch.h"
#include "peft/runtime/kernels.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

namespace peft::rt {
namespace {

constexpr int runs = 9;
constexpr int64_t rank = 16;

struct Model {
  const char *name;
  int64_t tokens, width, inner, layers, queries, keys, vocabulary; ///< queries, keys: heads * head_dim
};
const Model models[] = {{"8b", 8192, 4096, 14336, 32, 4096, 1024, 128256},
                        {"1b", 16384, 2048, 8192, 16, 2048, 512, 128256},
                        {"smollm2", 16384, 576, 1536, 30, 576, 192, 49152}};

enum class Kind { forward, add, backward, backwardAdd, weightGrad };

/// y [rows, out] from x [rows, in]; backward: x = dx, y = dy, W [out, in] as stored.
struct Case {
  const char *name;
  Kind kind;
  int64_t rows, in, out;
  int64_t times; ///< in a step
};

std::vector<Case> casesOf(const Model &m) {
  const int64_t qkv = m.queries + 2 * m.keys, gateUp = 2 * m.inner, n = m.layers, rows = m.tokens;
  std::vector<Case> cases;
  struct Linear {
    const char *forward, *backward, *backwardAdd;
    int64_t in, out;
  };
  const Linear fused[] = {{"qkv", "qkv dX", "qkv dX +=", m.width, qkv},
                          {"o", "o dX", "o dX +=", m.queries, m.width},
                          {"gate-up", "gate-up dX", "gate-up dX +=", m.width, gateUp},
                          {"down", "down dX", "down dX +=", m.inner, m.width}};
  for (const Linear &l : fused) {
    cases.push_back({l.forward, Kind::forward, rows, l.in, l.out, n});
    cases.push_back({l.backward, Kind::backward, rows, l.in, l.out, n});
    cases.push_back({l.backwardAdd, Kind::backwardAdd, rows, l.in, l.out, 0});
  }
  for (int64_t chunk : {256, 1024, 4096}) {
    const int64_t times = chunk == 4096 ? rows / chunk : 0;
    cases.push_back({"head", Kind::forward, chunk, m.width, m.vocabulary, times});
    cases.push_back({"head dX", Kind::backward, chunk, m.width, m.vocabulary, times});
  }
  // The adapters: S = X A^T, Y += S B^T, dS = dY B, dX += dS A, dA += dS^T X, dB += dY^T S.
  struct Adapter {
    int64_t in, out, count;
  };
  std::vector<Adapter> adapters;
  for (Adapter wanted : {Adapter{m.width, m.queries, 1},
                         {m.width, m.keys, 2},
                         {m.queries, m.width, 1},
                         {m.width, m.inner, 2},
                         {m.inner, m.width, 1}}) {
    auto same = std::find_if(adapters.begin(), adapters.end(),
                             [&](const Adapter &a) { return a.in == wanted.in && a.out == wanted.out; });
    if (same == adapters.end())
      adapters.push_back(wanted);
    else
      same->count += wanted.count;
  }
  for (const Adapter &a : adapters) {
    cases.push_back({"S", Kind::forward, rows, a.in, rank, n * a.count});
    cases.push_back({"Y += S B", Kind::add, rows, rank, a.out, n * a.count});
    cases.push_back({"dS", Kind::backward, rows, rank, a.out, n * a.count});
    cases.push_back({"dX += dS A", Kind::backwardAdd, rows, a.in, rank, n * a.count});
    cases.push_back({"dA", Kind::weightGrad, rows, a.in, rank, n * a.count});
    cases.push_back({"dB", Kind::weightGrad, rows, rank, a.out, n * a.count});
  }
  return cases;
}

/// Values in [-scale, scale): what is all zero or small draws less power and runs faster.
__global__ void fillRandom(bf16 *to, int64_t count, uint32_t salt, float scale) {
  for (int64_t i = threadNumber(); i < count; i += threadCount()) {
    uint32_t x = uint32_t(i) * 2654435761u + salt;
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    to[i] = fromFloat<bf16>((float(x >> 8) / 8388608.0f - 1.0f) * scale);
  }
}

/// Memory of the largest case; each operand's part is used by all cases.
struct Buffers {
  bf16 *x = nullptr, *w = nullptr, *y = nullptr;
  float *sum = nullptr;
};

template <class T> T *allocate(const Context &ctx, int64_t count) {
  T *memory = nullptr;
  check(ctx, cudaMalloc(&memory, size_t(count) * sizeof(T)), "cudaMalloc");
  return memory;
}

Buffers allocateFor(const Context &ctx, const std::vector<Case> &cases) {
  int64_t x = 0, w = 0, y = 0, sum = 0;
  for (const Case &c : cases) {
    x = std::max(x, c.rows * c.in);
    y = std::max(y, c.rows * c.out);
    w = std::max(w, c.in * c.out);
    if (c.kind == Kind::weightGrad)
      sum = std::max(sum, c.in * c.out);
  }
  return {allocate<bf16>(ctx, x), allocate<bf16>(ctx, w), allocate<bf16>(ctx, y), allocate<float>(ctx, sum)};
}

/// The case's operands: its results would grow as they become operands of the next.
void fill(const Context &ctx, const Case &c, const Buffers &at) {
  const dim3 blocks(1024);
  launch(ctx, "fill", blocks, blockThreads, fillRandom, at.x, c.rows * c.in, 1, 1.0f);
  launch(ctx, "fill", blocks, blockThreads, fillRandom, at.w, c.in * c.out, 2, 0.05f);
  launch(ctx, "fill", blocks, blockThreads, fillRandom, at.y, c.rows * c.out, 3, 1.0f);
  if (c.kind == Kind::weightGrad)
    check(ctx, cudaMemsetAsync(at.sum, 0, size_t(c.in * c.out) * sizeof(float), cudaOf(ctx).stream),
          "cudaMemset");
}

void enqueueCase(const Context &ctx, const Case &c, const Buffers &at) {
  const Tensor<bf16> x(at.x, {c.rows, c.in}), y(at.y, {c.rows, c.out}), w(at.w, {c.out, c.in});
  switch (c.kind) {
  case Kind::forward:
    return linear<bf16>(ctx, y, x, w, {}, false, 1);
  case Kind::add:
    return linear_add<bf16>(ctx, y, y, x, w, false, 1);
  case Kind::backward:
    return linear<bf16>(ctx, x, y, w, {}, true, 1);
  case Kind::backwardAdd:
    return linear_add<bf16>(ctx, x, x, y, w, true, 1);
  case Kind::weightGrad:
    return linear_weight_grad<bf16>(ctx, {at.sum, {c.out, c.in}}, y, x, 1);
  }
}

/// Median milliseconds.
float timeCase(const Context &ctx, const Case &c, const Buffers &at) {
  const cudaStream_t stream = cudaOf(ctx).stream;
  cudaEvent_t events[runs + 1];
  for (cudaEvent_t &event : events)
    cudaEventCreate(&event);
  fill(ctx, c, at);
  for (int i = 0; i < 3; ++i)
    enqueueCase(ctx, c, at);
  for (cudaEvent_t &event : events) {
    cudaEventRecord(event, stream);
    if (&event != &events[runs])
      enqueueCase(ctx, c, at);
  }
  check(ctx, cudaStreamSynchronize(stream), c.name);
  std::vector<float> times(runs);
  for (int i = 0; i < runs; ++i)
    cudaEventElapsedTime(&times[i], events[i], events[i + 1]);
  for (cudaEvent_t &event : events)
    cudaEventDestroy(event);
  std::nth_element(times.begin(), times.begin() + runs / 2, times.end());
  return times[runs / 2];
}

double bytesOf(const Case &c) {
  const double x = double(c.rows) * c.in, y = double(c.rows) * c.out, w = double(c.in) * c.out;
  if (c.kind == Kind::weightGrad)
    return 2 * (x + y) + 8 * w;
  return 2 * (x + y + w + (c.kind == Kind::add ? y : c.kind == Kind::backwardAdd ? x : 0));
}

void benchModel(const Context &ctx, const Model &model) {
  const std::vector<Case> cases = casesOf(model);
  const Buffers at = allocateFor(ctx, cases);
  double sums[2] = {0, 0}, tuning = 0;
  std::printf("\n%-37s  first choice            tuned\n"
              "product             M      K      N     ms  TFLOP/s     ms  TFLOP/s   GB/s   gain  a step\n",
              model.name);
  for (const Case &c : cases) {
    setGemmTuning(false);
    const float first = timeCase(ctx, c, at);
    forgetGemmChoices();
    setGemmTuning(true);
    const auto begin = std::chrono::steady_clock::now();
    enqueueCase(ctx, c, at);
    check(ctx, cudaStreamSynchronize(cudaOf(ctx).stream), c.name);
    if (c.times)
      tuning += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const float tuned = timeCase(ctx, c, at);
    forgetGemmChoices();
    const double flops = 2.0 * c.rows * c.in * c.out;
    const bool back = c.kind == Kind::backward || c.kind == Kind::backwardAdd;
    std::printf("%-15s %5lld %6lld %6lld %6.3f %8.1f %6.3f %8.1f %6.0f %5.1f%% %7lld\n", c.name,
                static_cast<long long>(c.rows), static_cast<long long>(back ? c.out : c.in),
                static_cast<long long>(back ? c.in : c.out), first, flops / first / 1e9, tuned,
                flops / tuned / 1e9, bytesOf(c) / tuned / 1e6, 100.0 * (first / tuned - 1),
                static_cast<long long>(c.times));
    sums[0] += double(first) * c.times;
    sums[1] += double(tuned) * c.times;
  }
  std::printf("a step: first choice %.2f ms, tuned %.2f ms; choosing took %.3f s\n", sums[0], sums[1],
              tuning);
  for (void *memory : {static_cast<void *>(at.x), static_cast<void *>(at.w), static_cast<void *>(at.y),
                       static_cast<void *>(at.sum)})
    cudaFree(memory);
}

int benchAll(int argc, char **argv) {
  CudaContext cuda;
  cudaDeviceProp properties{};
  peft_context_t ctx{};
  ctx.device = &cuda;
  cuda.workspaceBytes = uint64_t(32) << 20;
  if (!check(ctx, cudaGetDeviceProperties(&properties, 0), "no gpu") ||
      !check(ctx, cudaStreamCreate(&cuda.stream), "cudaStreamCreate") ||
      !check(ctx, cudaMalloc(&cuda.workspace, cuda.workspaceBytes), "cudaMalloc"))
    return std::fprintf(stderr, "error: %s\n", cuda.failure.c_str()), 2;
  cuda.multiprocessors = properties.multiProcessorCount;
  cuda.capability = 10 * properties.major + properties.minor;
  std::printf("%s, workspace %llu MiB\n", properties.name,
              static_cast<unsigned long long>(cuda.workspaceBytes >> 20));
  for (const Model &model : models)
    if (argc < 2 ||
        std::any_of(argv + 1, argv + argc, [&](char *name) { return !std::strcmp(name, model.name); }))
      benchModel(ctx, model);
  if (!cuda.failure.empty())
    return std::fprintf(stderr, "error: %s\n", cuda.failure.c_str()), 1;
  return 0;
}

} // namespace
} // namespace peft::rt

int main(int argc, char **argv) { return peft::rt::benchAll(argc, argv); }
