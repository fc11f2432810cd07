//===- map_weight_grads_bench.cu - SwiGLU with its adapters' sums ------------===//
//
// The gradient of a layer's activation with the sums over rows that adapters of rank 16 want of it, at the
// shapes of the models that docs/performance.md measures: kernels and cuBLASLt's products one behind the
// other, and rt::map_weight_grads. Microseconds, the median of many calls, on two sets of tensors in turn;
// beside them what the bytes take that must be moved, at the speed of a copy.
//
//===----------------------------------------------------------------------===//

#include "context.h"
#include "peft/runtime/device.h"
#include "peft/runtime/kernels.h"
#include "peft/runtime/map_weight_grads.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

using namespace peft;
using namespace peft::rt;

namespace {

PEFT_HD Floats<3> swigluGrad(float gate, float up, float dy) {
  const float active = silu(gate);
  return floats(active * up, dy * active, silu_grad(dy * up, gate));
}

template <class T> T must(Result<T> result) {
  if (!result) {
    fprintf(stderr, "%s\n", result.status().message().c_str());
    exit(1);
  }
  return *result;
}

__global__ void fill(uint16_t *to, int64_t count) { // small numbers of either sign
  for (int64_t i = threadNumber(); i < count; i += threadCount()) {
    uint32_t state = uint32_t(i) * 2654435761u + 12345u;
    state ^= state >> 15;
    to[i] = uint16_t(0x3c00 + (state & 0x80ff));
  }
}

template <class T> Tensor<T> make(std::initializer_list<int64_t> shape, int64_t pitch = 0) {
  Tensor<T> result(nullptr, shape, pitch);
  const int64_t count = result.rows() * result.rowStride();
  char *memory = must(device::allocate(uint64_t(count) * sizeof(T)));
  result.data = reinterpret_cast<T *>(memory);
  fill<<<1024, 256>>>(reinterpret_cast<uint16_t *>(memory), count * int64_t(sizeof(T)) / 2);
  return result;
}

template <class Call> double microseconds(cudaStream_t stream, const Call &call) {
  cudaEvent_t begin, end;
  cudaEventCreate(&begin), cudaEventCreate(&end);
  for (int i = 0; i < 6; ++i)
    call(i % 2);
  std::vector<float> times;
  for (int i = 0; i < 40; ++i) {
    float milliseconds = 0;
    cudaEventRecord(begin, stream);
    call(i % 2);
    cudaEventRecord(end, stream);
    cudaEventSynchronize(end);
    cudaEventElapsedTime(&milliseconds, begin, end);
    times.push_back(milliseconds);
  }
  std::sort(times.begin(), times.end());
  return 1000 * times[times.size() / 2];
}

void bench(const Context &ctx, const char *name, int64_t m, int64_t f) {
  const cudaStream_t stream = cudaOf(ctx).stream;
  struct Set {
    Tensor<bf16> gate, up, dy; // side by side, as products of both want them
  } sets[2];
  for (Set &set : sets) {
    const Tensor<bf16> whole = make<bf16>({m, 2 * f + 64});
    set = {{whole.data, {m, f}, 2 * f + 64}, {whole.data + f, {m, f}, 2 * f + 64}, make<bf16>({m, f})};
  }
  const Tensor<bf16> s = make<bf16>({m, 64});
  const Tensor<float> gradUp = make<float>({f, 16}), gradGate = make<float>({f, 16}),
                      gradA = make<float>({16, f});
  const Tensor<bf16> sGate(s.data, {m, 16}, 64), sUp(s.data + 16, {m, 16}, 64),
      sDown(s.data + 32, {m, 16}, 64);
  const float scales[] = {1, 2, 2};

  const double map3 = microseconds(stream, [&](int i) {
    const auto &[gate, up, dy] = sets[i];
    map<swigluGrad>(ctx, dy, up, gate, gate, up, dy);
  });
  const double apart = microseconds(stream, [&](int i) {
    const auto &[gate, up, dy] = sets[i];
    map<swigluGrad>(ctx, dy, up, gate, gate, up, dy);
    linear_weight_grad<bf16>(ctx, gradA, sDown, dy, 1.0f);
    linear_weight_grad<bf16>(ctx, gradGate, gate, sGate, 2.0f);
    linear_weight_grad<bf16>(ctx, gradUp, up, sUp, 2.0f);
  });
  const double once = microseconds(stream, [&](int i) {
    const auto &[gate, up, dy] = sets[i];
    map_weight_grads<swigluGrad, 0b110, 0b111>(ctx, gradA, gradUp, gradGate, up, gate, sDown, sUp, sGate,
                                               gate, up, dy, scales, 3);
  });
  std::printf("%-14s %9.0f %9.0f %9.0f %9.0f\n", name, map3, apart, once, 5 * m * f * 2 / 4.0e6); // at 4 TB/s
  if (!cudaOf(ctx).failure.empty())
    std::printf("  failed: %s\n", cudaOf(ctx).failure.c_str());
}

} // namespace

int main() {
  const Context ctx{nullptr, nullptr, must(device::open()), nullptr};
  cudaOf(ctx).workspaceBytes = uint64_t(64) << 20;
  cudaOf(ctx).workspace = must(device::allocate(cudaOf(ctx).workspaceBytes));
  std::printf("%-14s %9s %9s %9s %9s\n", "us", "map", "apart", "at once", "bytes");
  bench(ctx, "Llama-3.1-8B", 8192, 14336);
  bench(ctx, "Llama-3.2-1B", 16384, 8192);
  bench(ctx, "SmolLM2-135M", 16384, 1536);
}
