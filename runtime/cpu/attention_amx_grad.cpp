//===- attention_amx_grad.cpp - the backward pass in AMX tiles ------------===//
//
// The equations of attention_grad.cpp with queries as columns, as in attention_amx.cpp:
//
//   S^T = rows(K) pairs(Q^T)      dP^T = rows(V) pairs(dO^T)
//   dV = rows(P^T) pairs(dO)      dK = rows(dS^T) pairs(Q)      dQ^T = rows(K^T) pairs(dS^T)
//
// One task is a key head with the query heads that share it: blocks of queries of these
// heads one after the other, each with all keys that it sees. P and dS of a block of
// queries and a block of keys are formed before they are multiplied, so that what a tile of
// sums costs to load and store is paid once for these.
//
//===----------------------------------------------------------------------===//

#include "amx.h"
#include "attention_paths.h"
#include "attention_tiles.h"
#include "parallel.h"

namespace peft::rt::amx {
using namespace attention_detail;

namespace {

static_assert(panelKeys == side);
constexpr int64_t blockCells = 8, block = blockCells * side; ///< of queries and of keys
constexpr float log2e = 1.44269504f;

/// One task's memory. A strip is 32 queries of one head.
struct Blocks {
  // Of all keys:
  bf16 *keys, *keysT, *values; ///< rows(K), rows(K^T), rows(V) [key cells][dims]
  float *dk, *dv;              ///< [key cells][dims]
  // Of a block of queries:
  bf16 *query, *queryT, *dout, *doutT; ///< pairs(Q), (Q^T), (dO), (dO^T) [strips][dims]
  float *dq;                           ///< dQ^T [strips][dims]
  float *lse, *delta;                  ///< [strips][side]; lse in units of ln 2
  // Of a block of queries and one of keys:
  bf16 *weights, *gradients; ///< rows(P^T), rows(dS^T) [key cells][strips]
  bf16 *gradientPairs;       ///< pairs(dS^T) [strips][key cells]
  float *scores, *slopes;    ///< S^T, dP^T: a cell each

  /// `cells`: those of the keys.
  static int64_t floats(int64_t cells, int64_t dims) {
    return (2 * cells * dims + blockCells * dims + 2) * cell + 2 * blockCells * side +
           (3 * cells * dims + 4 * blockCells * dims + 3 * blockCells * blockCells) * (cell / 2);
  }
  Blocks(float *memory, int64_t cells, int64_t dims) {
    auto floats = [&](int64_t count) {
      float *part = memory;
      memory += count;
      return part;
    };
    auto halves = [&](int64_t count) { return reinterpret_cast<bf16 *>(floats(count * (cell / 2))); };
    for (bf16 **part : {&keys, &keysT, &values})
      *part = halves(cells * dims);
    dk = floats(cells * dims * cell);
    dv = floats(cells * dims * cell);
    for (bf16 **part : {&query, &queryT, &dout, &doutT})
      *part = halves(blockCells * dims);
    dq = floats(blockCells * dims * cell);
    lse = floats(blockCells * side);
    delta = floats(blockCells * side);
    for (bf16 **part : {&weights, &gradients, &gradientPairs})
      *part = halves(blockCells * blockCells);
    scores = floats(cell);
    slopes = floats(cell);
  }
};

/// rows(X) of cell d of rows [first, seq) of a head.
void load(bf16 *rows, Head<const bf16> head, int64_t first, int64_t seq, int64_t d) {
  loadRows(rows, head.row(first) + d * side, head.stride, seq - first, head.dim - d * side);
}

void packKeys(const Group<bf16> &group, const Blocks &blocks, int64_t dims) {
  alignas(64) bf16 pairs[cell];
  bf16 *keys = blocks.keys, *keysT = blocks.keysT, *values = blocks.values;
  for (int64_t key = 0; key < group.seq; key += side)
    for (int64_t d = 0; d < dims; ++d, keys += cell, keysT += cell, values += cell) {
      load(keys, group.k, key, group.seq, d);
      pairsOf(pairs, keys);
      transposedRowsOf(keysT, pairs);
      load(values, group.v, key, group.seq, d);
    }
}

/// The operands of a block of queries of head g, and delta = rowsum(dO * O).
void packQueries(const Group<bf16> &group, const Blocks &blocks, int64_t g, int64_t first, int64_t dims) {
  alignas(64) bf16 rows[cell], output[cell];
  bf16 *query = blocks.query, *dout = blocks.dout, *queryT = blocks.queryT, *doutT = blocks.doutT;
  const int64_t seq = group.seq, end = std::min(first + block, seq);
  for (int64_t token = first; token < end; token += side) {
    __m512 sum[2] = {};
    for (int64_t d = 0; d < dims; ++d, query += cell, dout += cell, queryT += cell, doutT += cell) {
      load(rows, group.head(group.q, g), token, seq, d);
      pairsOf(query, rows);
      transposedPairsOf(queryT, rows);
      load(rows, group.head(group.dout, g), token, seq, d);
      pairsOf(dout, rows);
      transposedPairsOf(doutT, rows);
      load(rows, group.head(group.o, g), token, seq, d);
      transposedPairsOf(output, rows);
      for (int64_t row = 0; row < cell; row += 2 * side)
        for (int half = 0; half < 2; ++half)
          sum[half] = _mm512_dpbf16_ps(sum[half], __m512bh(_mm512_load_si512(doutT + row + half * side)),
                                       __m512bh(_mm512_load_si512(output + row + half * side)));
    }
    for (int64_t half = 0; half < 2; ++half)
      store(blocks.delta + token - first + half * lanes, sum[half]);
    for (int64_t i = token; i < token + side; ++i)
      blocks.lse[i - first] = i < seq ? group.lse[g * seq + i] * log2e : 0.0f;
  }
}

/// P = 2^(factor * S - lse) and dS = P (dP - delta) of one cell.
inline void cellGrad(const float *scores, const float *slopes, float factor, const float *lse,
                     const float *delta, bf16 *weights, bf16 *gradients, bf16 *gradientPairs) {
  const Floats rowLse[2] = {rt::load(lse), rt::load(lse + lanes)};
  const Floats rowDelta[2] = {rt::load(delta), rt::load(delta + lanes)};
  for (int64_t row = 0; row < side; row += 2) {
    __m512i gradient[2];
    for (int odd = 0; odd < 2; ++odd) {
      Floats p[2], ds[2];
      for (int half = 0; half < 2; ++half) {
        const int64_t at = (row + odd) * side + half * lanes;
        p[half] = exp2Of(factor * rt::load(scores + at) - rowLse[half]);
        ds[half] = p[half] * (rt::load(slopes + at) - rowDelta[half]);
      }
      _mm512_store_si512(weights + (row + odd) * side, rounded(p[0], p[1]));
      gradient[odd] = rounded(ds[0], ds[1]);
      _mm512_store_si512(gradients + (row + odd) * side, gradient[odd]);
    }
    storePair(gradientPairs + row * side, gradient[0], gradient[1]);
  }
}

/// A strip of a block of queries against a block of keys, which it sees as `seen` says: P,
/// dS and its dQ^T.
inline void stripGrad(const Blocks &blocks, int64_t strip, const TileKeys &seen, const Visibility &visibility,
                      int64_t token, int64_t rows, int64_t key, int64_t dims, float factor) {
  const int64_t operand = strip * dims * cell, solid = visibility.solidOf(token, token + rows);
  bf16 *pairs = blocks.gradientPairs + strip * blockCells * cell;
  for (int64_t i = seen.begin / side; i < seen.end / side; ++i) {
    const int64_t at = key + i * side, keys = at * dims * side;
    product<false>(blocks.scores, blocks.keys + keys, cell, blocks.queryT + operand, cell, dims);
    product<false>(blocks.slopes, blocks.values + keys, cell, blocks.doutT + operand, cell, dims);
    if (at < solid || at + side > token)
      visibility.hideTransposed(blocks.scores, at, token, factor < 0 ? INFINITY : -INFINITY);
    const int64_t result = (i * blockCells + strip) * cell;
    cellGrad(blocks.scores, blocks.slopes, factor, blocks.lse + strip * side, blocks.delta + strip * side,
             blocks.weights + result, blocks.gradients + result, pairs + i * cell);
  }
  const int64_t first = seen.begin / side, cells = seen.end / side - first;
  for (int64_t d = 0; d < dims; ++d)
    product<true>(blocks.dq + operand + d * cell, blocks.keysT + ((key / side + first) * dims + d) * cell,
                  dims * cell, pairs + first * cell, cell, cells);
}

/// dV and dK of keys in cell i of a block, from strips [begin, end).
inline void keyGrad(const Blocks &blocks, int64_t i, int64_t key, int64_t begin, int64_t end, int64_t dims) {
  const int64_t weights = (i * blockCells + begin) * cell;
  for (int64_t d = 0; d < dims; ++d) {
    const int64_t sum = ((key / side + i) * dims + d) * cell, operand = (begin * dims + d) * cell;
    product<true>(blocks.dv + sum, blocks.weights + weights, cell, blocks.dout + operand, dims * cell,
                  end - begin);
    product<true>(blocks.dk + sum, blocks.gradients + weights, cell, blocks.query + operand, dims * cell,
                  end - begin);
  }
}

/// A block of queries against one of keys.
void blockGrad(const Blocks &blocks, const Visibility &visibility, int64_t token, int64_t key, int64_t seq,
               int64_t dims, float factor) {
  const int64_t strips = (std::min(block, seq - token) + side - 1) / side;
  TileKeys seen[blockCells];
  for (int64_t s = 0; s < strips; ++s) {
    const int64_t first = token + s * side, rows = std::min(side, seq - first);
    seen[s] = tileKeys(visibility, first, rows, key, std::min(block, seq - key));
    if (!seen[s].empty())
      stripGrad(blocks, s, seen[s], visibility, first, rows, key, dims, factor);
  }
  // Strips that see a cell of keys: one run of them, but where a segment lies in several.
  for (int64_t i = 0; i < blockCells; ++i)
    for (int64_t s = 0, next; s < strips; s = next + 1) {
      for (next = s; next < strips && seen[next].begin <= i * side && i * side < seen[next].end;)
        ++next;
      if (next > s)
        keyGrad(blocks, i, key, s, next, dims);
    }
}

/// head [seq] = factor * a sum [cells][dims].
void unpackKeys(Head<bf16> head, const float *sum, int64_t seq, int64_t dims, float factor) {
  alignas(64) bf16 rows[cell];
  for (int64_t key = 0; key < seq; key += side)
    for (int64_t d = 0; d < dims; ++d, sum += cell) {
      for (int64_t i = 0; i < cell; i += side)
        _mm512_store_si512(rows + i, rounded(factor * rt::load(sum + i), factor * rt::load(sum + i + lanes)));
      storeRows(rows, head.row(key) + d * side, head.stride, seq - key, head.dim - d * side);
    }
}

void groupGrad(const Group<bf16> &group, const Blocks &blocks, const Visibility &visibility, int64_t dims,
               float scale) {
  const int64_t seq = group.seq, sums = roundUp(seq, side) * dims * side;
  packKeys(group, blocks, dims);
  std::fill_n(blocks.dk, sums, 0.0f);
  std::fill_n(blocks.dv, sums, 0.0f);
  for (int64_t token = 0; token < seq; token += block)
    for (int64_t g = 0; g < group.size; ++g) {
      const int64_t end = std::min(token + block, seq);
      packQueries(group, blocks, g, token, dims);
      std::fill_n(blocks.dq, blockCells * dims * cell, 0.0f);
      for (int64_t key = visibility.firstOf(token, end) / block * block; key < end; key += block)
        blockGrad(blocks, visibility, token, key, seq, dims, scale * log2e);
      const Head<bf16> dq = group.head(group.dq, g);
      for (int64_t at = token, sum = 0; at < end; at += side)
        for (int64_t d = 0; d < dims; ++d, sum += cell)
          storeTransposed(blocks.dq + sum, Floats{} + scale, Floats{} + scale, dq.row(at) + d * side,
                          dq.stride, end - at, dq.dim - d * side);
    }
  unpackKeys(group.dk, blocks.dk, seq, dims, scale);
  unpackKeys(group.dv, blocks.dv, seq, dims, 1.0f);
}

} // namespace

void attention_grad(Tensor<bf16> dq, Tensor<bf16> dk, Tensor<bf16> dv, Tensor<const bf16> dout,
                    Tensor<const bf16> q, Tensor<const bf16> k, Tensor<const bf16> v, Tensor<const bf16> o,
                    Tensor<const float> lse, Tensor<const int32_t> segments, int64_t dim, float scale,
                    int64_t window) {
  const int64_t batch = segments.rows(), seq = segments.cols();
  const int64_t heads = q.cols() / dim, kvHeads = k.cols() / dim;
  const int64_t dims = roundUp(dim, side) / side, cells = roundUp(seq, side) / side;

  std::vector<Visibility> visibility;
  for (int64_t b = 0; b < batch; ++b)
    visibility.emplace_back(segments.data + b * seq, seq, window);

#pragma omp parallel if (batch * seq * heads > 512)
  {
    Tiles tiles;
    Blocks blocks(Scratch::mine().floats(Blocks::floats(cells, dims)), cells, dims);
#pragma omp for collapse(2) schedule(dynamic, 1)
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t kvHead = 0; kvHead < kvHeads; ++kvHead) {
        const Group<bf16> group(dq, dk, dv, dout, q, k, v, o, lse, b, kvHead, seq, dim);
        groupGrad(group, blocks, visibility[b], dims, scale);
      }
  }
}

} // namespace peft::rt::amx
