//===- attention_grad.cpp - the backward pass of attention ----------------===//
//
// With P = exp(S - lse), S = scale * Q K^T and D = rowsum(dO * O):
//
//   dV = P^T dO     dP = dO V^T     dS = P * (dP - D)     dQ = scale * dS K     dK = scale * dS^T Q
//
// P is computed again from lse. One task is a key head with the query heads that share
// it, so that dK and dV have one writer and a fixed order of sums.
//
//===----------------------------------------------------------------------===//

#include "attention_paths.h"
#include "attention_tiles.h"
#include "parallel.h"

namespace peft::rt {
using namespace attention_detail;

namespace {

/// Queries that meet a block of keys at a time: P and dS of that many rows stay in
/// the first-level cache until dV and dK have read them. A multiple of tileRows.
constexpr int64_t queryBlock = 48;

/// One task's memory.
struct Blocks {
  float *dq, *delta;                        ///< [group][padded seq][width], [group][seq]
  float *keyRows, *keyPanels, *valuePanels; ///< [keyBlock][width] each
  float *dk, *dv;                           ///< [keyBlock][width]
  float *query, *dout;                      ///< [queryBlock][width], where copied
  float *p, *ds;                            ///< [queryBlock][keyBlock]

  static int64_t floats(int64_t group, int64_t seq, int64_t width) {
    return group * roundUp(seq, queryBlock) * (width + 1) + (5 * keyBlock + 2 * queryBlock) * width +
           2 * queryBlock * keyBlock;
  }
  Blocks(float *memory, int64_t group, int64_t seq, int64_t width) {
    auto take = [&](int64_t count) {
      float *part = memory;
      memory += count;
      return part;
    };
    dq = take(group * roundUp(seq, queryBlock) * width);
    delta = take(group * roundUp(seq, queryBlock));
    keyRows = take(keyBlock * width);
    keyPanels = take(keyBlock * width);
    valuePanels = take(keyBlock * width);
    dk = take(keyBlock * width);
    dv = take(keyBlock * width);
    query = take(queryBlock * width);
    dout = take(queryBlock * width);
    p = take(queryBlock * keyBlock);
    ds = take(queryBlock * keyBlock);
  }
};

/// P and dS of a tile of rows, zero where nothing is seen, and the rows' part of dQ.
inline void tileStep(const Blocks &blocks, Rows query, Rows dout, Rows keyRows, int64_t row, int64_t width,
                     const Visibility &visibility, int64_t token, int64_t rows, int64_t key, int64_t keys,
                     const float *lse, const float *delta, float *dq) {
  float *p = blocks.p + row * keyBlock, *ds = blocks.ds + row * keyBlock;
  TileKeys seen = tileKeys(visibility, token, rows, key, keys);
  if (!seen.empty()) {
    tileTimesPanels(p, {query.row(row), query.stride}, blocks.keyPanels, width, seen);
    tileTimesPanels(ds, {dout.row(row), dout.stride}, blocks.valuePanels, width, seen);
  }
  for (int64_t i = 0; i < tileRows; ++i, p += keyBlock, ds += keyBlock) {
    int64_t begin = i < rows ? seen.begin : 0, end = i < rows ? seen.end : 0;
    std::fill(p, p + begin, 0.0f);
    std::fill(p + end, p + keyBlock, 0.0f);
    std::fill(ds, ds + begin, 0.0f);
    std::fill(ds + end, ds + keyBlock, 0.0f);
    if (begin == end)
      continue;
    if (!seen.all)
      visibility.hide(p + begin, token + i, key + begin, end - begin, -INFINITY);
    const float rowLse = lse[i], rowDelta = delta[i];
    for (int64_t j = begin; j < end; j += panelKeys)
      for (int64_t lane = j; lane < j + panelKeys; ++lane) {
        const float weight = exp_(p[lane] - rowLse), slope = ds[lane] - rowDelta;
        p[lane] = weight;
        ds[lane] = weight * slope;
      }
  }
  if (!seen.empty())
    for (int64_t c = 0; c < width; c += tileColumns)
      tileProduct<true>(seen.present - seen.begin, blocks.ds + row * keyBlock + seen.begin, keyBlock, 1,
                        keyRows.row(seen.begin) + c, keyRows.stride, dq + c, width);
}

/// sum [keyBlock][width] += weights^T x, weights being rows [0, rows) of P or dS. Keys
/// from 6t on are seen by no row before `diagonal` + 6t.
inline void addTransposed(float *sum, const float *weights, Rows x, int64_t rows, int64_t keys,
                          int64_t diagonal, int64_t width) {
  for (int64_t key = 0; key < keys; key += tileRows) {
    int64_t row = std::max<int64_t>(diagonal + key, 0);
    if (row >= rows)
      return;
    for (int64_t c = 0; c < width; c += tileColumns)
      tileProduct<true>(rows - row, weights + row * keyBlock + key, 1, keyBlock, x.row(row) + c, x.stride,
                        sum + key * width + c, width);
  }
}

/// delta = rowsum(dO * O).
template <class T> void outputDots(const Group<T> &group, float *delta) {
  for (int64_t g = 0; g < group.size; ++g)
    for (int64_t i = 0; i < group.seq; ++i) {
      const T *dout = group.head(group.dout, g).row(i), *o = group.head(group.o, g).row(i);
      float sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t c = 0; c < group.o.dim; ++c)
        sum += toFloat(dout[c]) * toFloat(o[c]);
      delta[g * group.seq + i] = sum;
    }
}

template <class T>
void groupGrad(const Group<T> &group, const Blocks &blocks, const Visibility &visibility, int64_t width,
               float scale) {
  const int64_t seq = group.seq, paddedSeq = roundUp(seq, queryBlock);
  std::fill_n(blocks.dq, group.size * paddedSeq * width, 0.0f);
  outputDots(group, blocks.delta);

  for (int64_t key = 0; key < seq; key += keyBlock) {
    const int64_t keys = std::min(keyBlock, seq - key);
    packPanels(blocks.valuePanels, rowsOf<T>(group.v, key, keys, keyBlock, width, blocks.keyRows), width,
               1.0f);
    const Rows keyRows = rowsOf<T>(group.k, key, keys, keyBlock, width, blocks.keyRows);
    packPanels(blocks.keyPanels, keyRows, width, scale);
    std::fill_n(blocks.dk, keyBlock * width, 0.0f);
    std::fill_n(blocks.dv, keyBlock * width, 0.0f);

    for (int64_t token = key / queryBlock * queryBlock; token < seq; token += queryBlock) {
      const int64_t rows = std::min(queryBlock, seq - token), padded = roundUp(rows, tileRows);
      if (visibility.firstOf(token, token + rows) >= key + keys)
        continue;
      for (int64_t g = 0; g < group.size; ++g) {
        const Rows query = rowsOf<T>(group.head(group.q, g), token, rows, padded, width, blocks.query);
        const Rows dout = rowsOf<T>(group.head(group.dout, g), token, rows, padded, width, blocks.dout);
        for (int64_t row = 0; row < rows; row += tileRows)
          tileStep(blocks, query, dout, keyRows, row, width, visibility, token + row,
                   std::min(tileRows, rows - row), key, keys, group.lse + g * seq + token + row,
                   blocks.delta + g * seq + token + row, blocks.dq + (g * paddedSeq + token + row) * width);
        addTransposed(blocks.dv, blocks.p, dout, rows, keys, key - token, width);
        addTransposed(blocks.dk, blocks.ds, query, rows, keys, key - token, width);
      }
    }
    unpackRows<T>(group.dk, key, keys, blocks.dk, width, scale);
    unpackRows<T>(group.dv, key, keys, blocks.dv, width, 1.0f);
  }
  for (int64_t g = 0; g < group.size; ++g)
    unpackRows<T>(group.head(group.dq, g), 0, seq, blocks.dq + g * paddedSeq * width, width, scale);
}

} // namespace

template <class T>
void floats::attention_grad(Tensor<T> dq, Tensor<T> dk, Tensor<T> dv, Tensor<const T> dout, Tensor<const T> q,
                            Tensor<const T> k, Tensor<const T> v, Tensor<const T> o, Tensor<const float> lse,
                            Tensor<const int32_t> segments, int64_t dim, float scale, int64_t window) {
  const int64_t batch = segments.rows(), seq = segments.cols();
  const int64_t heads = q.cols() / dim, kvHeads = k.cols() / dim, size = heads / kvHeads;
  const int64_t width = roundUp(dim, tileColumns);

  std::vector<Visibility> visibility;
  for (int64_t b = 0; b < batch; ++b)
    visibility.emplace_back(segments.data + b * seq, seq, window);

#pragma omp parallel if (batch * seq * heads > 512)
  {
    Blocks blocks(Scratch::mine().floats(Blocks::floats(size, seq, width)), size, seq, width);
#pragma omp for collapse(2) schedule(dynamic, 1)
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t kvHead = 0; kvHead < kvHeads; ++kvHead) {
        const Group<T> group(dq, dk, dv, dout, q, k, v, o, lse, b, kvHead, seq, dim);
        groupGrad(group, blocks, visibility[b], width, scale);
      }
  }
}

template <class T>
void attention_grad(const Context &, Tensor<T> dq, Tensor<T> dk, Tensor<T> dv, Tensor<const T> dout,
                    Tensor<const T> q, Tensor<const T> k, Tensor<const T> v, Tensor<const T> o,
                    Tensor<const float> lse, Tensor<const int32_t> segments, int64_t dim, float scale,
                    int64_t window) {
  if constexpr (std::is_same_v<T, bf16> && amx::built)
    if (amx::usable())
      return amx::attention_grad(dq, dk, dv, dout, q, k, v, o, lse, segments, dim, scale, window);
  floats::attention_grad<T>(dq, dk, dv, dout, q, k, v, o, lse, segments, dim, scale, window);
}

template void attention_grad(const Context &, Tensor<float>, Tensor<float>, Tensor<float>,
                             Tensor<const float>, Tensor<const float>, Tensor<const float>,
                             Tensor<const float>, Tensor<const float>, Tensor<const float>,
                             Tensor<const int32_t>, int64_t, float, int64_t);
template void attention_grad(const Context &, Tensor<bf16>, Tensor<bf16>, Tensor<bf16>, Tensor<const bf16>,
                             Tensor<const bf16>, Tensor<const bf16>, Tensor<const bf16>, Tensor<const bf16>,
                             Tensor<const float>, Tensor<const int32_t>, int64_t, float, int64_t);
template void floats::attention_grad(Tensor<float>, Tensor<float>, Tensor<float>, Tensor<const float>,
                                     Tensor<const float>, Tensor<const float>, Tensor<const float>,
                                     Tensor<const float>, Tensor<const float>, Tensor<const int32_t>, int64_t,
                                     float, int64_t);
template void floats::attention_grad(Tensor<bf16>, Tensor<bf16>, Tensor<bf16>, Tensor<const bf16>,
                                     Tensor<const bf16>, Tensor<const bf16>, Tensor<const bf16>,
                                     Tensor<const bf16>, Tensor<const float>, Tensor<const int32_t>, int64_t,
                                     float, int64_t);

} // namespace peft::rt
