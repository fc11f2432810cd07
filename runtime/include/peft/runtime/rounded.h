//===- rounded.h - many results rounded at once ---------------------------===//
//
// A compiler makes ten instructions of rounding sixteen floats to bf16 one by one; processors
// with AVX512-BF16 have one for thirty-two. So kernels leave their results as floats in a
// small block, which goes to memory rounded in one call.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_ROUNDED_H
#define PEFT_RUNTIME_ROUNDED_H

#include "peft/runtime/tensor.h"

#include <algorithm>
#include <type_traits>

namespace peft::rt {

/// to[i] = from[i], rounded to nearest even, for i in [0, n). A program uses either the processor's
/// instruction, which makes zeros of what is below 2^-126, or fromFloat's arithmetic, which doesn't,
/// throughout.
void roundTo(bf16 *to, const float *from, int64_t n);

/// Elements whose floats stay in the first-level cache until they are rounded.
inline constexpr int64_t roundedBlock = 1024;

/// to[i] = f(i) rounded, for i in [0, n). Of what lies in `to` f(i) may read element i.
template <class T, class F> inline void fillRounded(T *to, int64_t n, F f) {
  if constexpr (std::is_same_v<T, float>) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i)
      to[i] = f(i);
  } else {
    alignas(64) float values[roundedBlock];
    for (int64_t at = 0; at < n; at += roundedBlock) {
      const int64_t count = std::min(roundedBlock, n - at);
#pragma omp simd
      for (int64_t i = 0; i < count; ++i)
        values[i] = f(at + i);
      roundTo(to + at, values, count);
    }
  }
}

} // namespace peft::rt

#endif // PEFT_RUNTIME_ROUNDED_H
