//===- attention.cpp - causal grouped-query attention ---------------------===//
//
// One task is a run of queries of all heads that share a key head, so that a block of
// keys is packed once for the group. Softmax is online: each row keeps its maximum and
// its sum, and rescales what it has when the maximum grows.
//
//===----------------------------------------------------------------------===//

#include "attention_paths.h"
#include "attention_tiles.h"
#include "parallel.h"

namespace peft::rt {
using namespace attention_detail;

namespace {

/// Below every score, but finite: exp(hidden - floor) is 0 and floor - floor is 0.
constexpr float floorScore = -1e30f;

/// The sum of exponentials of one row so far.
struct RowState {
  float maximum = floorScore, sum = 0;
};

/// Scores [begin, end), whole panels, become their exponentials; `output` [width] is
/// rescaled.
inline void softmaxStep(float *scores, int64_t begin, int64_t end, RowState &state, float *output,
                        int64_t width) {
  Floats high = Floats{} + state.maximum;
  for (int64_t j = begin; j < end; j += lanes) {
    Floats x = load(scores + j);
    high = x > high ? x : high;
  }
  const float maximum = largestOf(high);
  Floats sum = {};
  for (int64_t j = begin; j < end; j += panelKeys) {
    for (int64_t lane = 0; lane < panelKeys; ++lane)
      scores[j + lane] = exp_(scores[j + lane] - maximum);
    sum += load(scores + j) + load(scores + j + lanes);
  }
  if (maximum != state.maximum) {
    const float factor = exp_(state.maximum - maximum);
    state.sum *= factor;
    for (int64_t c = 0; c < width; c += lanes)
      store(output + c, factor * load(output + c));
    state.maximum = maximum;
  }
  state.sum += sumOf(sum);
}

/// One task's memory.
struct Blocks {
  float *query, *output, *keyRows, *keyPanels, *valueRows, *scores; ///< rows only where copied
  static int64_t floats(int64_t rows, int64_t width) {
    return (2 * rows + 3 * keyBlock) * width + tileRows * keyBlock;
  }
  Blocks(float *memory, int64_t rows, int64_t width) {
    query = memory;
    output = query + rows * width;
    keyRows = output + rows * width;
    keyPanels = keyRows + keyBlock * width;
    valueRows = keyPanels + keyBlock * width;
    scores = valueRows + keyBlock * width;
  }
};

/// A tile of rows of one head against one block of keys.
inline void tileStep(const Blocks &blocks, Rows query, Rows values, float *output, int64_t width,
                     const Visibility &visibility, int64_t token, int64_t rows, int64_t key, int64_t keys,
                     RowState *states) {
  TileKeys seen = tileKeys(visibility, token, rows, key, keys);
  if (seen.empty())
    return;
  tileTimesPanels(blocks.scores, query, blocks.keyPanels, width, seen);
  for (int64_t i = 0; i < rows; ++i) {
    float *scores = blocks.scores + i * keyBlock;
    if (!seen.all)
      visibility.hide(scores + seen.begin, token + i, key + seen.begin, seen.end - seen.begin, -INFINITY);
    softmaxStep(scores, seen.begin, seen.end, states[i], output + i * width, width);
  }
  for (int64_t c = 0; c < width; c += tileColumns)
    tileProduct<true>(seen.present - seen.begin, blocks.scores + seen.begin, keyBlock, 1,
                      values.row(seen.begin) + c, values.stride, output + c, width);
}

} // namespace

template <class T>
void floats::attention(Tensor<T> o, Tensor<float> lse, Tensor<const T> q, Tensor<const T> k,
                       Tensor<const T> v, Tensor<const int32_t> segments, int64_t dim, float scale,
                       int64_t window) {
  const int64_t batch = segments.rows(), seq = segments.cols();
  const int64_t heads = q.cols() / dim, kvHeads = k.cols() / dim, group = heads / kvHeads;
  const int64_t width = roundUp(dim, tileColumns);
  // Many rows a task make packing keys a small part of its work; few of them occupy
  // many threads.
  const int64_t taskRows = batch * kvHeads * (seq / 96) < 4 * omp_get_max_threads() ? 48 : 96;
  const int64_t tasksPerHead = (seq + taskRows - 1) / taskRows;

  std::vector<Visibility> visibility;
  for (int64_t b = 0; b < batch; ++b)
    visibility.emplace_back(segments.data + b * seq, seq, window);

#pragma omp parallel if (batch * seq * heads > 512)
  {
    Blocks blocks(Scratch::mine().floats(Blocks::floats(group * taskRows, width)), group * taskRows, width);
    std::vector<RowState> states(group * taskRows);
    std::vector<Rows> query(group);
    // Later runs of queries see more keys: the longest tasks first.
#pragma omp for collapse(3) schedule(dynamic, 1)
    for (int64_t part = 0; part < tasksPerHead; ++part)
      for (int64_t b = 0; b < batch; ++b)
        for (int64_t kvHead = 0; kvHead < kvHeads; ++kvHead) {
          const int64_t begin = (tasksPerHead - 1 - part) * taskRows, end = std::min(begin + taskRows, seq);
          const int64_t rows = end - begin, padded = roundUp(rows, tileRows);
          std::fill(states.begin(), states.end(), RowState());
          std::fill_n(blocks.output, group * taskRows * width, 0.0f);
          for (int64_t g = 0; g < group; ++g)
            query[g] = rowsOf<T>(headOf(q, b, seq, kvHead * group + g, dim), begin, rows, padded, width,
                                 blocks.query + g * taskRows * width);

          int64_t firstKey = visibility[b].firstOf(begin, end) / panelKeys * panelKeys;
          for (int64_t key = firstKey; key < end; key += keyBlock) {
            const int64_t keys = std::min(keyBlock, end - key);
            packPanels(blocks.keyPanels,
                       rowsOf<T>(headOf(k, b, seq, kvHead, dim), key, keys, keyBlock, width, blocks.keyRows),
                       width, scale);
            const Rows values =
                rowsOf<T>(headOf(v, b, seq, kvHead, dim), key, keys, keys, width, blocks.valueRows);
            for (int64_t g = 0; g < group; ++g)
              for (int64_t row = 0; row < rows; row += tileRows)
                tileStep(blocks, {query[g].row(row), query[g].stride}, values,
                         blocks.output + (g * taskRows + row) * width, width, visibility[b], begin + row,
                         std::min(tileRows, rows - row), key, keys, &states[g * taskRows + row]);
          }

          for (int64_t g = 0; g < group; ++g) {
            const int64_t head = kvHead * group + g;
            for (int64_t i = 0; i < rows; ++i) {
              const RowState &state = states[g * taskRows + i];
              lse.data[(b * heads + head) * seq + begin + i] = state.maximum + std::log(state.sum);
              unpackRows<T>(headOf(o, b, seq, head, dim), begin + i, 1,
                            blocks.output + (g * taskRows + i) * width, width, 1.0f / state.sum);
            }
          }
        }
  }
}

template <class T>
void attention(const Context &, Tensor<T> o, Tensor<float> lse, Tensor<const T> q, Tensor<const T> k,
               Tensor<const T> v, Tensor<const int32_t> segments, int64_t dim, float scale, int64_t window) {
  if constexpr (std::is_same_v<T, bf16> && amx::built)
    if (amx::usable())
      return amx::attention(o, lse, q, k, v, segments, dim, scale, window);
  floats::attention<T>(o, lse, q, k, v, segments, dim, scale, window);
}

template void attention(const Context &, Tensor<float>, Tensor<float>, Tensor<const float>,
                        Tensor<const float>, Tensor<const float>, Tensor<const int32_t>, int64_t, float,
                        int64_t);
template void attention(const Context &, Tensor<bf16>, Tensor<float>, Tensor<const bf16>, Tensor<const bf16>,
                        Tensor<const bf16>, Tensor<const int32_t>, int64_t, float, int64_t);
template void floats::attention(Tensor<float>, Tensor<float>, Tensor<const float>, Tensor<const float>,
                                Tensor<const float>, Tensor<const int32_t>, int64_t, float, int64_t);
template void floats::attention(Tensor<bf16>, Tensor<float>, Tensor<const bf16>, Tensor<const bf16>,
                                Tensor<const bf16>, Tensor<const int32_t>, int64_t, float, int64_t);

} // namespace peft::rt
