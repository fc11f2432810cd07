//===- probe.cpp - is bf16 faster than f32 on this CPU? -------------------===//
//
// Times one product of a transformer's size in both types, best of five. Exit code 0:
// bf16 is faster; 1: it is not, or this CPU can't run it. `peftc --dtype auto` asks.
//
//===----------------------------------------------------------------------===//

#include "peft/runtime/cpu.h"
#include "peft/runtime/kernels.h"

#include <chrono>
#include <cstdio>
#include <vector>

using namespace peft;

template <class T> static double bestSeconds() {
  const int64_t m = 512, n = 1024, k = 1024;
  std::vector<T> x(m * k, fromFloat<T>(0.5f)), w(n * k, fromFloat<T>(0.25f)), y(m * n);
  peft_context_t ctx{};
  double best = 1e9;
  for (int i = 0; i < 6; ++i) { // the first call builds the primitive
    auto start = std::chrono::steady_clock::now();
    rt::linear<T>(ctx, Tensor<T>(y.data(), {m, n}), Tensor<T>(x.data(), {m, k}), Tensor<T>(w.data(), {n, k}),
                  {}, false, 1.0f);
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (i > 0 && seconds < best)
      best = seconds;
  }
  return best;
}

int main() {
  double f32 = bestSeconds<float>();
  if (!rt::cpuSupports("avx512_bf16"))
    return 1;
  double bf16 = bestSeconds<peft::bf16>();
  return bf16 < f32 ? 0 : 1;
}
