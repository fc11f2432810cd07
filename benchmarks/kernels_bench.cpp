//===- kernels_bench.cpp - time of the CPU kernels ------------------------===//
//
// Every hot kernel on the shapes of SmolLM2-135M at batch 4 x 256: the best of many
// calls, with GFLOP/s where products count and GB/s where memory does. float32; the
// products and attention in bf16 too where the processor has it. Threads: OMP_NUM_THREADS.
//
//   kernels_bench [FILTER]     only kernels whose name contains FILTER
//
//===----------------------------------------------------------------------===//

#include "peft/runtime/cpu.h"
#include "peft/runtime/kernels.h"
#include "peft/runtime/map.h"
#include "peft/runtime/quantize.h"

#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include <omp.h>

using namespace peft;
using namespace peft::rt;

namespace {

constexpr int64_t batch = 4, seq = 256, tokens = batch * seq;
constexpr int64_t hidden = 576, keyed = 192, inner = 1536, vocab = 49152, rank = 16, dim = 64;
constexpr int64_t chunk = 256; ///< rows of logits at a time
const Context context{};

PEFT_HD float swiglu(float gate, float up) { return silu(gate) * up; }
PEFT_HD Floats<3> swigluGrad(float gate, float up, float dh) {
  return floats(silu(gate) * up, dh * silu(gate), silu_grad(dh * up, gate));
}
PEFT_HD float add(float a, float b) { return a + b; }

/// Tensors that live until the end, with values in [-0.5, 0.5).
template <class T> Tensor<T> make(std::initializer_list<int64_t> shape) {
  static std::deque<std::vector<T>> kept;
  constexpr size_t alignment = 64; // that of a program's arena
  Tensor<T> tensor(nullptr, shape);
  kept.emplace_back(tensor.size() + alignment / sizeof(T));
  void *start = kept.back().data();
  size_t space = kept.back().size() * sizeof(T);
  tensor.data = static_cast<T *>(std::align(alignment, tensor.size() * sizeof(T), start, space));
  uint32_t state = 1;
  for (T &value : kept.back())
    if constexpr (std::is_integral_v<T>)
      value = 0;
    else
      value = fromFloat<T>(float((state = state * 1664525u + 1013904223u) >> 8) / 16777216.0f - 0.5f);
  return tensor;
}

enum Unit { Flops, Bytes };

class Bench {
public:
  explicit Bench(const char *filter) : filter(filter) {}

  /// `work`: operations or bytes of one call.
  void operator()(const std::string &name, Unit unit, double work, const std::function<void()> &call) {
    if (name.find(filter) == std::string::npos)
      return;
    using Clock = std::chrono::steady_clock;
    auto seconds = [](Clock::duration d) { return std::chrono::duration<double>(d).count(); };
    call();
    double best = 1e9;
    const auto start = Clock::now();
    for (int i = 0; i < 1000 && (i < 3 || seconds(Clock::now() - start) < 0.5); ++i) {
      const auto before = Clock::now();
      call();
      best = std::min(best, seconds(Clock::now() - before));
    }
    printf("%-34s %9.3f ms %8.1f %s\n", name.c_str(), best * 1e3, work / best * 1e-9,
           unit == Flops ? "GFLOP/s" : "GB/s");
    fflush(stdout);
  }

private:
  std::string filter;
};

template <class T> void products(Bench &bench) {
  const Tensor<const T> none;
  struct Shape {
    const char *name;
    int64_t rows, in, out;
  };
  const Shape shapes[] = {{"q_proj", tokens, hidden, hidden},    {"k_proj", tokens, hidden, keyed},
                          {"gate_proj", tokens, hidden, inner},  {"down_proj", tokens, inner, hidden},
                          {"lm_head", chunk, hidden, vocab},     {"lora_A hidden", tokens, hidden, rank},
                          {"lora_A inner", tokens, inner, rank}, {"lora_B hidden", tokens, rank, hidden},
                          {"lora_B inner", tokens, rank, inner}};
  for (const Shape &s : shapes) {
    auto x = make<T>({s.rows, s.in}), y = make<T>({s.rows, s.out}), w = make<T>({s.out, s.in});
    const double flops = 2.0 * double(s.rows * s.in * s.out);
    const std::string name = std::string(s.name) + (sizeof(T) == 2 ? " bf16" : "");
    bench("linear " + name, Flops, flops, [&] { linear<T>(context, y, x, w, none, false, 1); });
    bench("linear dX " + name, Flops, flops, [&] { linear<T>(context, x, y, w, none, true, 1); });
    if (s.in == rank || s.out == rank) {
      auto sum = make<float>({s.out, s.in});
      bench("linear_add " + name, Flops, flops, [&] { linear_add<T>(context, y, y, x, w, false, 1e-6f); });
      bench("linear_weight_grad " + name, Flops, flops,
            [&] { linear_weight_grad<T>(context, sum, y, x, 1e-6f); });
    }
  }
}

template <class T> void attentionKernels(Bench &bench) {
  auto q = make<T>({batch, seq, hidden}), o = make<T>({batch, seq, hidden}),
       dq = make<T>({batch, seq, hidden}), dout = make<T>({batch, seq, hidden});
  auto k = make<T>({batch, seq, keyed}), v = make<T>({batch, seq, keyed}), dk = make<T>({batch, seq, keyed}),
       dv = make<T>({batch, seq, keyed});
  auto lse = make<float>({batch, hidden / dim, seq}), frequencies = make<float>({dim / 2});
  auto whole = make<int32_t>({batch, seq}), packed = make<int32_t>({batch, seq}),
       positions = make<int32_t>({batch, seq});
  for (int64_t i = 0; i < tokens; ++i) {
    whole.data[i] = 1;
    packed.data[i] = int32_t(1 + i % seq / 64);
    positions.data[i] = int32_t(i % seq);
  }
  // Of the lower triangle.
  const double flops = 2.0 * double(tokens * hidden) * (seq + 1);
  const char *type = sizeof(T) == 2 ? " bf16" : "";
  for (bool split : {false, true}) {
    const Tensor<int32_t> segments = split ? packed : whole;
    const std::string name = std::string(split ? " 4 segments" : "") + type;
    const double share = split ? 65.0 / 257.0 : 1.0;
    bench("attention" + name, Flops, flops * share,
          [&] { attention<T>(context, o, lse, q, k, v, segments, dim, 0.125f, 0); });
    bench("attention_grad" + name, Flops, flops * 2.5 * share,
          [&] { attention_grad<T>(context, dq, dk, dv, dout, q, k, v, o, lse, segments, dim, 0.125f, 0); });
  }
  bench(std::string("rope") + type, Bytes, 2.0 * sizeof(T) * double(tokens * hidden),
        [&] { rope<T>(context, q, q, positions, frequencies.data, dim / 2, dim, 1, false); });
}

void streams(Bench &bench) {
  const double bytes = 4.0 * double(tokens * hidden);
  auto x = make<float>({tokens, hidden}), y = make<float>({tokens, hidden}),
       z = make<float>({tokens, hidden});
  auto w = make<float>({hidden}), sum = make<float>({hidden});
  auto gate = make<float>({tokens, inner}), up = make<float>({tokens, inner}),
       wide = make<float>({tokens, inner});
  bench("rms_norm", Bytes, 2 * bytes, [&] { rms_norm<float>(context, y, x, w, 1e-5); });
  bench("rms_norm_grad", Bytes, 3 * bytes, [&] { rms_norm_grad<float>(context, z, y, x, w, {}, 1e-5); });
  bench("rms_norm_grad and residual", Bytes, 4 * bytes,
        [&] { rms_norm_grad<float>(context, z, y, x, w, z, 1e-5); });
  bench("rms_norm_weight_grad", Bytes, 2 * bytes,
        [&] { rms_norm_weight_grad<float>(context, sum, y, x, 1e-5); });
  bench("sum_rows", Bytes, bytes, [&] { sum_rows<float>(context, sum, y); });
  bench("map add", Bytes, 3 * bytes, [&] { map<add>(context, z, x, y); });
  bench("map swiglu", Bytes, 3 * 4.0 * double(tokens * inner), [&] { map<swiglu>(context, wide, gate, up); });
  bench("map swiglu grad", Bytes, 6 * 4.0 * double(tokens * inner),
        [&] { map<swigluGrad>(context, gate, up, wide, gate, up, wide); });
  bench("dropout", Bytes, 2 * bytes, [&] { dropout<float>(context, y, x, 0.1f, 1, 2); });
  bench("copy", Bytes, 2 * bytes, [&] { rt::copy<float>(context, y, x); });

  auto ids = make<int32_t>({tokens});
  for (int64_t i = 0; i < tokens; ++i)
    ids.data[i] = int32_t(i * 7919 % vocab);
  auto table = make<float>({vocab, hidden});
  bench("embedding", Bytes, 2 * bytes, [&] { embedding<float>(context, y, ids, table); });
  bench("embedding_weight_grad", Bytes, 3 * bytes,
        [&] { embedding_weight_grad<float>(context, table, y, ids); });
}

void loss(Bench &bench) {
  auto logits = make<float>({chunk, vocab}), dlogits = make<float>({chunk, vocab});
  auto sum = make<float>({}), lse = make<float>({chunk});
  auto targets = make<int32_t>({chunk});
  for (int64_t i = 0; i < chunk; ++i)
    targets.data[i] = int32_t(i * 7919 % vocab);
  const double bytes = 4.0 * double(chunk * vocab);
  bench("cross_entropy", Bytes, bytes, [&] { cross_entropy<float>(context, sum, lse, logits, targets); });
  bench("cross_entropy_grad", Bytes, 2 * bytes,
        [&] { cross_entropy_grad<float>(context, dlogits, logits, lse, targets, 1e-3f); });
}

void weights(Bench &bench) {
  const int64_t count = 4884480; // LoRA r = 16 on every linear of SmolLM2-135M
  auto p = make<float>({count}), g = make<float>({count}), m = make<float>({count}), v = make<float>({count});
  auto norm = make<float>({});
  for (int64_t i = 0; i < count; ++i)
    v.data[i] *= v.data[i];
  const peft_update_t update{1e-4f, 0.9f, 0.999f, 1e-8f, 0.0f, 0.9f, 1.0f, 10};
  bench("clip_norm", Bytes, 12.0 * count, [&] { clip_norm(context, norm, g, update); });
  bench("adamw", Bytes, 32.0 * count, [&] { adamw(context, p, g, m, v, update); });
  bench("sgd", Bytes, 24.0 * count, [&] { sgd(context, p, g, m, update); });

  auto dense = make<float>({hidden, inner});
  std::vector<uint8_t> codes(nf4Bytes(dense.size(), 64, 256));
  quantizeNf4(dense.data, dense.size(), 64, 256, codes.data());
  const Tensor<const uint8_t> bytes(codes.data(), {int64_t(codes.size())});
  bench("dequantize_nf4", Bytes, 4.5 * double(dense.size()),
        [&] { dequantize_nf4<float>(context, dense, bytes, 64, 256); });
}

} // namespace

int main(int argc, char **argv) {
  Bench bench(argc > 1 ? argv[1] : "");
  printf("%d threads\n", omp_get_max_threads());
  products<float>(bench);
  attentionKernels<float>(bench);
  if (cpuSupports("avx512")) {
    products<bf16>(bench);
    attentionKernels<bf16>(bench);
  }
  streams(bench);
  loss(bench);
  weights(bench);
  return 0;
}
