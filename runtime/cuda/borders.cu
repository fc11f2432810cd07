//===- borders.cu - adapters' weights beside the frozen ones --------------===//
//
// All borders of a program in one launch: a row of blocks each, few enough that all are on the
// device at once.
//
//===----------------------------------------------------------------------===//

#include "constants.h"
#include "peft/runtime/cuda/launch.h"
#include "peft/runtime/cuda/vector.h"
#include "peft/runtime/kernels.h"

namespace peft::rt {
namespace {

/// N neighbouring elements a thread, none of which begins in one row and ends in another.
template <class T, int N> __device__ void fill(T *to, const float *from, const Border &border) {
  const int64_t packs = border.rows * border.cols / N, perRow = border.cols / N;
  for (int64_t i = threadNumber(); i < packs; i += threadCount()) {
    const int64_t row = packs <= UINT32_MAX ? uint32_t(i) / uint32_t(perRow) : i / perRow;
    const auto values = Pack<float, N>::load(from + i * N);
    float scaled[N];
#pragma unroll
    for (int e = 0; e < N; ++e)
      scaled[e] = border.scale * values[e];
    Pack<T, N>::of(scaled).store(to + row * border.pitch + (i - row * perRow) * N);
  }
}

template <class T>
__global__ void __launch_bounds__(blockThreads) bordersKernel(char *arena, const Border *borders) {
  constexpr int width = 4;
  const Border border = borders[blockIdx.y];
  const float *from = reinterpret_cast<const float *>(arena + border.from);
  T *to = reinterpret_cast<T *>(arena + border.to);
  const bool aligned = border.cols % width == 0 && border.pitch % width == 0 &&
                       reinterpret_cast<uintptr_t>(from) % (width * sizeof(float)) == 0 &&
                       reinterpret_cast<uintptr_t>(to) % (width * sizeof(T)) == 0;
  if (aligned)
    fill<T, width>(to, from, border);
  else
    fill<T, 1>(to, from, border);
}

} // namespace

template <class T> void fill_borders(const Context &ctx, const Border *borders, int64_t count) {
  if (!count)
    return;
  const Border *table = onDevice(ctx, borders, count);
  const int64_t resident = int64_t(cudaOf(ctx).multiprocessors) * (2048 / blockThreads), most = 65535;
  for (int64_t first = 0; first < count; first += most) { // a grid has no more rows of blocks
    const int64_t rows = count - first < most ? count - first : most;
    launch(ctx, "fill_borders", dim3(unsigned(divideUp(resident, rows)), unsigned(rows)), blockThreads,
           bordersKernel<T>, ctx.arena, table + first);
  }
}

template void fill_borders<float>(const Context &, const Border *, int64_t);
template void fill_borders<bf16>(const Context &, const Border *, int64_t);

} // namespace peft::rt
