//===- gemm_f32.cpp - products of float matrices --------------------------===//
//
// oneDNN's sgemm. Where k is an adapter's rank, the copies that it makes of both operands
// cost as much as the product: those go in tiles of attention's kind, straight from and to
// where the matrices lie.
//
//===----------------------------------------------------------------------===//

#include "gemm.h"
#include "parallel.h"
#include "simd.h"

#include <oneapi/dnnl/dnnl.h>

namespace peft::rt {
namespace {

/// Terms of a sum up to which the product goes in tiles; an adapter's rank, or several.
constexpr int64_t fewTerms = 64;
/// Rows beyond which oneDNN's sgemm takes twice its matmul primitive's time for the gradient of a
/// tall thin matrix. On all others it is as fast in a step, or faster, though some primitives win alone.
constexpr int64_t tall = 1024;

/// Columns j on of b times alpha as a panel [k][tileColumns], zeros beyond n.
void copyPanel(float *to, const Gemm<float, float> &g, int64_t j) {
  const int64_t columns = std::min(tileColumns, g.n - j);
  if (!g.transposeB) {
    for (int64_t p = 0; p < g.k; ++p, to += tileColumns) {
      for (int64_t c = 0; c < columns; ++c)
        to[c] = g.alpha * g.b[p * g.ldb + j + c];
      std::fill(to + columns, to + tileColumns, 0.0f);
    }
    return;
  }
  int64_t p = 0;
  if (columns == tileColumns)
    for (; p + 8 <= g.k; p += 8)
      for (int64_t c = 0; c < tileColumns; c += 8) {
        Float8 block[8];
        for (int i = 0; i < 8; ++i)
          block[i] = g.alpha * load8(g.b + (j + c + i) * g.ldb + p);
        transpose8(block);
        for (int i = 0; i < 8; ++i)
          store8(to + (p + i) * tileColumns + c, block[i]);
      }
  for (; p < g.k; ++p)
    for (int64_t c = 0; c < tileColumns; ++c)
      to[p * tileColumns + c] = c < columns ? g.alpha * g.b[(j + c) * g.ldb + p] : 0.0f;
}

/// c [tileRows][tileColumns] of the whole product at row i and column j; `add` is what it is added to.
void tile(const Gemm<float, float> &g, int64_t i, const float *panel, float *c, int64_t ldc,
          const float *add) {
  for (int64_t row = 0; add && add != c && row < tileRows; ++row)
    std::copy_n(add + row * g.ldadd, tileColumns, c + row * ldc);
  if (add)
    tileProduct<true>(g.k, g.a + i * g.lda, g.lda, 1, panel, tileColumns, c, ldc);
  else
    tileProduct<false>(g.k, g.a + i * g.lda, g.lda, 1, panel, tileColumns, c, ldc);
}

/// A tile of which only `rows` and `columns` exist, by way of a whole one.
void tileAtEdge(const Gemm<float, float> &g, int64_t i, int64_t rows, const float *panel, float *c,
                const float *add, int64_t columns) {
  float whole[tileRows * tileColumns] = {}, a[tileRows * fewTerms] = {};
  Gemm<float, float> part = g;
  for (int64_t row = 0; row < rows; ++row) {
    std::copy_n(g.a + (i + row) * g.lda, g.k, a + row * g.k);
    if (add)
      std::copy_n(add + row * g.ldadd, columns, whole + row * tileColumns);
  }
  part.a = a, part.lda = g.k;
  tile(part, 0, panel, whole, tileColumns, add ? whole : nullptr);
  for (int64_t row = 0; row < rows; ++row)
    std::copy_n(whole + row * tileColumns, columns, c + row * g.ldc);
}

void runInTiles(const Gemm<float, float> &g) {
  parallelFor((g.m + tileRows - 1) / tileRows, g.m * g.n, [&](int64_t begin, int64_t end) {
    float *panels = Scratch::mine().floats((g.n + tileColumns - 1) / tileColumns * tileColumns * g.k);
    for (int64_t j = 0; j < g.n; j += tileColumns)
      copyPanel(panels + j * g.k, g, j);
    for (int64_t i = begin * tileRows; i < std::min(end * tileRows, g.m); i += tileRows)
      for (int64_t j = 0; j < g.n; j += tileColumns) {
        const int64_t rows = std::min(tileRows, g.m - i), columns = std::min(tileColumns, g.n - j);
        float *c = g.c + i * g.ldc + j;
        const float *add = g.add ? g.add + i * g.ldadd + j : nullptr;
        if (rows == tileRows && columns == tileColumns)
          tile(g, i, panels + j * g.k, c, g.ldc, add);
        else
          tileAtEdge(g, i, rows, panels + j * g.k, c, add, columns);
      }
  });
}

/// The same product of a b whose rows lie one behind the other: for columns of a wider matrix oneDNN's
/// primitive has only its reference loops, which take fifty times as long.
Gemm<float, float> withDenseB(Gemm<float, float> g) {
  if (g.ldb == g.n)
    return g;
  float *copy = Scratch::mine().floats(g.k * g.n);
  for (int64_t i = 0; i < g.k; ++i)
    std::copy_n(g.b + i * g.ldb, g.n, copy + i * g.n);
  g.b = copy;
  g.ldb = g.n;
  return g;
}

} // namespace

void run(const Gemm<float, float> &g) {
  if (g.k <= fewTerms && g.m >= 4 * tileRows && !g.transposeA && !g.bias)
    return runInTiles(g);
  const bool isDense = g.lda == g.m; // what is said of b holds for a, which is too large to copy
  if (g.transposeA && isDense && g.m > tall && g.n <= fewTerms && !g.bias && !g.transposeB &&
      runMatmul(withDenseB(g)))
    return;
  if (g.bias) // the product is added to it
    parallelFor(g.m, g.m * g.n, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        std::copy_n(g.bias, g.n, g.c + i * g.ldc);
    });
  startFromAdd(g);
  // Fails only for impossible shapes, which the compiler's verifiers exclude.
  if (dnnl_sgemm(g.transposeA ? 'T' : 'N', g.transposeB ? 'T' : 'N', g.m, g.n, g.k, g.alpha, g.a, g.lda, g.b,
                 g.ldb, g.add || g.bias ? 1.0f : 0.0f, g.c, g.ldc) != dnnl_success)
    abort();
}

} // namespace peft::rt
