//===- rounded.cpp - many results rounded at once -------------------------===//

#include "peft/runtime/rounded.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace peft::rt {
namespace {

void byArithmetic(bf16 *to, const float *from, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i)
    to[i] = fromFloat<bf16>(from[i]);
}

#if defined(__AVX512F__)
__attribute__((target("avx512bf16"))) void byInstruction(bf16 *to, const float *from, int64_t n) {
  for (; n >= 32; n -= 32, to += 32, from += 32)
    _mm512_storeu_si512(to, __m512i(_mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + 16), _mm512_loadu_ps(from))));
  if (const __mmask32 mask = (1u << n) - 1)
    _mm512_mask_storeu_epi16(
        to, mask,
        __m512i(_mm512_cvtne2ps_pbh(_mm512_maskz_loadu_ps(__mmask16(mask >> 16), from + 16),
                                    _mm512_maskz_loadu_ps(__mmask16(mask), from))));
}
const auto choice = __builtin_cpu_supports("avx512bf16") ? byInstruction : byArithmetic;
#else
const auto choice = byArithmetic;
#endif

} // namespace

void roundTo(bf16 *to, const float *from, int64_t n) { choice(to, from, n); }

} // namespace peft::rt
