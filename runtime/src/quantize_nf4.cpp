//===- quantize_nf4.cpp - NF4 blocks as bitsandbytes stores them ----------===//
//
// Follows bitsandbytes' CUDA kernels, which treat float32 subnormals as zero. Build
// this file without contraction of multiply and add (-ffp-contract=off): a nested
// absmax is rounded after both.
//
//===----------------------------------------------------------------------===//

#include "convert.h"
#include "peft/runtime/quantize.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <string>
#include <vector>

namespace peft {

/// The code of z is the number of these that z exceeds. They are the midpoints of the levels as CUDA
/// compilers round bitsandbytes' literals; the exact ones differ in four places.
static const float thresholds[15] = {-0x1.b239b2p-1f, -0x1.38a4ep-1f,  -0x1.d709p-2f,   -0x1.5bd4ecp-2f,
                                     -0x1.e079d8p-3f, -0x1.1a7178p-3f, -0x1.74f0e2p-5f, 0x1.45f5fep-5f,
                                     0x1.ec90c6p-4f,  0x1.a0cfcp-3f,   0x1.2b05a8p-2f,  0x1.8ea7f2p-2f,
                                     0x1.00da06p-1f,  0x1.491b5ep-1f,  0x1.b913b2p-1f};

static int64_t ceilDiv(int64_t a, int64_t b) { return a / b + (a % b != 0); }
static int64_t padded(int64_t bytes) { return ceilDiv(bytes, 4) * 4; }

Nf4Layout::Nf4Layout(int64_t n, int64_t block, int64_t nested)
    : blocks(ceilDiv(n, block)), groups(nested ? ceilDiv(blocks, nested) : 0), codeBytes(ceilDiv(n, 2)),
      absmax(padded(codeBytes)), nestedAbsmax(absmax + (nested ? padded(blocks) : 4 * blocks)),
      nestedMap(nestedAbsmax + 4 * groups), offset(nestedMap + (nested ? 4 * 256 : 0)),
      bytes(offset + (nested ? 4 : 0)) {}

int64_t nf4Bytes(int64_t n, int64_t block, int64_t nested) { return Nf4Layout(n, block, nested).bytes; }

Status checkNf4(int64_t block, int64_t nested) {
  if (block < 32 || block > 4096 || (block & (block - 1)))
    return Status::error("nf4 block size expected a power of two from 32 to 4096, got " +
                         std::to_string(block));
  if (nested != 0 && nested != 256)
    return Status::error("nf4 nested block size expected 256, or 0 for none, got " + std::to_string(nested));
  return Status::ok();
}

static float flush(float x) { return std::fabs(x) < FLT_MIN ? std::copysign(0.0f, x) : x; }
/// The largest magnitude; NaN is ignored.
static float largest(const float *src, int64_t count) {
  float result = 0;
  for (int64_t i = 0; i < count; ++i)
    result = std::max(result, flush(std::fabs(src[i])));
  return result;
}

//===--- To NF4 ------------------------------------------------------------===//

static unsigned codeOf(float z) {
  unsigned code = 0;
  for (float threshold : thresholds) // NaN, of a block of zeros, exceeds none
    code += z > threshold;
  return code;
}

/// Packs one block, first element in the high nibble, and returns its absmax.
static float quantizeBlock(const float *src, int64_t count, uint8_t *codes) {
  float absmax = largest(src, count);
  float inverse = flush(1.0f / absmax);
  for (int64_t i = 0; i < count; i += 2) {
    // An odd tensor ends in half a byte, which gets what a zero would get.
    float second = i + 1 < count ? src[i + 1] : 0.0f;
    codes[i / 2] = uint8_t(codeOf(flush(src[i]) * inverse) << 4 | codeOf(flush(second) * inverse));
  }
  return absmax;
}

uint8_t nearestCode(const float *map, float z) {
  if (!(z > map[0])) // NaN too
    return 0;
  if (z >= map[255])
    return 255;
  size_t upper = size_t(std::upper_bound(map, map + 256, z) - map), lower = upper - 1;
  float middle = (map[lower] + map[upper]) * 0.5f;
  if (z == middle)
    return uint8_t(lower % 2 ? upper : lower);
  return uint8_t(z > middle ? upper : lower);
}

/// Writes everything that follows the codes when absmax is nested.
static void quantizeNested(std::vector<float> absmax, const Nf4Layout &layout, int64_t nested, uint8_t *dst) {
  double sum = 0;
  for (float value : absmax)
    sum += value;
  float offset = absmax.empty() ? 0.0f : float(sum / double(absmax.size()));
  for (float &value : absmax)
    value -= offset;
#pragma omp parallel for
  for (int64_t g = 0; g < layout.groups; ++g) {
    int64_t first = g * nested, last = std::min(first + nested, layout.blocks);
    float scale = largest(&absmax[size_t(first)], last - first);
    float inverse = flush(1.0f / scale);
    for (int64_t i = first; i < last; ++i)
      dst[layout.absmax + i] = nearestCode(dynamicMap, flush(absmax[size_t(i)]) * inverse);
    std::memcpy(dst + layout.nestedAbsmax + 4 * g, &scale, sizeof scale);
  }
  std::memcpy(dst + layout.nestedMap, dynamicMap, sizeof dynamicMap);
  std::memcpy(dst + layout.offset, &offset, sizeof offset);
}

void quantizeNf4(const float *src, int64_t n, int64_t block, int64_t nested, uint8_t *dst) {
  Nf4Layout layout(n, block, nested);
  std::vector<float> absmax(size_t(layout.blocks));
  std::memset(dst, 0, size_t(layout.bytes)); // for the padding
#pragma omp parallel for
  for (int64_t b = 0; b < layout.blocks; ++b)
    absmax[size_t(b)] = quantizeBlock(src + b * block, std::min(block, n - b * block), dst + b * block / 2);
  if (nested)
    quantizeNested(std::move(absmax), layout, nested, dst);
  else if (n)
    std::memcpy(dst + layout.absmax, absmax.data(), absmax.size() * sizeof(float));
}

//===--- From NF4 ----------------------------------------------------------===//

static float absmaxOf(const uint8_t *src, const Nf4Layout &layout, int64_t nested, int64_t b) {
  if (!nested)
    return loadAs<float>(src + layout.absmax + 4 * b);
  float level = loadAs<float>(src + layout.nestedMap + 4 * src[layout.absmax + b]);
  float scale = loadAs<float>(src + layout.nestedAbsmax + 4 * (b / nested));
  float product = level * scale;
  return product + loadAs<float>(src + layout.offset);
}

void nf4Absmax(const uint8_t *src, int64_t n, int64_t block, int64_t nested, float *absmax) {
  Nf4Layout layout(n, block, nested);
  for (int64_t b = 0; b < layout.blocks; ++b)
    absmax[b] = absmaxOf(src, layout, nested, b);
}

template <class T>
void dequantizeNf4(const uint8_t *src, int64_t n, int64_t block, int64_t nested, int64_t first, int64_t count,
                   T *dst) {
  Nf4Layout layout(n, block, nested);
  if (count <= 0)
    return;
#pragma omp parallel for
  for (int64_t b = first / block; b <= (first + count - 1) / block; ++b) {
    float absmax = absmaxOf(src, layout, nested, b);
    T values[16]; // the block has no other
    for (int i = 0; i < 16; ++i)
      values[i] = fromFloat<T>(flush(nf4Levels[i] * absmax));
    int64_t end = std::min((b + 1) * block, first + count);
    for (int64_t i = std::max(b * block, first); i < end; ++i)
      dst[i - first] = values[src[i / 2] >> (i % 2 ? 0 : 4) & 15];
  }
}

template void dequantizeNf4<float>(const uint8_t *, int64_t, int64_t, int64_t, int64_t, int64_t, float *);
template void dequantizeNf4<bf16>(const uint8_t *, int64_t, int64_t, int64_t, int64_t, int64_t, bf16 *);

} // namespace peft
