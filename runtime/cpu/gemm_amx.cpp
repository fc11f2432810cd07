//===- gemm_amx.cpp - products of bf16 matrices in AMX tiles --------------===//
//
// A tile of a is 16 rows of 32 k, read where a lies if it can be; one of b is 16 columns
// of 32 k in pairs, for which b is copied block by block. Up to four tiles of sums stay
// in registers while k runs. Meanwhile the rows of c before them are rounded and stored,
// and their own are called into the cache: the tile unit leaves the rest of the core idle.
// On a small model's linears at two threads this does 3.2 to 4.2 TFLOP/s, oneDNN 3.2 2.2
// to 3.3.
//
//===----------------------------------------------------------------------===//

#include "amx.h"
#include "gemm.h"
#include "parallel.h"

namespace peft::rt::amx {
namespace {

constexpr int64_t half = side / 2, depth = side; ///< a tile's rows or columns, and its k
constexpr int64_t tileSize = half * depth;       ///< elements of an operand's tile
constexpr int64_t sumSize = half * half;

int64_t roundUp(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

/// The transpose of sixteen rows of sixteen words.
inline void transpose(__m512i r[16]) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4)
    for (int j = 0; j < 2; ++j) {
      r[i + 2 * j] = _mm512_unpacklo_epi64(t[i + j], t[i + 2 + j]);
      r[i + 2 * j + 1] = _mm512_unpackhi_epi64(t[i + j], t[i + 2 + j]);
    }
  for (int i = 0; i < 4; ++i) { // r[4 g + i]: column i of every quarter, of rows 4 g to 4 g + 3
    t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
  }
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

/// 32 elements of each of 16 rows, zeros outside of [rows][columns].
inline void loadHalf(__m512i r[16], const bf16 *from, int64_t stride, int64_t rows, int64_t columns) {
  const __mmask32 mask = firstOf(columns);
  for (int i = 0; i < 16; ++i)
    r[i] = i < rows ? _mm512_maskz_loadu_epi16(mask, from + i * stride) : _mm512_setzero_si512();
}

/// Words of the rows 2 p and 2 p + 1, of columns 0 to 15 in r[p], of the others in r[16 + p].
inline void loadPairs(__m512i r[32], const bf16 *from, int64_t stride, int64_t rows, int64_t columns) {
  const __m512i halves = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7); // what unpacking takes from each half
  const __mmask32 mask = firstOf(columns);
  for (int p = 0; p < 16; ++p) {
    __m512i even = _mm512_maskz_loadu_epi16(2 * p < rows ? mask : 0, from + 2 * p * stride);
    __m512i odd = _mm512_maskz_loadu_epi16(2 * p + 1 < rows ? mask : 0, from + (2 * p + 1) * stride);
    even = _mm512_permutexvar_epi64(halves, even);
    odd = _mm512_permutexvar_epi64(halves, odd);
    r[p] = _mm512_unpacklo_epi16(even, odd);
    r[16 + p] = _mm512_unpackhi_epi16(even, odd);
  }
}

inline void store(bf16 *to, int64_t stride, const __m512i r[16]) {
  for (int i = 0; i < 16; ++i)
    _mm512_store_si512(to + i * stride, r[i]);
}

/// Calls the first line of each row into the second-level cache; what is no memory is passed over.
template <int rows> inline void call(const bf16 *from, int64_t stride) {
  for (int i = 0; i < rows; ++i)
    _mm_prefetch(from + i * stride, _MM_HINT_T1);
}

/// A block [k][n] of b, or as it lies [n][k], as tiles [n / 16][k / 32]. A frozen weight comes from memory,
/// and the processor does not foresee many rows at once that are short: with each tile the one below it is
/// called. Long rows it does foresee, and calls cost more than they bring.
void copyB(bf16 *to, const bf16 *from, int64_t stride, bool transposed, int64_t k, int64_t n) {
  const int64_t depths = roundUp(k, depth) / depth;
  const bool shortRows = (transposed ? k : n) < 704;
  auto tile = [&](int64_t column, int64_t p) { return to + (column / half * depths + p / depth) * tileSize; };
  if (transposed)
    for (int64_t j = 0; j < n; j += half)
      for (int64_t p = 0; p < k; p += depth) {
        __m512i r[16];
        loadHalf(r, from + j * stride + p, stride, n - j, k - p);
        if (shortRows)
          call<half>(from + (j + half) * stride + p, stride);
        transpose(r);
        store(tile(j, p), depth, r);
      }
  else
    for (int64_t p = 0; p < k; p += depth)
      for (int64_t j = 0; j < n; j += side) {
        __m512i r[32];
        loadPairs(r, from + p * stride + j, stride, k - p, n - j);
        if (shortRows)
          call<depth>(from + (p + depth) * stride + j, stride);
        store(tile(j, p), depth, r);
        if (n - j > half)
          store(tile(j + half, p), depth, r + 16);
      }
}

/// A block [m][k] of a, or as it lies [k][m], in whole tiles of rows `toStride` apart.
void copyA(bf16 *to, int64_t toStride, const bf16 *from, int64_t stride, bool transposed, int64_t m,
           int64_t k) {
  for (int64_t i = 0; i < m; i += side)
    for (int64_t p = 0; p < k; p += depth) {
      __m512i r[32];
      if (transposed) {
        loadPairs(r, from + p * stride + i, stride, k - p, m - i);
        transpose(r);
        transpose(r + 16);
      } else {
        loadHalf(r, from + i * stride + p, stride, m - i, k - p);
        loadHalf(r + 16, from + (i + half) * stride + p, stride, m - i - half, k - p);
      }
      store(to + i * toStride + p, toStride, r);
      if (m - i > half)
        store(to + (i + half) * toStride + p, toStride, r + 16);
    }
}

/// Those of 32 elements that the mask names, zeros elsewhere.
inline void load(__m512 v[2], const float *from, __mmask32 mask) {
  v[0] = _mm512_maskz_loadu_ps(__mmask16(mask), from);
  v[1] = _mm512_maskz_loadu_ps(__mmask16(mask >> 16), from + 16);
}
inline void load(__m512 v[2], const bf16 *from, __mmask32 mask) {
  const __m512i both = _mm512_maskz_loadu_epi16(mask, from);
  auto widened = [](__m256i x) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
  };
  v[0] = widened(_mm512_castsi512_si256(both));
  v[1] = widened(_mm512_extracti64x4_epi64(both, 1));
}
inline void store(float *to, __mmask32 mask, const __m512 v[2]) {
  _mm512_mask_storeu_ps(to, __mmask16(mask), v[0]);
  _mm512_mask_storeu_ps(to + 16, __mmask16(mask >> 16), v[1]);
}
inline void store(bf16 *to, __mmask32 mask, const __m512 v[2]) {
  _mm512_mask_storeu_epi16(to, mask, __m512i(_mm512_cvtne2ps_pbh(v[1], v[0])));
}

/// A block of sums on its way into c, a few rows at a time.
template <class R> class Finish {
public:
  Finish() = default;
  /// `tall` by `wide` tiles at (i, j) of the product g, of whose transpose c is if `transposed`.
  Finish(const Gemm<bf16, R> &g, bool transposed, float *sums, int64_t i, int64_t j, int tall, int wide)
      : sums(sums), down(wide * sumSize), across(sumSize), ldc(g.ldc), ldadd(g.ldadd) {
    int64_t rowsLeft = g.m - i, columnsLeft = g.n - j;
    if (transposed) {
      for (int tile = 0; tile < tall * wide; ++tile) {
        __m512i r[16];
        for (int row = 0; row < 16; ++row)
          r[row] = _mm512_load_si512(sums + tile * sumSize + row * half);
        transpose(r);
        for (int row = 0; row < 16; ++row)
          _mm512_store_si512(sums + tile * sumSize + row * half, r[row]);
      }
      std::swap(i, j);
      std::swap(tall, wide);
      std::swap(rowsLeft, columnsLeft);
      std::swap(down, across);
    }
    rows = std::min(rowsLeft, tall * half);
    mask = firstOf(std::min(columnsLeft, wide * half));
    to = g.c + i * g.ldc + j;
    add = g.add ? g.add + i * g.ldadd + j : nullptr;
    alpha = _mm512_set1_ps(g.alpha);
    load(bias, g.bias ? g.bias + j : g.c, g.bias ? mask : 0);
  }

  void advance(int64_t count) {
    for (; count && row < rows; --count, ++row, to += ldc) {
      const float *from = sums + row / half * down + row % half * half;
      __m512 v[2] = {bias[0], bias[1]};
      if (add) {
        load(v, add, mask);
        add += ldadd;
      }
      v[0] = _mm512_fmadd_ps(_mm512_load_ps(from), alpha, v[0]);
      v[1] = _mm512_fmadd_ps(_mm512_load_ps(from + across), alpha, v[1]);
      store(to, mask, v);
    }
  }

private:
  const float *sums = nullptr;
  int64_t down = 0, across = 0; ///< floats from one tile to the next
  R *to = nullptr;
  const R *add = nullptr;
  int64_t ldc = 0, ldadd = 0, rows = 0, row = 0;
  __mmask32 mask = 0;
  __m512 alpha, bias[2];
};

/// The same as loadTile, for what is not wanted in the first-level cache again.
template <int tile> inline void passTile(const void *from) {
  asm volatile("tileloaddt1 (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(int64_t(64)), "i"(tile) : "memory");
}

/// sums, tiles [M][N], = a b, or += when `more`, over `depths` tiles of k; tiles of b's next columns lie
/// `across` elements further. c is where sums will go, or what they will be added to, to be called into the
/// cache. So are two lines, `aheadRow` apart, of tiles to be copied later, `aheadStep` apart: three
/// arguments, because a struct of them takes time.
template <int M, int N, class R>
void multiply(float *sums, bool more, int64_t depths, const bf16 *a, int64_t stride, const bf16 *b,
              int64_t across, Finish<R> &last, const R *c, int64_t ldc, const bf16 *ahead, int64_t aheadStep,
              int64_t aheadRow) {
  const int64_t bytes = stride * int64_t(sizeof(bf16)), rowsAtOnce = (side + depths - 1) / depths;
  constexpr int64_t sumRow = half * sizeof(float);
  if (more) {
    loadTile<0>(sums, sumRow);
    if constexpr (N > 1)
      loadTile<1>(sums + sumSize, sumRow);
    if constexpr (M > 1)
      loadTile<2>(sums + N * sumSize, sumRow);
    if constexpr (M > 1 && N > 1)
      loadTile<3>(sums + 3 * sumSize, sumRow);
  } else {
    zeroTile<0>();
    zeroTile<1>();
    zeroTile<2>();
    zeroTile<3>();
  }
  for (int64_t p = 0; p < depths; ++p) {
    loadTile<4>(a + p * depth, bytes);
    passTile<6>(b + p * tileSize);
    multiplyTiles<0, 4, 6>();
    if constexpr (N > 1) {
      passTile<7>(b + across + p * tileSize);
      multiplyTiles<1, 4, 7>();
    }
    if constexpr (M > 1) {
      loadTile<5>(a + half * stride + p * depth, bytes);
      multiplyTiles<2, 5, 6>();
      if constexpr (N > 1)
        multiplyTiles<3, 5, 7>();
    }
    for (int64_t row = 0; row < rowsAtOnce; ++row, c += ldc)
      _mm_prefetch(c, _MM_HINT_ET0);
    last.advance(rowsAtOnce);
    call<2>(ahead, aheadRow);
    ahead += aheadStep;
  }
  storeTile<0>(sums, sumRow);
  if constexpr (N > 1)
    storeTile<1>(sums + sumSize, sumRow);
  if constexpr (M > 1)
    storeTile<2>(sums + N * sumSize, sumRow);
  if constexpr (M > 1 && N > 1)
    storeTile<3>(sums + 3 * sumSize, sumRow);
}

/// One thread's part of the product: rows [top, bottom), columns [left, right).
template <class R>
void part(const Gemm<bf16, R> &g, bool transposed, int64_t top, int64_t bottom, int64_t left, int64_t right) {
  // 640 of k: 32 rows of a stay in the first-level cache while the columns of a block of b go by, and sums of
  // the 32 rows wait in memory for the next such step. Beyond 2048 the block itself is cut, and all sums
  // wait. A block takes half of the second-level cache.
  auto evenly = [](int64_t n, int64_t most) {
    const int64_t parts = (n + most - 1) / most;
    return roundUp((n + parts - 1) / parts, depth);
  };
  const int64_t kStep = evenly(g.k, 640), kBlock = g.k <= 2048 ? roundUp(g.k, depth) : kStep;
  const int64_t mBlock = std::min<int64_t>(bottom - top, 1024);
  const int64_t nBlock = evenly(right - left, (1 << 19) / kBlock / side * side);
  // Rows whose addresses differ by a multiple of 4 KiB share a set of the first-level cache.
  const bool direct = !g.transposeA && g.k % depth == 0 && (bottom - top) % half == 0 && g.lda % 2048 != 0;
  const int64_t stride = direct ? g.lda : kBlock + depth;
  const int64_t sumsSize = kBlock < g.k  ? roundUp(mBlock, side) * nBlock
                           : kStep < g.k ? side * nBlock
                                         : 2 * cell;
  float *sums = Scratch::mine().floats(sumsSize + nBlock * kBlock / 2 +
                                       (direct ? 0 : roundUp(mBlock, half) * stride / 2));
  bf16 *b = reinterpret_cast<bf16 *>(sums + sumsSize), *copy = b + nBlock * kBlock;

  for (int64_t i0 = top; i0 < bottom; i0 += mBlock)
    for (int64_t j0 = left; j0 < right; j0 += nBlock)
      for (int64_t p0 = 0; p0 < g.k; p0 += kBlock) {
        const int64_t m = std::min(mBlock, bottom - i0), n = std::min(nBlock, right - j0),
                      k = std::min(kBlock, g.k - p0);
        const int64_t depths = roundUp(k, depth) / depth;
        copyB(b, g.b + (g.transposeB ? j0 * g.ldb + p0 : p0 * g.ldb + j0), g.ldb, g.transposeB, k, n);
        const bf16 *a = g.a + (g.transposeA ? p0 * g.lda + i0 : i0 * g.lda + p0);
        if (!direct)
          copyA(copy, stride, a, g.lda, g.transposeA, m, k);
        // Sixteen rows of cells call the block of b that follows, each two of the 32 lines of a cell of it.
        const bool sameColumns = p0 + kBlock < g.k;
        const int64_t nextP = sameColumns ? p0 + kBlock : 0, nextJ = sameColumns ? j0 : j0 + nBlock;
        const int64_t column = g.transposeB ? g.ldb : 1, row = g.transposeB ? 1 : g.ldb;
        const R *c = g.add ? g.add : g.c;
        const int64_t ldc = g.add ? g.ldadd : g.ldc;
        Finish<R> last;
        float *next = sums;
        for (int64_t i = 0; i < m; i += side)
          for (int64_t p = 0; p < depths; p += kStep / depth) {
            if (kStep < kBlock)
              next = sums;
            for (int64_t j = 0; j < n; j += side) {
              const int tall = m - i > half ? 2 : 1, wide = n - j > half ? 2 : 1;
              auto *run = tall == 2   ? wide == 2 ? multiply<2, 2, R> : multiply<2, 1, R>
                            : wide == 2 ? multiply<1, 2, R>
                                      : multiply<1, 1, R>;
              const bool whole = p0 + p * depth + kStep >= g.k, fetch = whole && !transposed;
              const bool ahead = nextJ < right && i < half * side;
              run(next, p0 + p > 0, std::min(kStep / depth, depths - p),
                  (direct ? a : copy) + i * stride + p * depth, stride,
                  b + (j / half * depths + p) * tileSize, depths * tileSize, last,
                  fetch ? c + (i0 + i) * ldc + j0 + j : c, fetch ? ldc : 0,
                  ahead ? g.b + (nextJ + j) * column + (nextP + p * depth) * row + i / half * g.ldb : a,
                  ahead ? depth * row : 0, ahead ? g.ldb : 0);
              if (whole)
                last = Finish<R>(g, transposed, next, i0 + i, j0 + j, tall, wide);
              next = kStep < g.k ? next + cell : next == sums ? sums + cell : sums;
            }
          }
        last.advance(side);
      }
}

template <class R> void runParts(Gemm<bf16, R> g) {
  // To copy a transposed a costs three times what b costs, so the smaller operand of a
  // weight gradient takes that place: c^T = b^T a^T.
  const bool transposed = g.transposeA && !g.transposeB && !g.bias && g.n < g.m;
  if (transposed) {
    std::swap(g.m, g.n);
    std::swap(g.a, g.b);
    std::swap(g.lda, g.ldb);
  }
#pragma omp parallel if (g.m * g.n * g.k > 1 << 18)
  {
    // By rows, as all other kernels, where there are many, so that a thread reads what it
    // wrote and keeps what it reads next; else by columns, because what a thread copies of
    // b no other does.
    const int64_t threads = omp_get_num_threads(), thread = omp_get_thread_num();
    int64_t across = g.m >= threads * (g.k <= 2 * depth ? side : 256) ? 1 : threads;
    while (across > 1 && (threads % across || g.n < across * 2 * side))
      --across;
    const int64_t down = threads / across, i = thread / across, j = thread % across;
    auto cut = [](int64_t n, int64_t at, int64_t parts) {
      return std::min(n, roundUp(n, side) / side * at / parts * side);
    };
    Tiles tiles;
    part(g, transposed, cut(g.m, i, down), cut(g.m, i + 1, down), cut(g.n, j, across),
         cut(g.n, j + 1, across));
  }
}

} // namespace

void run(const Gemm<bf16, bf16> &g) { runParts(g); }
void run(const Gemm<bf16, float> &g) { runParts(g); }

} // namespace peft::rt::amx
