//===- quantized.cu - frozen weights stored in four bits ------------------===//
//
// One pass undoes both levels. The result is four times the codes, so its stores decide:
// a thread takes eight neighbouring elements, and a warp's 16-byte stores lie side by
// side. (Sixteen bytes of codes a thread would put 32 or 64 bytes between its stores.)
// Several such parts are in flight. Levels and the nested map are looked up in shared
// memory, the 16 levels in as many banks. The order of roundings is quantize_nf4.cpp's.
//
//===----------------------------------------------------------------------===//

#include "peft/runtime/cuda/launch.h"
#include "peft/runtime/cuda/vector.h"
#include "peft/runtime/kernels.h"
#include "peft/runtime/quantize.h"

namespace peft::rt {
namespace {

constexpr int perThread = 8; ///< elements of a part
constexpr int parts = 8;     ///< of a thread

/// Where the bytes of one parameter lie, and its blocks as powers of two.
struct Nf4 {
  const uint8_t *codes, *absmax;
  const float *nestedAbsmax, *nestedMap, *offset; ///< null without nesting
  int blockBits, nestedBits;
  float levels[16];
};

__device__ float absmaxOf(const Nf4 &from, const float *map, float offset, int64_t block) {
  if (!from.nestedMap)
    return reinterpret_cast<const float *>(from.absmax)[block];
  const float scale = from.nestedAbsmax[block >> from.nestedBits];
  return __fadd_rn(__fmul_rn(map[from.absmax[block]], scale), offset); // rounded after both
}

/// The product, subnormals as zero.
__device__ float scaled(float level, float absmax) {
  float product;
  asm("mul.ftz.f32 %0, %1, %2;" : "=f"(product) : "f"(level), "f"(absmax));
  return product;
}

/// One by one: the end of a parameter, or memory that is not aligned.
template <class T>
__device__ void dequantizeSlowly(T *y, int64_t begin, int64_t end, const Nf4 &from, const float *levels,
                                 const float *map, float offset) {
#pragma unroll 1
  for (int64_t i = begin + threadIdx.x; i < end; i += blockThreads)
    y[i] = fromFloat<T>(scaled(levels[from.codes[i / 2] >> (i % 2 ? 0 : 4) & 15],
                               absmaxOf(from, map, offset, i >> from.blockBits)));
}

template <class T>
__global__ void __launch_bounds__(blockThreads)
    dequantizeKernel(T *y, int64_t n, const __grid_constant__ Nf4 from, bool packed) {
  __shared__ float levels[16], map[256];
  if (threadIdx.x < 16)
    levels[threadIdx.x] = from.levels[threadIdx.x];
  if (from.nestedMap)
    map[threadIdx.x] = from.nestedMap[threadIdx.x];
  const float offset = from.nestedMap ? *from.offset : 0.0f;
  __syncthreads();
  constexpr int64_t step = blockThreads * perThread, all = parts * step;
  const int64_t begin = blockIdx.x * all, first = begin + threadIdx.x * perThread;
  if (!packed || begin + all > n)
    return dequantizeSlowly(y, begin, min(begin + all, n), from, levels, map, offset);
  uint32_t codes[parts];
  float absmax[parts];
#pragma unroll
  for (int part = 0; part < parts; ++part) {
    codes[part] = *reinterpret_cast<const uint32_t *>(from.codes + (first + part * step) / 2);
    absmax[part] = absmaxOf(from, map, offset, (first + part * step) >> from.blockBits); // never shorter than a part
  }
#pragma unroll
  for (int part = 0; part < parts; ++part) {
    float values[perThread];
#pragma unroll
    for (int e = 0; e < perThread; ++e) // the first of a byte is in its high half
      values[e] = scaled(levels[codes[part] >> (8 * (e / 2) + (e % 2 ? 0 : 4)) & 15], absmax[part]);
    Pack<T, perThread>::of(values).store(y + first + part * step);
  }
}

int bitsOf(int64_t powerOfTwo) {
  int bits = 0;
  while (int64_t(1) << bits < powerOfTwo)
    ++bits;
  return bits;
}

} // namespace

template <class T>
void dequantize_nf4(const Context &ctx, Tensor<T> y, Tensor<const uint8_t> bytes, int64_t block, int64_t nested) {
  const Nf4Layout layout(y.size(), block, nested);
  auto floats = [&](int64_t at) { return nested ? reinterpret_cast<const float *>(bytes.data + at) : nullptr; };
  Nf4 from{bytes.data,
           bytes.data + layout.absmax,
           floats(layout.nestedAbsmax),
           floats(layout.nestedMap),
           floats(layout.offset),
           bitsOf(block),
           bitsOf(nested),
           {}};
  for (int i = 0; i < 16; ++i)
    from.levels[i] = nf4Levels[i];
  const bool packed = isWide(y.data) && reinterpret_cast<uintptr_t>(bytes.data) % 4 == 0;
  launch(ctx, "dequantize_nf4", blocksFor(divideUp(y.size(), perThread * parts)), blockThreads, dequantizeKernel<T>,
         y.data, y.size(), from, packed);
}

template void dequantize_nf4(const Context &, Tensor<float>, Tensor<const uint8_t>, int64_t, int64_t);
template void dequantize_nf4(const Context &, Tensor<bf16>, Tensor<const uint8_t>, int64_t, int64_t);

} // namespace peft::rt
