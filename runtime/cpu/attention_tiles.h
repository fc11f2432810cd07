//===- attention_tiles.h - what both passes of attention share ------------===//
//
// Attention walks blocks of `keyBlock` keys. Within a block it works on tiles of
// `tileRows` query rows by panels of `panelKeys` keys, and leaves out the panels that no row of the
// tile sees. Operands have one of two forms, so that the arithmetic has no case for
// bf16, for odd head sizes, or for the last rows:
//
//   rows:   n rows of `width` floats, width = head_dim rounded up to a panel; a copy padded
//           with zeros, or the tensor itself where it has that form
//   panels: [n / panelKeys][width][panelKeys]: the transpose, a panel's keys side by side
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CPU_ATTENTION_TILES_H
#define PEFT_RUNTIME_CPU_ATTENTION_TILES_H

#include "peft/runtime/math.h"
#include "simd.h"

#include <algorithm>
#include <type_traits>
#include <vector>

namespace peft::rt::attention_detail {

inline constexpr int64_t panelKeys = tileColumns;
inline constexpr int64_t keyBlock = 96; ///< a multiple of both

inline int64_t roundUp(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

/// One head of a [seq, heads * head_dim] matrix.
template <class T> struct Head {
  T *data;
  int64_t stride, dim;
  T *row(int64_t i) const { return data + i * stride; }
};

/// Of sequence b of x [batch, seq, heads * dim].
template <class T> Head<T> headOf(Tensor<T> x, int64_t b, int64_t seq, int64_t head, int64_t dim) {
  return {x.data + b * seq * x.rowStride() + head * dim, x.rowStride(), dim};
}

/// Operands of the backward pass: one key head of one sequence, and the first of the
/// `size` query heads that share it.
template <class T> struct Group {
  Head<T> dq, dk, dv;
  Head<const T> dout, q, k, v, o;
  const float *lse;
  int64_t size, seq;

  Group(Tensor<T> dq, Tensor<T> dk, Tensor<T> dv, Tensor<const T> dout, Tensor<const T> q, Tensor<const T> k,
        Tensor<const T> v, Tensor<const T> o, Tensor<const float> lse, int64_t b, int64_t kvHead, int64_t seq,
        int64_t dim)
      : size(q.cols() / k.cols()), seq(seq) {
    auto keyed = [&](auto x) { return headOf(x, b, seq, kvHead, dim); };
    auto query = [&](auto x) { return headOf(x, b, seq, kvHead * size, dim); };
    this->dq = query(dq), this->dk = keyed(dk), this->dv = keyed(dv);
    this->dout = query(dout), this->q = query(q), this->k = keyed(k), this->v = keyed(v), this->o = query(o);
    this->lse = lse.data + (b * q.cols() / dim + kvHead * size) * seq;
  }
  template <class U> Head<U> head(Head<U> first, int64_t g) const {
    return {first.data + g * first.dim, first.stride, first.dim};
  }
};

struct Rows {
  const float *data;
  int64_t stride;
  const float *row(int64_t i) const { return data + i * stride; }
};

/// head[first .. first + count), then rows of zeros up to `padded`; in `buffer` unless
/// it can be read in place.
template <class T>
Rows rowsOf(Head<const T> head, int64_t first, int64_t count, int64_t padded, int64_t width, float *buffer) {
  if constexpr (std::is_same_v<T, float>)
    if (count == padded && head.dim == width)
      return {head.row(first), head.stride};
  for (int64_t i = 0; i < padded; ++i) {
    float *to = buffer + i * width;
    const int64_t used = i < count ? head.dim : 0;
    const T *from = head.row(first + std::min(i, count - 1));
#pragma omp simd
    for (int64_t c = 0; c < used; ++c)
      to[c] = toFloat(from[c]);
    std::fill(to + used, to + width, 0.0f);
  }
  return {buffer, width};
}

/// panels = factor * the transpose of `keyBlock` rows.
inline void packPanels(float *panels, Rows rows, int64_t width, float factor) {
  for (int64_t key = 0; key < keyBlock; key += 8)
    for (int64_t c = 0; c < width; c += 8) {
      Float8 block[8];
      for (int i = 0; i < 8; ++i)
        block[i] = factor * load8(rows.row(key + i) + c);
      transpose8(block);
      float *to = panels + (key / panelKeys * width + c) * panelKeys + key % panelKeys;
      for (int i = 0; i < 8; ++i)
        store8(to + i * panelKeys, block[i]);
    }
}

/// head[first .. first + count) = factor * rows.
template <class T>
void unpackRows(Head<T> head, int64_t first, int64_t count, const float *rows, int64_t width, float factor) {
  for (int64_t i = 0; i < count; ++i) {
    const float *from = rows + i * width;
    T *to = head.row(first + i);
#pragma omp simd
    for (int64_t c = 0; c < head.dim; ++c)
      to[c] = fromFloat<T>(factor * from[c]);
  }
}

/// What the tokens of one sequence see. Token i sees no key before first[i] and none
/// after i; from solid[i] to i it sees every key, and before that those of its segment.
/// The two differ only where a segment lies in several runs.
class Visibility {
public:
  Visibility(const int32_t *given, int64_t seq, int64_t window)
      : segments(roundUp(seq, padding)), first(segments.size()), solid(segments.size()) {
    std::copy_n(given, seq, segments.begin());
    int64_t run = 0, same = 0;
    for (int64_t i = 0; i < seq; ++i) {
      if (i == 0 || segments[i] != segments[i - 1]) {
        run = i;
        same = std::find(given, given + i, given[i]) - given;
      }
      int64_t bound = window > 0 ? std::max<int64_t>(i - window + 1, 0) : 0;
      first[i] = int32_t(std::max(same, bound));
      solid[i] = int32_t(std::max(run, bound));
    }
  }

  /// The first key that a token of [begin, end) sees.
  int64_t firstOf(int64_t begin, int64_t end) const {
    return *std::min_element(first.begin() + begin, first.begin() + end);
  }
  /// The key from which every token of [begin, end) sees all up to its own.
  int64_t solidOf(int64_t begin, int64_t end) const {
    return *std::max_element(solid.begin() + begin, solid.begin() + end);
  }
  /// Whether every token of [begin, end) sees every key of [keyBegin, keyEnd).
  bool seesAll(int64_t begin, int64_t end, int64_t keyBegin, int64_t keyEnd) const {
    return keyEnd <= begin + 1 && keyBegin >= solidOf(begin, end);
  }
  /// values[j] = `hidden` where token i doesn't see key keyBegin + j, j < count.
  void hide(float *values, int64_t i, int64_t keyBegin, int64_t count, float hidden) const {
    int64_t seen = std::clamp<int64_t>(i + 1 - keyBegin, 0, count);
    const int32_t *keySegments = segments.data() + keyBegin;
    const int32_t segment = segments[i], firstSeen = int32_t(first[i] - keyBegin),
                  allFrom = int32_t(solid[i] - keyBegin);
#pragma omp simd
    for (int32_t j = 0; j < int32_t(seen); ++j) {
      bool visible = (j >= allFrom) | ((j >= firstSeen) & (keySegments[j] == segment));
      values[j] = visible ? values[j] : hidden;
    }
    std::fill(values + seen, values + count, hidden);
  }

  /// The same for scores [keys][tokens] of the `padding` keys and tokens from `key` and `token` on, multiples
  /// of it. Padding tokens see any keys.
  void hideTransposed(float *values, int64_t key, int64_t token, float hidden) const {
    for (int64_t part = 0; part < padding; part += lanes)
      for (int64_t j = 0; j < padding; ++j) {
        float *row = values + j * padding + part;
        const int32_t at = int32_t(key + j), segment = segments[at];
        const int32_t begin = int32_t(token + part);
#pragma omp simd
        for (int32_t lane = 0; lane < int32_t(lanes); ++lane) {
          const int32_t i = begin + lane;
          bool visible = (at <= i) & ((at >= solid[i]) | ((at >= first[i]) & (segment == segments[i])));
          row[lane] = visible ? row[lane] : hidden;
        }
      }
  }

private:
  static constexpr int64_t padding = 32;
  std::vector<int32_t> segments, first, solid; ///< padded with zeros
};

/// The keys of a block that a tile of query rows works on, relative to the block:
/// whole panels [begin, end), of which [begin, present) are keys of the sequence.
struct TileKeys {
  int64_t begin = 0, end = 0, present = 0;
  bool all = false; ///< every row sees every one of them
  bool empty() const { return begin >= end; }
};

/// Rows are tokens [row, row + rows), the block is keys [key, key + keys).
inline TileKeys tileKeys(const Visibility &visibility, int64_t row, int64_t rows, int64_t key, int64_t keys) {
  int64_t begin = std::max(visibility.firstOf(row, row + rows), key) - key;
  int64_t end = std::min(row + rows, key + keys) - key;
  TileKeys result;
  if (begin >= end)
    return result;
  result.begin = begin / panelKeys * panelKeys;
  result.end = roundUp(end, panelKeys);
  result.present = std::min(result.end, keys);
  result.all = visibility.seesAll(row, row + rows, key + result.begin, key + result.end);
  return result;
}

/// product [tileRows][keyBlock], columns [begin, end) of it = rows times panels.
inline void tileTimesPanels(float *product, Rows rows, const float *panels, int64_t width, TileKeys keys) {
  for (int64_t j = keys.begin; j < keys.end; j += panelKeys)
    tileProduct<false>(width, rows.data, rows.stride, 1, panels + j * width, panelKeys, product + j,
                       keyBlock);
}

} // namespace peft::rt::attention_detail

#endif // PEFT_RUNTIME_CPU_ATTENTION_TILES_H
