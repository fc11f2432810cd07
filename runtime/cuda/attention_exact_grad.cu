//===- attention_exact_grad.cu - the gradient of attention in float -------===//
//
// The two roles of attention_flash_grad.cu, whose equations these are, with plain
// multiply-adds.
//
//===----------------------------------------------------------------------===//

#include "attention_blocks.h"
#include "exact_tiles.h"

namespace peft::rt::attention_detail {
using namespace exact;
namespace {

template <int W, bool rowsAreQueries>
__global__ void __launch_bounds__(threads)
    exactBackwardKernel(AttentionShape shape, Backward<float> x, const int2 *ranges, const float *delta) {
  constexpr int m = M<W>, rows = tileRows<W>;
  extern __shared__ __align__(16) unsigned char memory[];
  float *rowTile = reinterpret_cast<float *>(memory), *otherRowTile = rowTile + tileFloats<W>,
        *columnTile = otherRowTile + tileFloats<W>, *otherColumnTile = columnTile + tileFloats<W>,
        *weightTile = otherColumnTile + tileFloats<W>;

  const int rowHeads = rowsAreQueries ? shape.heads : shape.kvHeads;
  const int group = shape.heads / shape.kvHeads;
  const int rowHead = int(blockIdx.x) % rowHeads, b = int(blockIdx.x) / rowHeads;
  const int firstColumnHead = rowsAreQueries ? rowHead / group : rowHead * group;
  const int start = int(rowsAreQueries ? gridDim.y - 1 - blockIdx.y : blockIdx.y) * rows;
  const int64_t firstToken = int64_t(b) * shape.seq;
  const int32_t *segments = x.segments + firstToken;
  BlockWalk<rowsAreQueries, rows, rows> walk(
      shape, ranges + int64_t(b) * ((shape.seq + rangeTokens - 1) / rangeTokens), start);

  auto load = [&](float *tile, const Tokens<const float> &x, int token, int head) {
    loadTile<W>(tile, x.at(firstToken + token) + head * shape.dim, x.stride, shape.seq - token, shape.dim);
  };
  auto store = [&](const Tokens<float> &to, const Sums<W> &sums, const float(&factors)[m]) {
    storeSums<W>(to.at(firstToken + start) + rowHead * shape.dim, to.stride, sums, factors, shape.seq - start,
                 shape.dim);
  };
  load(rowTile, rowsAreQueries ? x.q : x.k, start, rowHead);
  load(otherRowTile, rowsAreQueries ? x.dout : x.v, start, rowHead);
  Sums<W> sumFirst = {}, sumV = {}; // dQ or dK; dV
  for (; !walk.done(); walk.next()) {
    const int column = walk.start(), columnHead = firstColumnHead + walk.head();
    __syncthreads(); // nobody reads the last step's columns and weights any more
    load(columnTile, rowsAreQueries ? x.k : x.q, column, columnHead);
    load(otherColumnTile, rowsAreQueries ? x.v : x.dout, column, columnHead);
    __syncthreads();
    float weights[m][m], slopes[m][m];
    multiplyRows<W>(weights, rowTile, columnTile);
    multiplyRows<W>(slopes, otherRowTile, otherColumnTile);
#pragma unroll
    for (int i = 0; i < m; ++i)
#pragma unroll
      for (int j = 0; j < m; ++j) {
        const int row = start + threadY() * m + i, col = column + threadX() + side * j;
        const int query = rowsAreQueries ? row : col, key = rowsAreQueries ? col : row;
        const int knownQuery = min(query, shape.seq - 1), knownKey = min(key, shape.seq - 1);
        const int head = rowsAreQueries ? rowHead : columnHead;
        const bool seen =
            query < shape.seq && sees(query, key, segments[knownQuery], segments[knownKey], shape.window);
        const float weight =
            expf(weights[i][j] * shape.scale - x.lse[b * shape.lseRow + head * shape.lseHead + knownQuery]);
        weights[i][j] = seen ? weight : 0.0f;
        slopes[i][j] = weights[i][j] *
                       (slopes[i][j] - delta[(int64_t(b) * shape.heads + head) * shape.seq + knownQuery]);
      }
    if constexpr (!rowsAreQueries) {
      storeWeights<W>(weightTile, weights);
      __syncthreads();
      multiplyColumns<W>(sumV, weightTile, otherColumnTile);
      __syncthreads();
    }
    storeWeights<W>(weightTile, slopes);
    __syncthreads();
    multiplyColumns<W>(sumFirst, weightTile, columnTile);
  }

  float scales[m], ones[m];
#pragma unroll
  for (int i = 0; i < m; ++i) {
    scales[i] = shape.scale;
    ones[i] = 1.0f;
  }
  store(rowsAreQueries ? x.dq : x.dk, sumFirst, scales);
  if constexpr (!rowsAreQueries)
    store(x.dv, sumV, ones);
}

template <int W>
void run(const peft_context_t &ctx, const AttentionShape &shape, const Backward<float> &x, const int2 *ranges,
         const float *delta) {
  const unsigned blocks = unsigned((shape.seq + tileRows<W> - 1) / tileRows<W>);
  const int bytes = int(sizeof(float)) * (4 * tileFloats<W> + weightFloats<W>);
  launch(ctx, "attention_grad", exactBackwardKernel<W, false>,
         dim3(unsigned(shape.batch * shape.kvHeads), blocks), threads, bytes, shape, x, ranges, delta);
  launch(ctx, "attention_grad", exactBackwardKernel<W, true>,
         dim3(unsigned(shape.batch * shape.heads), blocks), threads, bytes, shape, x, ranges, delta);
}

} // namespace

void flashBackward(const peft_context_t &ctx, const AttentionShape &shape, const Backward<float> &x,
                   const int2 *ranges, const float *delta) {
  if (shape.dim <= 64)
    run<64>(ctx, shape, x, ranges, delta);
  else if (shape.dim <= 128)
    run<128>(ctx, shape, x, ranges, delta);
  else if (shape.dim <= 256)
    run<256>(ctx, shape, x, ranges, delta);
  else
    fail(ctx, "attention_grad: head_dim " + std::to_string(shape.dim) + " is above 256");
}

} // namespace peft::rt::attention_detail
