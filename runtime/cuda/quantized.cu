//===- quantized.cu - frozen weights stored in four bits ------------------===//
//
// One pass undoes both levels. The result is four times the codes, so its stores decide:
// a lane takes eight neighbouring elements, and a warp's 16-byte stores lie side by
// side. (Sixteen bytes of codes a lane would put 64 bytes between its stores.)
//
// Reads wait behind all those stores, so a warp asks for its next tile before it decodes
// the one at hand, and for all of it at once: no load waits for another. The block
// constants of a tile are formed a lane each and handed round. Levels and the nested map
// are looked up in shared memory, the 16 levels in as many banks. The order of roundings
// is quantize_nf4.cpp's.
//
//===----------------------------------------------------------------------===//

#include "context.h"
#include "peft/runtime/cuda/launch.h"
#include "peft/runtime/cuda/vector.h"
#include "peft/runtime/kernels.h"
#include "peft/runtime/quantize.h"

#include <algorithm>

namespace peft::rt {
namespace {

constexpr int perLane = 8; ///< neighbouring elements: four bytes of codes
constexpr int parts = 4;   ///< of a tile, 256 elements each
constexpr int tileElements = 32 * perLane * parts;
constexpr int perConstant = tileElements / 32; ///< elements of a lane's constant: no block is smaller
constexpr int blocksResident = 6;              ///< on a multiprocessor
static_assert(perConstant == 32, "the smallest block that checkNf4 allows");

/// Where the bytes of one parameter lie, and its blocks as powers of two.
struct Nf4 {
  const uint8_t *codes, *absmax;
  const float *nestedAbsmax, *nestedMap, *offset; ///< null without nesting
  int blockBits, nestedBits;
  float levels[16];
};

/// A block's constant as it is stored: a code of the nested map and its group's scale, or itself.
struct Constant {
  int code = 0;
  float scale = 0;

  __device__ static Constant load(const Nf4 &from, int64_t block) {
    if (!from.nestedMap)
      return {0, __ldcs(reinterpret_cast<const float *>(from.absmax) + block)};
    return {__ldcs(from.absmax + block), from.nestedAbsmax[block >> from.nestedBits]};
  }
  __device__ float value(const Nf4 &from, const float *map, float offset) const {
    return from.nestedMap ? __fadd_rn(__fmul_rn(map[code], scale), offset) : scale; // rounded after both
  }
};

/// The product, subnormals as zero.
__device__ float scaled(float level, float absmax) {
  float product;
  asm("mul.ftz.f32 %0, %1, %2;" : "=f"(product) : "f"(level), "f"(absmax));
  return product;
}

/// What a lane reads of a tile.
struct Tile {
  uint32_t codes[parts];
  Constant constant;

  __device__ static Tile load(const Nf4 &from, int64_t first, int lane) {
    Tile tile;
    const auto *words = reinterpret_cast<const uint32_t *>(from.codes + first / 2) + lane;
#pragma unroll
    for (int part = 0; part < parts; ++part)
      tile.codes[part] = __ldcs(words + part * 32);
    tile.constant = Constant::load(from, (first + lane * perConstant) >> from.blockBits);
    return tile;
  }
};

template <class T>
__global__ void __launch_bounds__(blockThreads, blocksResident)
    dequantizeKernel(T *y, int64_t n, int64_t tiles, const __grid_constant__ Nf4 from) {
  __shared__ float levels[16], map[256];
  const int lane = int(threadIdx.x) % 32;
  const int64_t warps = threadCount() / 32;
  int64_t at = threadNumber() / 32;
  Tile next{};
  if (at < tiles)
    next = Tile::load(from, at * tileElements, lane);
  if (threadIdx.x < 16)
    levels[threadIdx.x] = from.levels[threadIdx.x];
  if (from.nestedMap)
    map[threadIdx.x] = from.nestedMap[threadIdx.x];
  const float offset = from.nestedMap ? *from.offset : 0.0f;
  __syncthreads();
  for (; at < tiles; at += warps) {
    const Tile tile = next;
    if (at + warps < tiles)
      next = Tile::load(from, (at + warps) * tileElements, lane);
    const float constant = tile.constant.value(from, map, offset);
    T *to = y + at * tileElements + lane * perLane;
#pragma unroll
    for (int part = 0; part < parts; ++part) {
      const float absmax = __shfl_sync(~0u, constant, (part * 32 + lane) * perLane / perConstant);
      float values[perLane];
#pragma unroll
      for (int e = 0; e < perLane; ++e) // the first of a byte is in its high half
        values[e] = scaled(levels[tile.codes[part] >> (8 * (e / 2) + (e % 2 ? 0 : 4)) & 15], absmax);
      Pack<T, perLane>::of(values).store(to + part * 32 * perLane);
    }
  }
  // One by one: the end of a parameter, or memory that is not aligned.
#pragma unroll 1
  for (int64_t i = tiles * tileElements + threadNumber(); i < n; i += threadCount())
    y[i] = fromFloat<T>(scaled(levels[from.codes[i / 2] >> (i % 2 ? 0 : 4) & 15],
                               Constant::load(from, i >> from.blockBits).value(from, map, offset)));
}

int bitsOf(int64_t powerOfTwo) {
  int bits = 0;
  while (int64_t(1) << bits < powerOfTwo)
    ++bits;
  return bits;
}

} // namespace

template <class T>
void dequantize_nf4(const Context &ctx, Tensor<T> y, Tensor<const uint8_t> bytes, int64_t block,
                    int64_t nested) {
  const Nf4Layout layout(y.size(), block, nested);
  auto floats = [&](int64_t at) {
    return nested ? reinterpret_cast<const float *>(bytes.data + at) : nullptr;
  };
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
  const int64_t tiles = packed ? y.size() / tileElements : 0;
  const int64_t wanted = divideUp(std::max(tiles * 32, y.size() - tiles * tileElements), blockThreads);
  const int64_t most = int64_t(cudaOf(ctx).multiprocessors) * blocksResident;
  launch(ctx, "dequantize_nf4", dim3(unsigned(std::min(wanted, most))), blockThreads, dequantizeKernel<T>,
         y.data, y.size(), tiles, from);
}

template void dequantize_nf4(const Context &, Tensor<float>, Tensor<const uint8_t>, int64_t, int64_t);
template void dequantize_nf4(const Context &, Tensor<bf16>, Tensor<const uint8_t>, int64_t, int64_t);

} // namespace peft::rt
