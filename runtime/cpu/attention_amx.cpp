//===- attention_amx.cpp - attention of bf16 in AMX tiles -----------------===//
//
// Scores have queries as columns, S^T = K Q^T, so that a softmax is a loop over rows with
// one query a lane, and its result is the right operand of O^T = V^T P^T as it stands:
//
//   S^T = rows(K) pairs(Q^T)      O^T = rows(V^T) pairs(P^T)
//
// A strip is 32 queries of one head. It meets a block of keys at once: their scores, one
// step of the online softmax, their part of O^T. Tasks are those of attention.cpp.
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
constexpr int64_t blockCells = 8; ///< of keys at a time; their scores stay in the first-level cache
constexpr float log2e = 1.44269504f, ln2 = 0.693147181f;

/// The softmax of a strip so far, of scores in units of ln 2.
struct Strip {
  alignas(64) float maximum[side], sum[side];
  bool started = false;
  Strip() {
    std::fill_n(maximum, side, -1e30f); // below every score, but finite
    std::fill_n(sum, side, 0.0f);
  }
};

/// One task's memory, in cells.
struct Blocks {
  bf16 *query;         ///< pairs(Q^T) [strips][dims]
  float *output;       ///< O^T [strips][dims]
  bf16 *keys, *values; ///< rows(K), rows(V^T) [blockCells][dims]
  float *scores;       ///< S^T [blockCells]
  bf16 *weights;       ///< pairs(P^T) [blockCells]

  static int64_t floats(int64_t strips, int64_t dims) {
    return (strips * dims + blockCells) * (cell + cell / 2) + 2 * blockCells * dims * (cell / 2);
  }
  Blocks(float *memory, int64_t strips, int64_t dims) {
    output = memory;
    scores = output + strips * dims * cell;
    query = reinterpret_cast<bf16 *>(scores + blockCells * cell);
    keys = query + strips * dims * cell;
    values = keys + blockCells * dims * cell;
    weights = values + blockCells * dims * cell;
  }
};

void packQueries(bf16 *to, Head<const bf16> head, int64_t first, int64_t count, int64_t dims) {
  alignas(64) bf16 rows[cell];
  for (int64_t d = 0; d < dims; ++d) {
    loadRows(rows, head.row(first) + d * side, head.stride, count, head.dim - d * side);
    transposedPairsOf(to + d * cell, rows);
  }
}

void packKeys(const Blocks &blocks, Head<const bf16> k, Head<const bf16> v, int64_t first, int64_t count,
              int64_t dims) {
  alignas(64) bf16 rows[cell], pairs[cell];
  for (int64_t i = 0; i < count; i += side)
    for (int64_t d = 0; d < dims; ++d) {
      const int64_t at = (i / side * dims + d) * cell;
      loadRows(blocks.keys + at, k.row(first + i) + d * side, k.stride, count - i, k.dim - d * side);
      loadRows(rows, v.row(first + i) + d * side, v.stride, count - i, v.dim - d * side);
      pairsOf(pairs, rows);
      transposedRowsOf(blocks.values + at, pairs);
    }
}

/// `scores`, times `factor`, become pairs(P^T); the `dims` cells of `output` are rescaled.
inline void softmaxStep(const float *scores, bf16 *weights, int64_t cells, float factor, Strip &strip,
                        float *output, int64_t dims) {
  Floats high[2][2]; // of even and odd rows, of both halves of the strip
  for (int half = 0; half < 2; ++half)
    high[0][half] = high[1][half] = load(strip.maximum + half * lanes);
  for (int64_t row = 0; row < cells * side; row += 2)
    for (int odd = 0; odd < 2; ++odd)
      for (int half = 0; half < 2; ++half)
        high[odd][half] =
            _mm512_max_ps(factor * load(scores + (row + odd) * side + half * lanes), high[odd][half]);

  Floats maximum[2], sum[2], rescale[2];
  for (int half = 0; half < 2; ++half) {
    maximum[half] = _mm512_max_ps(high[0][half], high[1][half]);
    rescale[half] = exp2Of(load(strip.maximum + half * lanes) - maximum[half]);
    sum[half] = rescale[half] * load(strip.sum + half * lanes);
  }
  for (int64_t row = 0; row < cells * side; row += 2) {
    Floats p[2][2];
    for (int odd = 0; odd < 2; ++odd)
      for (int half = 0; half < 2; ++half)
        p[odd][half] = exp2Of(factor * load(scores + (row + odd) * side + half * lanes) - maximum[half]);
    for (int half = 0; half < 2; ++half)
      sum[half] += p[0][half] + p[1][half];
    storePair(weights + row * side, rounded(p[0][0], p[0][1]), rounded(p[1][0], p[1][1]));
  }
  for (int half = 0; half < 2; ++half) {
    store(strip.maximum + half * lanes, maximum[half]);
    store(strip.sum + half * lanes, sum[half]);
    if (strip.started)
      for (int64_t row = 0; row < dims * side; ++row)
        store(output + row * side + half * lanes, rescale[half] * load(output + row * side + half * lanes));
  }
}

/// A strip, tokens [token, token + rows), against a block of keys.
inline void stripStep(const Blocks &blocks, const bf16 *query, float *output, int64_t dims, Strip &strip,
                      const Visibility &visibility, int64_t token, int64_t rows, int64_t key, int64_t keys,
                      float factor) {
  const TileKeys seen = tileKeys(visibility, token, rows, key, keys);
  if (seen.empty())
    return;
  const int64_t first = seen.begin / side, cells = seen.end / side - first;
  const int64_t solid = visibility.solidOf(token, token + rows);
  for (int64_t i = 0; i < cells; ++i) {
    const int64_t at = key + seen.begin + i * side;
    product<false>(blocks.scores + i * cell, blocks.keys + (first + i) * dims * cell, cell, query, cell,
                   dims);
    if (at < solid || at + side > token)
      visibility.hideTransposed(blocks.scores + i * cell, at, token, factor < 0 ? INFINITY : -INFINITY);
  }
  softmaxStep(blocks.scores, blocks.weights, cells, factor, strip, output, dims);
  for (int64_t d = 0; d < dims; ++d) {
    const bf16 *values = blocks.values + (first * dims + d) * cell;
    if (strip.started)
      product<true>(output + d * cell, values, dims * cell, blocks.weights, cell, cells);
    else
      product<false>(output + d * cell, values, dims * cell, blocks.weights, cell, cells);
  }
  strip.started = true;
}

/// o = O^T / sum, transposed.
void finish(const Strip &strip, const float *output, int64_t dims, Head<bf16> o, int64_t first, int64_t count,
            float *lse) {
  const Floats low = 1.0f / load(strip.sum), high = 1.0f / load(strip.sum + lanes);
  for (int64_t d = 0; d < dims; ++d)
    storeTransposed(output + d * cell, low, high, o.row(first) + d * side, o.stride, count, o.dim - d * side);
  for (int64_t i = 0; i < count; ++i)
    lse[i] = strip.maximum[i] * ln2 + std::log(strip.sum[i]);
}

} // namespace

void attention(Tensor<bf16> o, Tensor<float> lse, Tensor<const bf16> q, Tensor<const bf16> k,
               Tensor<const bf16> v, Tensor<const int32_t> segments, int64_t dim, float scale,
               int64_t window) {
  const int64_t batch = segments.rows(), seq = segments.cols();
  const int64_t heads = q.cols() / dim, kvHeads = k.cols() / dim, group = heads / kvHeads;
  const int64_t dims = roundUp(dim, side) / side;
  // As in attention.cpp: long tasks pack keys less often, many occupy all threads.
  const int64_t taskRows = batch * kvHeads * ((seq + 255) / 256) < 4 * omp_get_max_threads() ? 64 : 256;
  const int64_t tasksPerHead = (seq + taskRows - 1) / taskRows, strips = taskRows / side;

  std::vector<Visibility> visibility;
  for (int64_t b = 0; b < batch; ++b)
    visibility.emplace_back(segments.data + b * seq, seq, window);

#pragma omp parallel if (batch * seq * heads > 512)
  {
    Tiles tiles;
    Blocks blocks(Scratch::mine().floats(Blocks::floats(group * strips, dims)), group * strips, dims);
    std::vector<Strip> states;
#pragma omp for collapse(3) schedule(dynamic, 1)
    for (int64_t part = 0; part < tasksPerHead; ++part)
      for (int64_t b = 0; b < batch; ++b)
        for (int64_t kvHead = 0; kvHead < kvHeads; ++kvHead) {
          const int64_t begin = (tasksPerHead - 1 - part) * taskRows, end = std::min(begin + taskRows, seq);
          // Strips of all heads of the group, then those of the next 32 tokens.
          const int64_t count = (end - begin + side - 1) / side * group;
          auto tokenOf = [&](int64_t strip) { return begin + strip / group * side; };
          auto rowsOf = [&](int64_t strip) { return std::min(side, end - tokenOf(strip)); };
          auto stripOf = [&](auto x, int64_t strip) {
            return headOf(x, b, seq, kvHead * group + strip % group, dim);
          };
          states.assign(count, Strip());
          const int64_t firstKey = visibility[b].firstOf(begin, end) / side * side;
          for (int64_t key = firstKey; key < end; key += blockCells * side) {
            const int64_t keys = std::min(blockCells * side, end - key);
            packKeys(blocks, headOf(k, b, seq, kvHead, dim), headOf(v, b, seq, kvHead, dim), key, keys, dims);
            for (int64_t strip = 0; strip < count; ++strip) {
              bf16 *query = blocks.query + strip * dims * cell;
              if (key == firstKey)
                packQueries(query, stripOf(q, strip), tokenOf(strip), rowsOf(strip), dims);
              stripStep(blocks, query, blocks.output + strip * dims * cell, dims, states[strip],
                        visibility[b], tokenOf(strip), rowsOf(strip), key, keys, scale * log2e);
              if (key + keys == end)
                finish(states[strip], blocks.output + strip * dims * cell, dims, stripOf(o, strip),
                       tokenOf(strip), rowsOf(strip),
                       lse.data + (b * heads + kvHead * group + strip % group) * seq + tokenOf(strip));
            }
          }
        }
  }
}

} // namespace peft::rt::amx
