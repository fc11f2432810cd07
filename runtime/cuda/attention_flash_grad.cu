//===- attention_flash_grad.cu - the gradient of attention in bf16 --------===//
//
//   dV = P^T dO     dP = dO V^T     dS = P * (dP - delta)     dQ = scale * dS K     dK = scale * dS^T Q
//
// One kernel in two roles. Its rows are queries that walk keys (dQ), or keys that walk the
// queries of their group of heads (dK and dV): rows stay in shared memory, columns stream
// by. The role `keys` computes S^T, so that P^T and dS^T are in registers the operands of
// the next product. Every result has one writer and a fixed order of sums, at the price of
// computing S and dP twice.
//
//===----------------------------------------------------------------------===//

#include "attention_blocks.h"
#include "peft/runtime/cuda/mma.h"
#include "peft/runtime/math.h"

namespace peft::rt::attention_detail {
using namespace tensor_cores;
namespace {

constexpr int warps = 4, threads = 32 * warps;
constexpr float log2e = 1.4426950408889634f;

/// dK and dV of wide heads don't fit in registers together: two launches then.
enum Role { queries, keys, onlyK, onlyV };

template <int W, Role role> struct Tiles {
  static constexpr bool rowsAreQueries = role == queries, wantsSlopes = role != onlyV,
                        wantsV = role == keys || role == onlyV;
  static constexpr int R = W <= (rowsAreQueries ? 128 : 64) ? 2 : 1; ///< 16 rows each, of a warp
  static constexpr int rows = 16 * R * warps, columns = W > 128 || R == 2 ? 32 : 64;
  /// Rows: q and dout, or k and v. Columns: k twice and v, or q twice and dout; and what is
  /// known of each column, twice.
  static constexpr int bytes = (2 * rows + 3 * columns) * tileStride<W> * int(sizeof(bf16)) + 6 * columns * 4;
};

/// What the mask and the softmax want of a token.
struct Token {
  int32_t segment;
  float lse, delta; ///< of queries; lse times log2 e
};

template <int W, Role role>
__global__ void __launch_bounds__(threads)
    backwardKernel(AttentionShape shape, Backward<bf16> x, const int2 *ranges, const float *delta,
                   bool aligned) {
  using Tile = Tiles<W, role>;
  constexpr bool rowsAreQueries = Tile::rowsAreQueries;
  constexpr int R = Tile::R, rows = Tile::rows, columns = Tile::columns, stride = tileStride<W>;
  extern __shared__ __align__(16) unsigned char memory[];
  bf16 *rowTile = reinterpret_cast<bf16 *>(memory), *otherRowTile = rowTile + rows * stride,
       *columnTiles = otherRowTile + rows * stride, *otherColumnTile = columnTiles + 2 * columns * stride;
  int32_t *columnSegments = reinterpret_cast<int32_t *>(otherColumnTile + columns * stride);
  float *columnLse = reinterpret_cast<float *>(columnSegments + 2 * columns),
        *columnDelta = columnLse + 2 * columns;

  const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32;
  const int rowHeads = rowsAreQueries ? shape.heads : shape.kvHeads;
  const int group = shape.heads / shape.kvHeads;
  const int rowHead = int(blockIdx.x) % rowHeads, b = int(blockIdx.x) / rowHeads;
  const int firstColumnHead = rowsAreQueries ? rowHead / group : rowHead * group;
  // Early keys and late queries meet most: the longest blocks first.
  const int start = int(rowsAreQueries ? gridDim.y - 1 - blockIdx.y : blockIdx.y) * rows;
  const int64_t firstToken = int64_t(b) * shape.seq;
  const int32_t *segments = x.segments + firstToken;
  auto lseOf = [&](int head) { return x.lse + b * shape.lseRow + head * shape.lseHead; };
  auto deltaOf = [&](int head) { return delta + (int64_t(b) * shape.heads + head) * shape.seq; };
  BlockWalk<rowsAreQueries, rows, columns> walk(
      shape, ranges + int64_t(b) * ((shape.seq + rangeTokens - 1) / rangeTokens), start);

  auto loadColumns = [&](bf16 *tile, const Tokens<const bf16> &x) {
    const bf16 *from = x.at(firstToken + walk.start()) + (firstColumnHead + walk.head()) * shape.dim;
    loadTile<W, columns, threads>(tile, from, x.stride, shape.seq - walk.start(), shape.dim, aligned);
  };
  auto loadRows = [&](bf16 *tile, const Tokens<const bf16> &x) {
    loadTile<W, rows, threads>(tile, x.at(firstToken + start) + rowHead * shape.dim, x.stride,
                               shape.seq - start, shape.dim, aligned);
  };
  auto loadFirst = [&](int stage) {
    loadColumns(columnTiles + stage * columns * stride, rowsAreQueries ? x.k : x.q);
    if (int(threadIdx.x) < columns) {
      const int i = stage * columns + int(threadIdx.x), token = walk.start() + int(threadIdx.x);
      const bool present = token < shape.seq;
      copy4(columnSegments + i, segments + (present ? token : 0), present);
      if (!rowsAreQueries) {
        copy4(columnLse + i, lseOf(firstColumnHead + walk.head()) + (present ? token : 0), present);
        copy4(columnDelta + i, deltaOf(firstColumnHead + walk.head()) + (present ? token : 0), present);
      }
    }
  };
  auto loadOther = [&] { loadColumns(otherColumnTile, rowsAreQueries ? x.v : x.dout); };

  Token row[R][2];
#pragma unroll
  for (int r = 0; r < R; ++r)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int token = min(start + (warp * R + r) * 16 + lane / 4 + 8 * half, shape.seq - 1);
      row[r][half].segment = segments[token];
      row[r][half].lse = rowsAreQueries ? lseOf(rowHead)[token] * log2e : 0.0f;
      row[r][half].delta = rowsAreQueries ? deltaOf(rowHead)[token] : 0.0f;
    }

  loadRows(rowTile, rowsAreQueries ? x.q : x.k);
  if (Tile::wantsSlopes)
    loadRows(otherRowTile, rowsAreQueries ? x.dout : x.v);
  loadFirst(0);
  loadOther();

  const bf16 *ownRows = rowTile + warp * R * 16 * stride,
             *ownOtherRows = otherRowTile + warp * R * 16 * stride;
  const float scale = shape.scale * log2e;
  float sumFirst[Tile::wantsSlopes ? R : 1][W / 8][4] = {}; // dQ or dK
  float sumV[Tile::wantsV ? R : 1][W / 8][4] = {};
  for (int stage = 0; !walk.done(); stage ^= 1) {
    const int column = walk.start();
    const bool full = walk.full();
    const bf16 *columnTile = columnTiles + stage * columns * stride;
    walk.next();
    waitForCopies();
    __syncthreads(); // this step's columns are here, and nobody reads the last step's
    if (!walk.done())
      loadFirst(stage ^ 1);

    float weights[R][columns / 8][4] = {};
    multiplyRows<W, R, columns>(weights, ownRows, columnTile);
#pragma unroll
    for (int n = 0; n < columns / 8; ++n)
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int known = stage * columns + n * 8 + lane % 4 * 2 + e % 2;
        const float columnMaximum = rowsAreQueries ? 0.0f : columnLse[known] * log2e;
#pragma unroll
        for (int r = 0; r < R; ++r)
          weights[r][n][e] =
              exp2Fast(weights[r][n][e] * scale - (rowsAreQueries ? row[r][e / 2].lse : columnMaximum));
      }
    if (!full) {
#pragma unroll
      for (int n = 0; n < columns / 8; ++n)
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          const int j = n * 8 + lane % 4 * 2 + e % 2, segment = columnSegments[stage * columns + j];
#pragma unroll
          for (int r = 0; r < R; ++r) {
            const int i = start + (warp * R + r) * 16 + lane / 4 + e / 2 * 8;
            const bool seen = rowsAreQueries
                                  ? sees(i, column + j, row[r][e / 2].segment, segment, shape.window)
                                  : sees(column + j, i, segment, row[r][e / 2].segment, shape.window);
            weights[r][n][e] = seen ? weights[r][n][e] : 0.0f;
          }
        }
    }

    uint32_t operand[R][columns / 16][4];
    float slopes[R][columns / 8][4] = {};
    if constexpr (Tile::wantsSlopes) {
      multiplyRows<W, R, columns>(slopes, ownOtherRows, otherColumnTile);
#pragma unroll
      for (int n = 0; n < columns / 8; ++n)
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          const int known = stage * columns + n * 8 + lane % 4 * 2 + e % 2;
          const float columnSlope = rowsAreQueries ? 0.0f : columnDelta[known];
#pragma unroll
          for (int r = 0; r < R; ++r)
            slopes[r][n][e] =
                weights[r][n][e] * (slopes[r][n][e] - (rowsAreQueries ? row[r][e / 2].delta : columnSlope));
        }
    }
    if constexpr (Tile::wantsV) {
      packAll<R, columns>(operand, weights);
      multiplyColumns<W, R, columns>(sumV, operand, otherColumnTile);
    }
    __syncthreads(); // nobody reads the other columns any more
    if (!walk.done())
      loadOther();
    if constexpr (Tile::wantsSlopes) {
      packAll<R, columns>(operand, slopes);
      multiplyColumns<W, R, columns>(sumFirst, operand, columnTile);
    }
  }

  // Through the warp's own rows of the tiles, so that stores are whole lines.
  __syncwarp();
  auto store = [&](const Tokens<bf16> &to, bf16 *tile, const auto &sum, float factor) {
    bf16 *own = tile + warp * R * 16 * stride;
#pragma unroll
    for (int r = 0; r < R; ++r)
#pragma unroll
      for (int n = 0; n < W / 8; ++n)
#pragma unroll
        for (int half = 0; half < 2; ++half)
          *reinterpret_cast<uint32_t *>(own + (r * 16 + lane / 4 + 8 * half) * stride + n * 8 +
                                        lane % 4 * 2) =
              packBf16(sum[r][n][2 * half] * factor, sum[r][n][2 * half + 1] * factor);
    __syncwarp();
    storeRows<W, 16 * R>(to.at(firstToken + start + warp * R * 16) + rowHead * shape.dim, to.stride, own,
                         shape.seq - start - warp * R * 16, shape.dim, aligned);
  };
  if constexpr (Tile::wantsSlopes)
    store(rowsAreQueries ? x.dq : x.dk, rowTile, sumFirst, shape.scale);
  if constexpr (Tile::wantsV)
    store(x.dv, otherRowTile, sumV, 1.0f);
}

template <int W, Role role>
void runRole(const peft_context_t &ctx, const AttentionShape &shape, const Backward<bf16> &x,
             const int2 *ranges, const float *delta) {
  bool aligned = shape.dim % 8 == 0;
  for (const Tokens<const bf16> &tokens :
       {x.q, x.k, x.v, x.dout, Tokens<const bf16>(x.dq), Tokens<const bf16>(x.dk), Tokens<const bf16>(x.dv)})
    aligned = aligned && tokens.isAligned();
  using Tile = Tiles<W, role>;
  const dim3 grid(unsigned(shape.batch * (Tile::rowsAreQueries ? shape.heads : shape.kvHeads)),
                  unsigned((shape.seq + Tile::rows - 1) / Tile::rows));
  launch(ctx, "attention_grad", backwardKernel<W, role>, grid, threads, Tile::bytes, shape, x, ranges, delta,
         aligned);
}

template <int W>
void run(const peft_context_t &ctx, const AttentionShape &shape, const Backward<bf16> &x, const int2 *ranges,
         const float *delta) {
  if constexpr (W > 128) {
    runRole<W, onlyK>(ctx, shape, x, ranges, delta);
    runRole<W, onlyV>(ctx, shape, x, ranges, delta);
  } else {
    runRole<W, keys>(ctx, shape, x, ranges, delta);
  }
  runRole<W, queries>(ctx, shape, x, ranges, delta);
}

} // namespace

void flashBackward(const peft_context_t &ctx, const AttentionShape &shape, const Backward<bf16> &x,
                   const int2 *ranges, const float *delta) {
  if (shape.dim <= 32)
    run<32>(ctx, shape, x, ranges, delta);
  else if (shape.dim <= 64)
    run<64>(ctx, shape, x, ranges, delta);
  else if (shape.dim <= 96)
    run<96>(ctx, shape, x, ranges, delta);
  else if (shape.dim <= 128)
    run<128>(ctx, shape, x, ranges, delta);
  else if (shape.dim <= 256)
    run<256>(ctx, shape, x, ranges, delta);
  else
    fail(ctx, "attention_grad: head_dim " + std::to_string(shape.dim) + " is above 256");
}

} // namespace peft::rt::attention_detail
