//===- gemm.h - one matrix product, by oneDNN -----------------------------===//
//
// Row-major. Call from one thread; the library's own threads are OpenMP's.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CPU_GEMM_H
#define PEFT_RUNTIME_CPU_GEMM_H

#include "parallel.h"
#include "peft/runtime/gemm.h"

namespace peft::rt {

/// c = add, for a library that can only add to what it writes.
template <class T, class R> void startFromAdd(const Gemm<T, R> &g) {
  if (!g.add || g.add == g.c)
    return;
  parallelFor(g.m, g.m * g.n, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      std::copy_n(g.add + i * g.ldadd, g.n, g.c + i * g.ldc);
  });
}

void run(const Gemm<float, float> &);
/// Where the processor has no bf16 product, the operands are widened, which is slow and
/// right.
void run(const Gemm<bf16, bf16> &);
void run(const Gemm<bf16, float> &);

/// By oneDNN's matmul primitive for the shape; false, and nothing done, where the processor
/// has none for the types.
template <class T, class R> bool runMatmul(const Gemm<T, R> &);

/// In tiles where the processor has AMX and this process may use it; only in the library
/// for AVX-512. Worth its copy of b from 32 rows on.
namespace amx {
void run(const Gemm<bf16, bf16> &);
void run(const Gemm<bf16, float> &);
} // namespace amx

} // namespace peft::rt

#endif // PEFT_RUNTIME_CPU_GEMM_H
