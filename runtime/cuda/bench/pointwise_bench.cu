//===- pointwise_bench.cu - time of the memory-bound CUDA kernels ---------===//
//
// Every kernel but products and attention, in bf16 at the shapes of Llama-3.1-8B with
// 8192 tokens, beside a copy on the same card: the median of many calls between events,
// on two sets of tensors in turn where one would stay in the cache. GB/s count each byte
// that must be read or written once.
//
//   pointwise_bench [FILTER]     only kernels whose name contains FILTER
//
//===----------------------------------------------------------------------===//

#include "peft/runtime/device.h"
#include "peft/runtime/kernels.h"
#include "peft/runtime/map.h"
#include "peft/runtime/quantize.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <tuple>
#include <vector>

using namespace peft;
using namespace peft::rt;

namespace {

constexpr int64_t tokens = 8192, hidden = 4096, keyed = 1024, inner = 14336, dim = 128;
constexpr int64_t vocab = 128256, chunk = 4096, trained = 42 << 20;

PEFT_HD float siluMul(float gate, float up) { return silu(gate) * up; }
PEFT_HD float siluGateGrad(float dy, float gate, float up) { return silu_grad(dy * up, gate); }
PEFT_HD float siluUpGrad(float dy, float gate) { return dy * silu(gate); }
PEFT_HD Floats<3> siluMulGrad(float gate, float up, float dy) {
  return floats(silu(gate) * up, dy * silu(gate), silu_grad(dy * up, gate));
}
PEFT_HD float add(float a, float b) { return a + b; }
PEFT_HD float identity(float a) { return a; }
PEFT_HD float geluGrad(float dy, float x) { return gelu_tanh_grad(dy, x); }

template <class T> T must(Result<T> result) {
  if (!result) {
    fprintf(stderr, "%s\n", result.status().message().c_str());
    exit(1);
  }
  return *result;
}
void must(const Status &status) {
  if (!status) {
    fprintf(stderr, "%s\n", status.message().c_str());
    exit(1);
  }
}

__global__ void fill(uint32_t *words, int64_t count, bool ids) {
  for (int64_t i = threadNumber(); i < count; i += threadCount()) {
    uint32_t state = uint32_t(i) * 2654435761u + 12345u;
    state ^= state >> 15;
    state *= 2246822519u;
    state ^= state >> 13;
    // As two bf16 or one float: values around 1, of both signs.
    words[i] = ids ? state % uint32_t(vocab) : (state & 0x80ff80ffu) | 0x3f003f00u;
  }
}

/// A tensor for good, with random values: of T, or token ids.
template <class T> Tensor<T> make(const Context &ctx, std::initializer_list<int64_t> shape) {
  Tensor<T> tensor(nullptr, shape);
  const uint64_t bytes = (uint64_t(tensor.size()) * sizeof(T) + 3) / 4 * 4;
  tensor.data = reinterpret_cast<T *>(must(device::allocate(bytes)));
  launch(ctx, "fill", dim3(1024), blockThreads, fill, reinterpret_cast<uint32_t *>(tensor.data),
         int64_t(bytes / 4), std::is_same_v<T, int32_t>);
  return tensor;
}

class Bench {
public:
  Bench(const Context &ctx, const char *filter) : ctx(ctx), filter(filter) {
    cudaEventCreate(&begin);
    cudaEventCreate(&end);
  }
  /// call(turn): the tensors of turn 0 and 1 differ where they fit in the cache.
  void operator()(const char *name, double bytes, const std::function<void(int)> &call) {
    if (!std::string(name).empty() && std::string(name).find(filter) == std::string::npos && copySpeed > 0)
      return;
    std::vector<float> times;
    for (int i = 0; i < 33; ++i) {
      cudaEventRecord(begin, streamOf(ctx));
      call(i % 2);
      cudaEventRecord(end, streamOf(ctx));
      must(device::run(uint64_t(-1) - uint64_t(runs++), [] {})); // waits, and reports errors
      float milliseconds = 0;
      cudaEventElapsedTime(&milliseconds, begin, end);
      if (i >= 3)
        times.push_back(milliseconds);
    }
    std::sort(times.begin(), times.end());
    const double median = times[times.size() / 2], speed = bytes / median * 1e-6;
    if (copySpeed == 0)
      copySpeed = speed;
    printf("%-28s %9.4f ms %8.0f GB/s %5.0f %% of copy\n", name, median, speed, 100 * speed / copySpeed);
    fflush(stdout);
  }

private:
  const Context &ctx;
  const char *filter;
  cudaEvent_t begin = nullptr, end = nullptr;
  double copySpeed = 0;
  int runs = 0;
};

} // namespace

int main(int argc, char **argv) {
  const Context ctx{nullptr, nullptr, must(device::open()), nullptr};
  Bench bench(ctx, argc > 1 ? argv[1] : "");
  const double m = tokens, h = hidden, f = inner;

  auto wideA = make<bf16>(ctx, {tokens, inner}), wideB = make<bf16>(ctx, {tokens, inner}),
       wideC = make<bf16>(ctx, {tokens, inner}), wideD = make<bf16>(ctx, {tokens, inner});
  auto a = make<bf16>(ctx, {tokens, hidden}), b = make<bf16>(ctx, {tokens, hidden}),
       c = make<bf16>(ctx, {tokens, hidden}), w = make<bf16>(ctx, {hidden});
  bench("copy 14336", m * f * 4, [&](int) { copy<bf16>(ctx, wideB, wideA); });
  bench("copy 4096", m * h * 4, [&](int) { copy<bf16>(ctx, b, a); });
  bench("zero 14336", m * f * 2, [&](int) { zero<bf16>(ctx, wideB); });
  bench("map identity", m * f * 4, [&](int) { map<identity>(ctx, wideB, wideA); });
  bench("map silu_mul", m * f * 6, [&](int) { map<siluMul>(ctx, wideC, wideA, wideB); });
  bench("map silu_mul d_gate", m * f * 8, [&](int) { map<siluGateGrad>(ctx, wideD, wideC, wideA, wideB); });
  bench("map silu_mul d_up", m * f * 6, [&](int) { map<siluUpGrad>(ctx, wideD, wideC, wideA); });
  bench("map silu_mul grad at once", m * f * 12,
        [&](int) { map<siluMulGrad>(ctx, wideA, wideB, wideC, wideA, wideB, wideC); });
  bench("map gelu_tanh_grad", m * f * 6, [&](int) { map<geluGrad>(ctx, wideD, wideC, wideA); });
  bench("map add 4096", m * h * 6, [&](int) { map<add>(ctx, c, a, b); });
  bench("map add row 4096", m * h * 4, [&](int) { map<add>(ctx, c, a, w); });

  bench("rms_norm", m * h * 4, [&](int) { rms_norm<bf16>(ctx, b, a, w, 1e-5); });
  bench("rms_norm_grad", m * h * 6, [&](int) { rms_norm_grad<bf16>(ctx, c, b, a, w, {}, 1e-5); });
  bench("rms_norm_grad and residual", m * h * 8, [&](int) { rms_norm_grad<bf16>(ctx, c, b, a, w, c, 1e-5); });
  auto sums = make<float>(ctx, {hidden});
  bench("rms_norm_weight_grad", m * h * 4, [&](int) { rms_norm_weight_grad<bf16>(ctx, sums, b, a, 1e-5); });
  auto headNorm = make<bf16>(ctx, {dim});
  bench("rms_norm of heads", m * h * 4, [&](int) { rms_norm<bf16>(ctx, b, a, headNorm, 1e-5); });

  auto positions = make<int32_t>(ctx, {4, tokens / 4});
  auto frequencies = make<float>(ctx, {dim / 2});
  auto k = make<bf16>(ctx, {4, tokens / 4, keyed});
  Tensor<bf16> q(a.data, {4, tokens / 4, hidden}), qTo(b.data, {4, tokens / 4, hidden});
  bench("rope q, in place", m * h * 4,
        [&](int) { rope<bf16>(ctx, q, q, positions, frequencies.data, dim / 2, dim, 1, false); });
  bench("rope q", m * h * 4,
        [&](int) { rope<bf16>(ctx, qTo, q, positions, frequencies.data, dim / 2, dim, 1, false); });
  bench("rope k, in place", m * keyed * 4,
        [&](int) { rope<bf16>(ctx, k, k, positions, frequencies.data, dim / 2, dim, 1, false); });

  auto *seed = static_cast<uint64_t *>(must(device::allocateShared(64)));
  *seed = 1;
  bench("dropout 4096", m * h * 4, [&](int) { dropout<bf16>(ctx, b, a, *seed, 0.1f, 7); });
  bench("dropout 14336", m * f * 4, [&](int) { dropout<bf16>(ctx, wideB, wideA, *seed, 0.1f, 7); });

  auto ids = make<int32_t>(ctx, {tokens});
  auto table = make<bf16>(ctx, {vocab, hidden});
  auto tableSum = make<float>(ctx, {vocab, hidden});
  bench("embedding", m * h * 4, [&](int) { embedding<bf16>(ctx, a, ids, table); });
  bench("embedding_weight_grad", m * h * 10,
        [&](int) { embedding_weight_grad<bf16>(ctx, tableSum, a, ids); });

  auto targets = make<int32_t>(ctx, {tokens}), rows = make<int32_t>(ctx, {tokens}),
       count = make<int32_t>(ctx, {1});
  Tensor<bf16> chunkRows(b.data, {chunk, hidden});
  labelled_rows(ctx, rows, count, targets); // what is gathered below
  bench("labelled_rows", m * 8, [&](int) { labelled_rows(ctx, rows, count, targets); });
  bench("gather_rows", chunk * h * 4, [&](int i) { gather_rows<bf16>(ctx, chunkRows, a, rows, count, i); });
  bench("scatter_rows", chunk * h * 4, [&](int i) { scatter_rows<bf16>(ctx, c, chunkRows, rows, count, i); });

  auto logits = make<bf16>(ctx, {chunk, vocab}), dlogits = make<bf16>(ctx, {chunk, vocab});
  auto loss = make<float>(ctx, {}), lse = make<float>(ctx, {chunk});
  Tensor<const int32_t> labels(targets.data, {chunk});
  auto *scale = static_cast<float *>(must(device::allocateShared(64)));
  *scale = 1e-3f;
  const double v = double(chunk) * vocab;
  bench("cross_entropy", v * 2, [&](int) { cross_entropy<bf16>(ctx, loss, lse, logits, labels); });
  bench("cross_entropy_grad", v * 4,
        [&](int) { cross_entropy_grad<bf16>(ctx, dlogits, logits, lse, labels, *scale); });
  bench("cross_entropy_grad, in place", v * 4,
        [&](int) { cross_entropy_grad<bf16>(ctx, logits, logits, lse, labels, *scale); });
  // A chunk of the head as programs have it; each call another one, so that none is in the cache.
  constexpr int64_t few = 256;
  int64_t turn = 0;
  auto next = [&](Tensor<bf16> of, int64_t columns) {
    return Tensor<bf16>(of.data + ++turn % (chunk / few) * few * vocab, {few, columns});
  };
  const Tensor<float> fewLse(lse.data, {few});
  const Tensor<const int32_t> fewLabels(targets.data, {few});
  for (const auto &[columns, forward, backward] :
       {std::tuple(vocab, "cross_entropy 256 x 128256", "cross_entropy_grad 256 x 128256"),
        std::tuple(int64_t(49152), "cross_entropy 256 x 49152", "cross_entropy_grad 256 x 49152")}) {
    const int64_t width = columns;
    bench(forward, double(few * width) * 2,
          [&](int) { cross_entropy<bf16>(ctx, loss, fewLse, next(logits, width), fewLabels); });
    bench(backward, double(few * width) * 4, [&](int) {
      const Tensor<bf16> here = next(logits, width);
      cross_entropy_grad<bf16>(ctx, here, here, fewLse, fewLabels, *scale);
    });
  }

  const int64_t n = hidden * inner;
  auto dense = make<bf16>(ctx, {inner, hidden});
  auto nested = make<uint8_t>(ctx, {nf4Bytes(n, 64, 256)}), flat = make<uint8_t>(ctx, {nf4Bytes(n, 64, 0)});
  bench("dequantize_nf4 nested", n * 2.0 + double(nested.size()),
        [&](int) { dequantize_nf4<bf16>(ctx, dense, nested, 64, 256); });
  bench("dequantize_nf4", n * 2.0 + double(flat.size()),
        [&](int) { dequantize_nf4<bf16>(ctx, dense, flat, 64, 0); });

  auto p = make<float>(ctx, {trained}), g = make<float>(ctx, {trained}), m1 = make<float>(ctx, {trained}),
       m2 = make<float>(ctx, {trained}), norm = make<float>(ctx, {});
  auto *update = static_cast<peft_update_t *>(must(device::allocateShared(sizeof(peft_update_t))));
  *update = {1e-4f, 0.9f, 0.999f, 1e-8f, 0.01f, 0.9f, 1.0f, 3};
  bench("clip_norm, clipping", trained * 12.0, [&](int) { clip_norm(ctx, norm, g, *update); });
  bench("adamw", trained * 32.0, [&](int) { adamw(ctx, p, g, m1, m2, *update); });
  bench("sgd", trained * 24.0, [&](int) { sgd(ctx, p, g, m1, *update); });
  update->max_grad_norm = 0;
  bench("clip_norm, norm only", trained * 4.0, [&](int) { clip_norm(ctx, norm, g, *update); });
  return 0;
}
