//===- fp8_bench.cu - frozen products in FP8 beside bf16, timed -----------===//
//
//   fp8_bench [ROWS]     8192 without an argument
//
// The frozen linears of a Llama-3.1-8B step, each product adding to its result as in a step: milliseconds and
// TFLOP/s in bf16 and in FP8, what quantizing the rows takes beside them (GB/s of what it moves), and how
// much faster both together are. Then sums over the step, as peftc emits it: x is quantized once for all that
// read it. Beside them cuBLASLt's fast sums, which the runtime does not use: their time, and the difference
// of the results, relative to their size (root of the mean square, in float). Medians of 15 runs; each
// shape's algorithms are chosen by timing before (gemm.h).
//
//===----------------------------------------------------------------------===//

#include "gemm.h"
#include "peft/runtime/cuda/launch.h"
#include "peft/runtime/device.h"
#include "peft/runtime/fp8.h"
#include "peft/runtime/kernels.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

namespace peft::rt {
namespace {

constexpr int runs = 15;
constexpr int64_t layers = 32, someRows = 64;

void must(const Status &status) {
  if (status)
    return;
  std::fprintf(stderr, "error: %s\n", status.message().c_str());
  std::exit(2);
}

template <class T> T *allocate(int64_t count) {
  auto memory = device::allocate(uint64_t(count) * sizeof(T));
  must(memory.status());
  return reinterpret_cast<T *>(*memory);
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

struct Case {
  const char *name;
  int64_t in, out;
  bool transposed;
  int64_t times, quantized; ///< in a layer: products, and rows quantized for them
};
// In a layer as it is emitted; fused products, which it does not have, count nothing.
const Case cases[] = {{"q", 4096, 4096, false, 1, 1},
                      {"k, v", 4096, 1024, false, 2, 0},
                      {"o", 4096, 4096, false, 1, 1},
                      {"gate, up", 4096, 14336, false, 2, 1},
                      {"down", 14336, 4096, false, 1, 1},
                      {"q, o dX", 4096, 4096, true, 2, 2},
                      {"k, v dX", 1024, 4096, true, 2, 2},
                      {"gate, up dX", 14336, 4096, true, 2, 2},
                      {"down dX", 4096, 14336, true, 1, 1},
                      {"qkv as one", 4096, 6144, false, 0, 0},
                      {"qkv as one dX", 6144, 4096, true, 0, 0},
                      {"gate-up as one", 4096, 28672, false, 0, 0},
                      {"gate-up as one dX", 28672, 4096, true, 0, 0}};

class Bench {
public:
  explicit Bench(int64_t rows) : rows(rows), ctx{} {
    auto opened = device::open();
    must(opened.status());
    ctx.device = *opened;
    must(device::multipliesFp8());
    const int64_t widest = 28672, largest = 4096 * 28672;
    x = allocate<bf16>(rows * widest), y = allocate<bf16>(rows * widest), w = allocate<bf16>(largest);
    codes = allocate<uint8_t>(rows * widest), scales = allocate<float>(rows),
    exact = allocate<float>(someRows * widest);
    bytes = allocate<uint8_t>(Fp8Layout(4096, 28672).bytes);
    cudaEventCreate(&begin);
    cudaEventCreate(&end);
  }

  void all() {
    std::printf("%-18s %6s %6s   bf16 ms TFLOP/s    FP8 ms TFLOP/s   rows ms  GB/s   faster, with rows   "
                "fast ms, differs\n",
                "product", "K", "N");
    for (const Case &c : cases)
      one(c);
    std::printf(
        "frozen products of a step: bf16 %.1f ms, FP8 %.1f ms (fast sums: %.1f) and %.1f for the rows\n",
        layers * sums[0], layers * sums[1], layers * sums[3], layers * sums[2]);
  }

private:
  void one(const Case &c) {
    auto random = [&](bf16 *to, int64_t count, float scale) {
      launch(ctx, "fill", dim3(1024), blockThreads, fillRandom, to, count, uint32_t(count), scale);
    };
    random(x, rows * c.in, 1), random(y, rows * c.out, 1), random(w, c.in * c.out, 0.05f);
    const Tensor<bf16> xs(x, {rows, c.in}), ys(y, {rows, c.out});
    const Tensor<uint8_t> q(codes, {rows, c.in});
    const Tensor<float> s(scales, {rows});
    // The copy that is read, its rows quantized as the loader would do it.
    const int64_t r = c.transposed ? c.in : c.out, k = c.transposed ? c.out : c.in;
    const Fp8Layout layout(r, k);
    const Tensor<uint8_t> weight(bytes, {layout.bytes});
    quantize_rows<bf16>(ctx, Tensor<uint8_t>(bytes + (c.transposed ? layout.transposed : 0), {c.out, c.in}),
                        Tensor<float>(reinterpret_cast<float *>(
                                          bytes + (c.transposed ? layout.transposedScales : layout.scales)),
                                      {c.out}),
                        Tensor<bf16>(w, {c.out, c.in}));
    const float dense = time(c.name, [&] {
      linear_add<bf16>(ctx, ys, ys, xs, Tensor<bf16>(w, {r, k}), c.transposed, 1);
    });
    const float quantizing = time(c.name, [&] { quantize_rows<bf16>(ctx, q, s, xs); });
    random(y, rows * c.out, 1);
    const float eight =
        time(c.name, [&] { fp8_linear_add<bf16>(ctx, ys, ys, q, s, weight, c.transposed, 1); });
    Fp8Gemm<bf16> gemm = fp8LinearGemm<bf16>(ys, q, s, weight, c.transposed, 1, ys.data);
    gemm.fast = true;
    random(y, rows * c.out, 1);
    const float fast = time(c.name, [&] { run(ctx, gemm); });
    const double flops = 2.0 * double(rows) * double(c.in) * double(c.out);
    std::printf("%-18s %6lld %6lld %9.3f %7.0f %9.3f %7.0f %9.3f %5.0f %7.2fx %8.2fx %9.3f %9.1e\n", c.name,
                static_cast<long long>(c.in), static_cast<long long>(c.out), dense, flops / dense / 1e9,
                eight, flops / eight / 1e9, quantizing, 3.0 * double(rows) * double(c.in) / quantizing / 1e6,
                dense / eight, dense / (eight + quantizing), fast, differenceOfSums(c, q, s, weight));
    std::fflush(stdout);
    sums[0] += double(c.times) * dense, sums[1] += double(c.times) * eight,
        sums[2] += double(c.quantized) * quantizing, sums[3] += double(c.times) * fast;
  }

  /// Of the results of some rows, in float, with fast sums and without.
  double differenceOfSums(const Case &c, Tensor<const uint8_t> q, Tensor<const float> s,
                          Tensor<const uint8_t> weight) {
    const int64_t some = std::min(rows, someRows);
    std::vector<float> results[2];
    for (bool fast : {false, true}) {
      const Tensor<float> to(exact, {some, c.out});
      Fp8Gemm<float> gemm = fp8LinearGemm<float>(to, Tensor<const uint8_t>(q.data, {some, c.in}), s, weight,
                                                 c.transposed, 1, nullptr);
      gemm.fast = fast;
      run(ctx, gemm);
      results[fast].resize(size_t(to.size()));
      if (!happened(c.name,
                    device::download(results[fast].data(), exact, results[fast].size() * sizeof(float))))
        return NAN;
    }
    double error = 0, size = 0;
    for (size_t i = 0; i < results[0].size(); ++i)
      error += std::pow(double(results[1][i]) - results[0][i], 2), size += std::pow(double(results[0][i]), 2);
    return std::sqrt(error / size);
  }

  /// Says what was refused, and goes on.
  static bool happened(const char *name, const Status &status) {
    if (!status)
      std::fprintf(stderr, "%s: %s\n", name, status.message().c_str());
    return bool(status);
  }

  /// Median milliseconds, none if it was refused; the first calls choose the algorithm and wake the device.
  float time(const char *name, const std::function<void()> &call) {
    std::vector<float> times;
    for (int i = 0; i < runs + 3; ++i) {
      cudaEventRecord(begin, streamOf(ctx));
      call();
      cudaEventRecord(end, streamOf(ctx));
      if (!happened(name, device::run(--key, [] {}))) // waits
        return NAN;
      float milliseconds = 0;
      cudaEventElapsedTime(&milliseconds, begin, end);
      if (i >= 3)
        times.push_back(milliseconds);
    }
    std::nth_element(times.begin(), times.begin() + runs / 2, times.end());
    return times[runs / 2];
  }

  int64_t rows;
  peft_context_t ctx;
  bf16 *x, *y, *w;
  uint8_t *codes, *bytes;
  float *scales, *exact;
  cudaEvent_t begin = nullptr, end = nullptr;
  uint64_t key = uint64_t(-1); ///< of runs, none twice
  double sums[4] = {};
};

} // namespace
} // namespace peft::rt

int main(int argc, char **argv) {
  const long rows = argc > 1 ? std::atol(argv[1]) : 8192;
  if (rows < 1)
    return std::fprintf(stderr, "usage: fp8_bench [ROWS]\n"), 2;
  peft::rt::Bench(rows).all();
}
