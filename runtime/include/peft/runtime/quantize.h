//===- quantize.h - NF4 blocks as bitsandbytes stores them ----------------===//
//
// NF4 keeps four bits an element: the index of one of 16 levels, times the largest
// magnitude (absmax) of its block of consecutive elements. Nested (double)
// quantization stores the absmax values in eight bits: a code of a 256-entry map,
// times the largest magnitude of a group of them, plus an offset. The bytes of one
// tensor are laid out as PEFT_NF4 in abi.h says. Functions without state; their
// loops are parallel where OpenMP is on, and give the same bits for any number of threads.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_QUANTIZE_H
#define PEFT_RUNTIME_QUANTIZE_H

#include "peft/runtime/status.h"
#include "peft/runtime/tensor.h"

#include <cstdint>

namespace peft {

/// The 16 levels, ascending.
extern const float nf4Levels[16];
/// The signed 8-bit dynamic map, ascending. bitsandbytes derives it at run time and its
/// last bits depend on the machine; this is what AVX512 machines write. A map that a
/// file brings along goes before it.
extern const float dynamicMap[256];

/// Where the parts of n elements lie, in bytes from the start. With nested == 0 there
/// is no part after `absmax`, which then holds float32.
struct Nf4Layout {
  Nf4Layout(int64_t n, int64_t block, int64_t nested);
  int64_t blocks;       ///< ceil(n / block)
  int64_t groups;       ///< ceil(blocks / nested), or 0
  int64_t codeBytes;    ///< ceil(n / 2); codes lie at 0
  int64_t absmax;       ///< blocks x float32, or u8 when nested
  int64_t nestedAbsmax; ///< groups x float32
  int64_t nestedMap;    ///< 256 x float32
  int64_t offset;       ///< 1 x float32
  int64_t bytes;        ///< of all
};

/// Bytes of n elements.
int64_t nf4Bytes(int64_t n, int64_t block, int64_t nested);
/// Whether bitsandbytes knows such blocks: 32 to 4096, a power of two; nested 0 or 256.
Status checkNf4(int64_t block, int64_t nested);

/// dst[0..nf4Bytes) = src[0..n). REQUIRES: checkNf4(block, nested).
void quantizeNf4(const float *src, int64_t n, int64_t block, int64_t nested, uint8_t *dst);
/// dst[0..count) = elements [first, first + count) of a tensor of n; rounded once, to T.
/// T is float or bf16.
template <class T>
void dequantizeNf4(const uint8_t *src, int64_t n, int64_t block, int64_t nested, int64_t first, int64_t count,
                   T *dst);

/// The float32 absmax of each block, nested or not. absmax holds ceil(n / block).
void nf4Absmax(const uint8_t *src, int64_t n, int64_t block, int64_t nested, float *absmax);

/// The code of z in [-1, 1]: the nearest of 256 ascending values, the even one of two as near.
uint8_t nearestCode(const float *map, float z);

} // namespace peft

#endif // PEFT_RUNTIME_QUANTIZE_H
