//===- step_gemms.cpp - the products of one training step, alone ----------===//
//
//   step_gemms [f32|bf16] [TOKENS] [HIDDEN] [KV] [INNER] [LAYERS] [VOCAB] [RANK]
//
// Every matrix product that a LoRA step on all linears needs (forward, dX, and the
// adapters' six each; nothing for frozen weights), each shape timed by itself with
// warm caches, best of five, times how often it occurs. The sum is the step's floor
// at the products' own rate: what a step takes beyond it is everything else. One JSON line.
//
//===----------------------------------------------------------------------===//

#include "peft/runtime/kernels.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace peft;

template <class F> static double best(F run) {
  double best = 1e9;
  for (int i = 0; i < 6; ++i) {
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

template <class T> struct Shapes {
  peft_context_t ctx{};
  Buffer<T> x, w, y;
  Buffer<float> sum;

  Shapes(int64_t most) : x(most, 0.01f), w(most, 0.01f), y(most, 0), sum(most, 0) {}

  /// y [m, n] = x [m, k] W^T, and dX = dY W.
  double forward(int64_t m, int64_t n, int64_t k) {
    return best([&] {
      rt::linear<T>(ctx, {y.data(), {m, n}}, {x.data(), {m, k}}, {w.data(), {n, k}}, {}, false, 1.0f);
    });
  }
  double backward(int64_t m, int64_t n, int64_t k) {
    return best([&] {
      rt::linear_add<T>(ctx, {y.data(), {m, k}}, {x.data(), {m, n}}, {w.data(), {n, k}}, true, 1.0f);
    });
  }
  double weight(int64_t m, int64_t n, int64_t k) {
    return best([&] {
      rt::linear_weight_grad<T>(ctx, {sum.data(), {n, k}}, {y.data(), {m, n}}, {x.data(), {m, k}}, 1.0f);
    });
  }
  /// A and B forward, dS, dX, dA, dB of a rank-r adapter on [out, in].
  double adapter(int64_t m, int64_t out, int64_t in, int64_t r) {
    return forward(m, r, in) + forward(m, out, r) + backward(m, out, r) + backward(m, r, in) +
           weight(m, r, in) + weight(m, out, r);
  }
};

template <class T>
static void run(const char *dtype, int64_t tokens, int64_t hidden, int64_t kv, int64_t inner, int64_t layers,
                int64_t vocab, int64_t rank) {
  const int64_t chunk = 256;
  Shapes<T> shapes(std::max({tokens * inner, vocab * hidden, chunk * vocab}));
  auto both = [&](int64_t m, int64_t n, int64_t k) {
    return shapes.forward(m, n, k) + shapes.backward(m, n, k);
  };
  double linears = layers * (2 * both(tokens, hidden, hidden) + 2 * both(tokens, kv, hidden) +
                             2 * both(tokens, inner, hidden) + both(tokens, hidden, inner));
  double head = double((tokens + chunk - 1) / chunk) * both(chunk, vocab, hidden);
  double adapters =
      layers *
      (2 * shapes.adapter(tokens, hidden, hidden, rank) + 2 * shapes.adapter(tokens, kv, hidden, rank) +
       2 * shapes.adapter(tokens, inner, hidden, rank) + shapes.adapter(tokens, hidden, inner, rank));
  printf("{\"dtype\": \"%s\", \"linears_seconds\": %.4f, \"head_seconds\": %.4f, \"adapters_seconds\": %.4f, "
         "\"gemm_seconds\": %.4f}\n",
         dtype, linears, head, adapters, linears + head + adapters);
}

int main(int argc, char **argv) {
  bool bf16 = argc > 1 && !strcmp(argv[1], "bf16");
  auto number = [&](int i, int64_t fallback) { return argc > i ? atoll(argv[i]) : fallback; };
  int64_t tokens = number(2, 1024), hidden = number(3, 576), kv = number(4, 192), inner = number(5, 1536),
          layers = number(6, 30), vocab = number(7, 49152), rank = number(8, 16);
  if (bf16)
    run<peft::bf16>("bf16", tokens, hidden, kv, inner, layers, vocab, rank);
  else
    run<float>("f32", tokens, hidden, kv, inner, layers, vocab, rank);
}
