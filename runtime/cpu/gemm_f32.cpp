//===- gemm_f32.cpp - products of float matrices --------------------------===//

#include "gemm.h"
#include "parallel.h"

#include <oneapi/dnnl/dnnl.h>

void peft::rt::run(const Gemm<float, float> &g) {
  if (g.bias) // the product is added to it
    parallelFor(g.m, g.m * g.n, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        std::copy_n(g.bias, g.n, g.c + i * g.ldc);
    });
  // Fails only for impossible shapes, which the compiler's verifiers exclude.
  if (dnnl_sgemm(g.transposeA ? 'T' : 'N', g.transposeB ? 'T' : 'N', g.m, g.n, g.k, g.alpha, g.a, g.lda, g.b,
                 g.ldb, g.add || g.bias ? 1.0f : 0.0f, g.c, g.ldc) != dnnl_success)
    abort();
}
