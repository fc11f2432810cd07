//===- step_gemms.cpp - the products of one training step, alone ----------===//
//
//   step_gemms [--shapes] [f32|bf16] [TOKENS] [HIDDEN] [KV] [INNER] [LAYERS] [VOCAB] [RANK]
//
// Every matrix product that a LoRA step on all linears needs (forward, dX, and the
// adapters' six each; nothing for frozen weights), each shape timed by itself with
// warm caches, best of six, times how often it occurs: once by the runtime's kernels, once
// by oneDNN's own (its matmul primitive, and of float its sgemm where that is faster) on the
// same operands as they lie. The sums are the step's floor at either rate: what a step takes
// beyond it is everything else. One JSON line; --shapes prints a line for each product before it.
//
//===----------------------------------------------------------------------===//

#include "peft/runtime/gemm.h"
#include "peft/runtime/kernels.h"

#include <oneapi/dnnl/dnnl.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <vector>

using namespace peft;
using rt::Gemm;

template <class F> static double best(F run) {
  double best = 1e9;
  for (int i = 0; i < 7; ++i) {
    auto start = std::chrono::steady_clock::now();
    run();
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (i && seconds < best)
      best = seconds;
  }
  return best;
}

/// At a multiple of 64 bytes, as everything in an arena is: at others, products take up to
/// 1.4 times as long.
template <class T> class Buffer {
public:
  Buffer(int64_t size, float value)
      : memory(static_cast<T *>(aligned_alloc(64, (size * sizeof(T) + 63) / 64 * 64))) {
    std::fill_n(memory, size, fromFloat<T>(value));
  }
  ~Buffer() { free(memory); }
  Buffer(const Buffer &) = delete;
  T *data() { return memory; }

private:
  T *memory;
};

template <class T> constexpr dnnl::memory::data_type typeOf() {
  return sizeof(T) == sizeof(float) ? dnnl::memory::data_type::f32 : dnnl::memory::data_type::bf16;
}

/// oneDNN's matmul primitive for g, created and given its scratchpad before the clock starts.
template <class T, class R> static double matmulSeconds(const Gemm<T, R> &g) {
  using dnnl::memory;
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  static dnnl::stream stream(engine);
  auto matrix = [](int64_t rows, int64_t cols, memory::data_type type, int64_t stride, bool transposed) {
    return memory::desc({rows, cols}, type, transposed ? memory::dims{1, stride} : memory::dims{stride, 1});
  };
  const memory::desc a = matrix(g.m, g.k, typeOf<T>(), g.lda, g.transposeA),
                     b = matrix(g.k, g.n, typeOf<T>(), g.ldb, g.transposeB),
                     c = matrix(g.m, g.n, typeOf<R>(), g.ldc, false);
  dnnl::primitive_attr attributes;
  dnnl::post_ops after;
  if (g.add)
    after.append_sum(1.0f);
  attributes.set_post_ops(after);
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::matmul::primitive_desc chosen(engine, a, b, c, attributes);
  const dnnl::matmul primitive(chosen);
  std::vector<char> scratch(chosen.scratchpad_desc().get_size());
  const std::unordered_map<int, memory> arguments{
      {DNNL_ARG_SRC, {a, engine, const_cast<T *>(g.a)}},
      {DNNL_ARG_WEIGHTS, {b, engine, const_cast<T *>(g.b)}},
      {DNNL_ARG_DST, {c, engine, g.c}},
      {DNNL_ARG_SCRATCHPAD, {chosen.scratchpad_desc(), engine, scratch.data()}}};
  return best([&] {
    primitive.execute(stream, arguments);
    stream.wait();
  });
}

template <class T, class R> static double onednnSeconds(const Gemm<T, R> &g) {
  double seconds = matmulSeconds(g);
  if constexpr (std::is_same_v<T, float>)
    seconds = std::min(seconds, best([&] {
                         dnnl_sgemm(g.transposeA ? 'T' : 'N', g.transposeB ? 'T' : 'N', g.m, g.n, g.k, 1, g.a,
                                    g.lda, g.b, g.ldb, g.add ? 1 : 0, g.c, g.ldc);
                       }));
  return seconds;
}

/// By the runtime's kernels, and by oneDNN's.
struct Seconds {
  double ours = 0, onednn = 0;
  friend Seconds operator+(Seconds a, Seconds b) { return {a.ours + b.ours, a.onednn + b.onednn}; }
  friend Seconds operator*(double n, Seconds a) { return {n * a.ours, n * a.onednn}; }
};

template <class T> struct Shapes {
  bool print;
  peft_context_t ctx{};
  Buffer<T> x, w, y;
  Buffer<float> sum;

  Shapes(bool print, int64_t most) : print(print), x(most, 0.01f), w(most, 0.01f), y(most, 0), sum(most, 0) {}

  template <class R, class F> Seconds both(const char *name, const Gemm<T, R> &g, F ours) {
    const Seconds seconds{best(ours), onednnSeconds(g)};
    const double flops = 2e-9 * double(g.m) * double(g.n) * double(g.k);
    if (print)
      printf("%-8s %6ld x %6ld over %6ld: ours %9.1f us %7.0f GFLOP/s, oneDNN %9.1f us %7.0f GFLOP/s\n", name,
             long(g.m), long(g.n), long(g.k), 1e6 * seconds.ours, flops / seconds.ours, 1e6 * seconds.onednn,
             flops / seconds.onednn);
    return seconds;
  }

  /// y [m, n] = or += x [m, k] W^T, and dX = or += dY W.
  Seconds forward(int64_t m, int64_t n, int64_t k, bool add) {
    const Tensor<T> out{y.data(), {m, n}};
    const Tensor<const T> in{x.data(), {m, k}}, weight{w.data(), {n, k}};
    return both("forward",
                rt::linearGemm<T>(out, in, weight, nullptr, false, 1.0f,
                                  add ? Tensor<const T>(out) : Tensor<const T>()),
                [&] {
                  if (add)
                    rt::linear_add<T>(ctx, out, out, in, weight, false, 1.0f);
                  else
                    rt::linear<T>(ctx, out, in, weight, {}, false, 1.0f);
                });
  }
  Seconds backward(int64_t m, int64_t n, int64_t k, bool add) {
    const Tensor<T> out{y.data(), {m, k}};
    const Tensor<const T> in{x.data(), {m, n}}, weight{w.data(), {n, k}};
    return both("dX",
                rt::linearGemm<T>(out, in, weight, nullptr, true, 1.0f,
                                  add ? Tensor<const T>(out) : Tensor<const T>()),
                [&] {
                  if (add)
                    rt::linear_add<T>(ctx, out, out, in, weight, true, 1.0f);
                  else
                    rt::linear<T>(ctx, out, in, weight, {}, true, 1.0f);
                });
  }
  Seconds weight(int64_t m, int64_t n, int64_t k) {
    const Tensor<float> out{sum.data(), {n, k}};
    const Tensor<const T> slope{y.data(), {m, n}}, in{x.data(), {m, k}};
    return both("dW", rt::weightGradGemm(out, slope, in, 1.0f),
                [&] { rt::linear_weight_grad<T>(ctx, out, slope, in, 1.0f); });
  }
  /// A frozen weight's products, which add to the adapter's.
  Seconds linear(int64_t m, int64_t n, int64_t k) { return forward(m, n, k, true) + backward(m, n, k, true); }
  /// A and B forward, dS, dX, dA, dB of a rank-r adapter on [out, in].
  Seconds adapter(int64_t m, int64_t out, int64_t in, int64_t r) {
    return forward(m, r, in, false) + forward(m, out, r, false) + backward(m, out, r, false) +
           backward(m, r, in, false) + weight(m, r, in) + weight(m, out, r);
  }
};

template <class T>
static void run(const char *dtype, bool print, int64_t tokens, int64_t hidden, int64_t kv, int64_t inner,
                int64_t layers, int64_t vocab, int64_t rank) {
  const int64_t chunk = 256;
  Shapes<T> shapes(print, std::max({tokens * inner, vocab * hidden, chunk * vocab}));
  const double n = double(layers);
  const Seconds linears =
      n * (2 * shapes.linear(tokens, hidden, hidden) + 2 * shapes.linear(tokens, kv, hidden) +
           2 * shapes.linear(tokens, inner, hidden) + shapes.linear(tokens, hidden, inner));
  const Seconds head = double((tokens + chunk - 1) / chunk) * (shapes.forward(chunk, vocab, hidden, false) +
                                                               shapes.backward(chunk, vocab, hidden, false));
  const Seconds adapters =
      n * (2 * shapes.adapter(tokens, hidden, hidden, rank) + 2 * shapes.adapter(tokens, kv, hidden, rank) +
           2 * shapes.adapter(tokens, inner, hidden, rank) + shapes.adapter(tokens, hidden, inner, rank));
  const Seconds all = linears + head + adapters;
  printf("{\"dtype\": \"%s\", \"linears_seconds\": %.4f, \"head_seconds\": %.4f, \"adapters_seconds\": %.4f, "
         "\"gemm_seconds\": %.4f, \"onednn\": {\"linears_seconds\": %.4f, \"head_seconds\": %.4f, "
         "\"adapters_seconds\": %.4f, \"gemm_seconds\": %.4f}}\n",
         dtype, linears.ours, head.ours, adapters.ours, all.ours, linears.onednn, head.onednn,
         adapters.onednn, all.onednn);
}

int main(int argc, char **argv) {
  const bool print = argc > 1 && !strcmp(argv[1], "--shapes");
  argc -= print, argv += print;
  bool bf16 = argc > 1 && !strcmp(argv[1], "bf16");
  auto number = [&](int i, int64_t fallback) { return argc > i ? atoll(argv[i]) : fallback; };
  int64_t tokens = number(2, 1024), hidden = number(3, 576), kv = number(4, 192), inner = number(5, 1536),
          layers = number(6, 30), vocab = number(7, 49152), rank = number(8, 16);
  if (bf16)
    run<peft::bf16>("bf16", print, tokens, hidden, kv, inner, layers, vocab, rank);
  else
    run<float>("f32", print, tokens, hidden, kv, inner, layers, vocab, rank);
}
