//===- gemm_bf16.cpp - products of bf16 matrices --------------------------===//
//
// In AMX tiles where there are some (gemm_amx.cpp), else oneDNN's matmul primitives.
//
//===----------------------------------------------------------------------===//

#include "amx_usable.h"
#include "gemm.h"

#include <vector>

namespace peft::rt {
namespace {

/// A float copy of a matrix as stored.
template <class U> std::vector<float> widened(const U *from, int64_t rows, int64_t cols, int64_t stride) {
  std::vector<float> result(rows * cols);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j)
      result[i * cols + j] = toFloat(from[i * stride + j]);
  return result;
}

template <class R> void runWidened(const Gemm<bf16, R> &g) {
  Gemm<float, float> wide;
  wide.m = g.m, wide.n = g.n, wide.k = g.k;
  wide.transposeA = g.transposeA, wide.transposeB = g.transposeB;
  wide.lda = g.transposeA ? g.m : g.k;
  wide.ldb = g.transposeB ? g.k : g.n;
  wide.ldc = g.n;
  wide.alpha = g.alpha;
  std::vector<float> a = widened(g.a, g.transposeA ? g.k : g.m, wide.lda, g.lda);
  std::vector<float> b = widened(g.b, g.transposeB ? g.n : g.k, wide.ldb, g.ldb);
  std::vector<float> c = g.add ? widened(g.add, g.m, g.n, g.ldadd) : std::vector<float>(g.m * g.n);
  std::vector<float> bias = g.bias ? widened(g.bias, 1, g.n, g.n) : std::vector<float>();
  wide.a = a.data(), wide.b = b.data(), wide.c = c.data();
  if (g.add)
    wide.add = wide.c, wide.ldadd = wide.ldc;
  wide.bias = g.bias ? bias.data() : nullptr;
  run(wide);
  for (int64_t i = 0; i < g.m; ++i)
    for (int64_t j = 0; j < g.n; ++j)
      g.c[i * g.ldc + j] = fromFloat<R>(c[i * g.n + j]);
}

template <class R> void runBf16(const Gemm<bf16, R> &g) {
  if constexpr (amx::built)
    if (amx::usable() && (g.m >= 32 || g.transposeA))
      return amx::run(g);
  if (!runMatmul(g))
    runWidened(g);
}

} // namespace

void run(const Gemm<bf16, bf16> &g) { runBf16(g); }
void run(const Gemm<bf16, float> &g) { runBf16(g); }

} // namespace peft::rt
