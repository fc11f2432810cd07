//===- attention_bench.cu - attention by cuDNN and by the own kernels -----===//
//
//   attention_bench [WORKSPACE_MIB]     8192 without an argument
//
// For the shapes of a training step, causal, bf16: milliseconds and TFLOP/s of both passes
// (the backward pass counts five products, as is usual; the own one does seven), dense and
// packed in eight sequences a row, cuDNN in free and in deterministic order, what workspace
// cuDNN is said to want, and the largest difference between the two ways, relative to the
// largest value. Medians of 11 runs, one after another.
//
//===----------------------------------------------------------------------===//

#include "attention_parts.h"
#include "check.h"
#include "peft/runtime/cuda/launch.h"
#include "peft/runtime/device.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

namespace peft::rt {
namespace {
using namespace attention_detail;

constexpr int runs = 11;

struct Shape {
  const char *name;
  int64_t batch, seq, heads, kvHeads, dim, window;
};
const Shape shapes[] = {{"8b", 4, 2048, 32, 8, 128, 0},      {"1b", 8, 2048, 32, 8, 64, 0},
                        {"smollm2", 16, 1024, 9, 3, 64, 0},  {"gpt2-m", 16, 512, 16, 16, 64, 0},
                        {"8b long", 1, 8192, 32, 8, 128, 0}, {"window", 2, 4096, 32, 8, 128, 1024}};

__global__ void fillRandom(bf16 *to, int64_t count, uint32_t salt) {
  for (int64_t i = threadNumber(); i < count; i += threadCount()) {
    uint32_t x = uint32_t(i) * 2654435761u + salt;
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    to[i] = fromFloat<bf16>(float(x >> 8) / 8388608.0f - 1.0f);
  }
}

template <class T> T *allocate(int64_t count) {
  auto memory = device::allocate(uint64_t(count) * sizeof(T));
  if (!memory) {
    std::fprintf(stderr, "%s\n", memory.status().message().c_str());
    std::exit(1);
  }
  return reinterpret_cast<T *>(*memory);
}

/// Operands of one shape, and two sets of results.
struct Tensors {
  int64_t queries, keys;
  bf16 *q, *k, *v, *dout, *o[2], *dq[2], *dk[2], *dv[2];
  float *lse[2];
  int32_t *segments;

  Tensors(const peft_context_t &ctx, const Shape &s, const std::vector<int32_t> &ids)
      : queries(s.batch * s.seq * s.heads * s.dim), keys(s.batch * s.seq * s.kvHeads * s.dim),
        qWidth(s.heads * s.dim), kWidth(s.kvHeads * s.dim) {
    uint32_t salt = 0;
    for (bf16 **to : {&q, &dout, &k, &v}) {
      const int64_t count = to == &k || to == &v ? keys : queries;
      *to = allocate<bf16>(count);
      launch(ctx, "fill", dim3(1024), blockThreads, fillRandom, *to, count, ++salt);
    }
    for (int way = 0; way < 2; ++way) {
      o[way] = allocate<bf16>(queries);
      dq[way] = allocate<bf16>(queries);
      dk[way] = allocate<bf16>(keys);
      dv[way] = allocate<bf16>(keys);
      lse[way] = allocate<float>(s.batch * s.seq * s.heads);
    }
    segments = allocate<int32_t>(s.batch * s.seq);
    (void)device::upload(segments, ids.data(), ids.size() * sizeof(int32_t)).isOk();
  }
  ~Tensors() {
    for (void *memory : {(void *)q, (void *)k, (void *)v, (void *)dout, (void *)o[0], (void *)o[1],
                         (void *)dq[0], (void *)dq[1], (void *)dk[0], (void *)dk[1], (void *)dv[0],
                         (void *)dv[1], (void *)lse[0], (void *)lse[1], (void *)segments})
      device::release(static_cast<char *>(memory), 0);
  }

  const int64_t qWidth, kWidth;
  template <class T> Tokens<T> ofQueries(T *data) const { return {data, qWidth}; }
  template <class T> Tokens<T> ofKeys(T *data) const { return {data, kWidth}; }
  Forward<bf16> forward(int way) const {
    return {ofQueries(o[way]), lse[way], ofQueries(q), ofKeys(k), ofKeys(v), segments};
  }
  /// Both ways start from the own forward pass.
  Backward<bf16> backward(int way) const {
    return {ofQueries(dq[way]), ofKeys(dk[way]), ofKeys(dv[way]), ofQueries(dout), ofQueries(q),
            ofKeys(k),          ofKeys(v),       ofQueries(o[0]), lse[0],          segments};
  }
};

/// Milliseconds; negative if it was refused.
float timeOf(const peft_context_t &ctx, const std::function<bool()> &enqueue) {
  for (int i = 0; i < 3; ++i)
    if (!enqueue())
      return -1;
  cudaEvent_t events[runs + 1];
  for (cudaEvent_t &event : events)
    cudaEventCreate(&event);
  for (cudaEvent_t &event : events) {
    cudaEventRecord(event, cudaOf(ctx).stream);
    if (&event != &events[runs])
      enqueue();
  }
  check(ctx, cudaStreamSynchronize(cudaOf(ctx).stream), "attention");
  std::vector<float> times(runs);
  for (int i = 0; i < runs; ++i)
    cudaEventElapsedTime(&times[i], events[i], events[i + 1]);
  for (cudaEvent_t &event : events)
    cudaEventDestroy(event);
  std::nth_element(times.begin(), times.begin() + runs / 2, times.end());
  return times[runs / 2];
}

double differenceOf(const bf16 *a, const bf16 *b, int64_t count) {
  std::vector<bf16> x(count), y(count);
  (void)device::download(x.data(), a, count * sizeof(bf16)).isOk();
  (void)device::download(y.data(), b, count * sizeof(bf16)).isOk();
  double largest = 0, difference = 0;
  for (int64_t i = 0; i < count; ++i) {
    largest = std::max(largest, double(std::abs(toFloat(x[i]))));
    const double here = std::abs(toFloat(x[i]) - toFloat(y[i]));
    difference = here > difference || here != here ? here : difference;
  }
  return difference / largest;
}

/// Pairs of tokens that meet, of one head.
double pairsOf(const Shape &s, int64_t length) {
  double pairs = 0;
  for (int64_t i = 0; i < length; ++i)
    pairs += double(s.window ? std::min(i + 1, s.window) : i + 1);
  return pairs * double(s.batch * s.seq / length);
}

void benchShape(const peft_context_t &ctx, const Shape &s, bool packed) {
  const int64_t length = packed ? s.seq / 8 : s.seq;
  std::vector<int32_t> ids(s.batch * s.seq);
  for (size_t i = 0; i < ids.size(); ++i)
    ids[i] = int32_t(int64_t(i) % s.seq / length) + 1;
  CudaContext &cuda = cudaOf(ctx);
  cuda.attention = layoutOf(ids.data(), s.batch, s.seq);
  const Tensors t(ctx, s, ids);
  const AttentionShape shape =
      shapeOf<bf16>(ctx, {t.q, {s.batch, s.seq, s.heads * s.dim}}, {t.k, {s.batch, s.seq, s.kvHeads * s.dim}},
                    {t.segments, {s.batch, s.seq}}, s.dim, 1 / std::sqrt(float(s.dim)), s.window);
  int2 *ranges = reinterpret_cast<int2 *>(cuda.workspace);
  float *delta = reinterpret_cast<float *>(cuda.workspace + (1 << 20));
  const double flops = 4 * pairsOf(s, length) * double(s.heads * s.dim);
  auto row = [&](const char *way, float forward, float backward, const char *more) {
    std::printf("%-8s %-7s %-22s", s.name, packed ? "packed" : "dense", way);
    for (auto [ms, count] : {std::pair(forward, flops), std::pair(backward, 2.5 * flops)})
      ms < 0 ? std::printf("       -        -") : std::printf(" %8.3f %8.0f", ms, count / ms / 1e9);
    std::printf("  %s\n", more);
  };

  const float ownForward = timeOf(ctx, [&] {
    findRanges(ctx, shape, t.segments, ranges);
    flashForward(ctx, shape, t.forward(0), ranges);
    return true;
  });
  const float ownBackward = timeOf(ctx, [&] {
    findRanges(ctx, shape, t.segments, ranges);
    outputDots<bf16>(ctx, shape, t.ofQueries(t.dout), t.ofQueries(t.o[0]), delta);
    flashBackward(ctx, shape, t.backward(0), ranges, delta);
    return true;
  });
  row("own, deterministic", ownForward, ownBackward, "");
  for (bool deterministic : {false, true}) {
    cuda.deterministic = deterministic;
    std::string refused[2];
    const float forward = timeOf(ctx, [&] { return cudnnForward(ctx, shape, t.forward(1)); });
    refused[0] = forward < 0 ? cudnnRefusal() : "";
    const float backward = timeOf(ctx, [&] { return cudnnBackward(ctx, shape, t.backward(1)); });
    refused[1] = backward < 0 ? cudnnRefusal() : "";
    const AttentionSizes sizes{s.batch, s.seq, s.heads, s.kvHeads, s.dim};
    char more[512];
    int at =
        std::snprintf(more, sizeof more, "%7llu",
                      (unsigned long long)attentionWorkspace(sizes, cuda.attention, deterministic) >> 20);
    if (forward >= 0)
      at += std::snprintf(more + at, sizeof more - at, "  %.1e", differenceOf(t.o[0], t.o[1], t.queries));
    if (backward >= 0)
      at += std::snprintf(more + at, sizeof more - at, " %.1e %.1e %.1e",
                          differenceOf(t.dq[0], t.dq[1], t.queries), differenceOf(t.dk[0], t.dk[1], t.keys),
                          differenceOf(t.dv[0], t.dv[1], t.keys));
    std::snprintf(more + at, sizeof more - at, "%s%s%s%s",
                  refused[0].empty() ? "" : " forward: ", refused[0].c_str(),
                  refused[1].empty() ? "" : " backward: ", refused[1].c_str());
    row(deterministic ? "cudnn, deterministic" : "cudnn, free order", forward, backward, more);
  }
  cuda.deterministic = true;
  if (!cuda.failure.empty())
    std::printf("%s\n", cuda.failure.c_str());
  cuda.failure.clear();
}

} // namespace
} // namespace peft::rt

int main(int argc, char **argv) {
  using namespace peft;
  auto opened = device::open();
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.status().message().c_str());
    return 2;
  }
  const peft_context_t context{nullptr, nullptr, *opened, nullptr};
  rt::CudaContext &cuda = rt::cudaOf(context);
  cuda.workspaceBytes = uint64_t(argc > 1 ? std::atoll(argv[1]) : 8192) << 20;
  cuda.workspace = rt::allocate<char>(int64_t(cuda.workspaceBytes));
  cudaDeviceProp properties;
  cudaGetDeviceProperties(&properties, 0);
  std::printf("%s; medians of %d runs\n%-8s %-7s %-22s %8s %8s %8s %8s %9s  difference of o, dq, dk, dv\n",
              properties.name, rt::runs, "shape", "batch", "way", "forward", "TFLOP/s", "backward", "TFLOP/s",
              "MiB said");
  for (const rt::Shape &shape : rt::shapes)
    for (bool packed : {false, true})
      rt::benchShape(context, shape, packed);
  return 0;
}
