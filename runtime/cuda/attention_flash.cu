//===- attention_flash.cu - attention of bf16 on tensor cores -------------===//
//
// Four warps take 128 queries of a head (64 of wide heads), 32 (16) each, and walk the keys
// in blocks. Softmax is online: a row keeps its maximum and its sum, and rescales what it
// has when the maximum grows. Scores and weights stay in registers: the fragments of the
// first product's result are those that the second wants as an operand.
//
// Copies overlap with work on the same tiles: values arrive while scores are computed, the
// next keys while values are summed.
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

template <int W> struct Tiles {
  static constexpr int R = W > 128 ? 1 : 2; ///< 16 rows each, of a warp
  static constexpr int queries = 16 * R * warps, keys = W > 128 ? 32 : 64;
  static constexpr int bytes = (queries + 2 * keys) * tileStride<W> * int(sizeof(bf16)) + keys * 4;
};

/// Softmax so far, of rows lane / 4 + 8 * half. `sum` is of this lane's columns.
struct RowState {
  float maximum = -INFINITY, sum = 0;
};

/// Scores become weights, output is rescaled. `scale` is that of the scores times log2 e.
template <int W, int N>
__device__ inline void softmaxStep(float (&scores)[N / 8][4], RowState (&states)[2],
                                   float (&output)[W / 8][4], float scale) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    RowState &state = states[half];
    float high = state.maximum;
#pragma unroll
    for (int n = 0; n < N / 8; ++n)
      high = fmaxf(high, fmaxf(scores[n][2 * half], scores[n][2 * half + 1]));
    high = fmaxf(high, __shfl_xor_sync(~0u, high, 1));
    high = fmaxf(high, __shfl_xor_sync(~0u, high, 2));
    // A row that has seen nothing yet: all its weights are 2^-inf.
    const float base = high == -INFINITY ? 0.0f : high * scale;
    const float factor = exp2Fast(state.maximum * scale - base);
    state.maximum = high;
    float sum = state.sum * factor;
#pragma unroll
    for (int n = 0; n < N / 8; ++n)
#pragma unroll
      for (int e = 2 * half; e < 2 * half + 2; ++e) {
        scores[n][e] = exp2Fast(scores[n][e] * scale - base);
        sum += scores[n][e];
      }
    state.sum = sum;
#pragma unroll
    for (int n = 0; n < W / 8; ++n) {
      output[n][2 * half] *= factor;
      output[n][2 * half + 1] *= factor;
    }
  }
}

template <int W>
__global__ void __launch_bounds__(threads)
    forwardKernel(AttentionShape shape, Forward<bf16> x, const int2 *ranges, bool aligned) {
  constexpr int R = Tiles<W>::R, queries = Tiles<W>::queries, keys = Tiles<W>::keys, stride = tileStride<W>;
  extern __shared__ __align__(16) unsigned char memory[];
  bf16 *queryTile = reinterpret_cast<bf16 *>(memory), *keyTile = queryTile + queries * stride,
       *valueTile = keyTile + keys * stride;
  int32_t *keySegments = reinterpret_cast<int32_t *>(valueTile + keys * stride);

  const int head = int(blockIdx.x) % shape.heads, b = int(blockIdx.x) / shape.heads;
  const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32;
  // Later queries see more keys: the longest blocks first.
  const int start = int(gridDim.y - 1 - blockIdx.y) * queries;
  const int64_t firstToken = int64_t(b) * shape.seq;
  const int column = head * shape.dim, keyColumn = head / (shape.heads / shape.kvHeads) * shape.dim;
  const int32_t *segments = x.segments + firstToken;
  BlockWalk<true, queries, keys> walk(
      shape, ranges + int64_t(b) * ((shape.seq + rangeTokens - 1) / rangeTokens), start);

  auto loadKeys = [&](int key) {
    loadTile<W, keys, threads>(keyTile, x.k.at(firstToken + key) + keyColumn, x.k.stride, shape.seq - key,
                               shape.dim, aligned);
    if (int(threadIdx.x) < keys) {
      const bool present = key + int(threadIdx.x) < shape.seq;
      copy4(keySegments + threadIdx.x, segments + (present ? key + int(threadIdx.x) : 0), present);
    }
  };

  int tokens[R][2], tokenSegments[R][2];
  RowState states[R][2];
  float output[R][W / 8][4] = {};
#pragma unroll
  for (int r = 0; r < R; ++r)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      tokens[r][half] = start + (warp * R + r) * 16 + lane / 4 + 8 * half;
      tokenSegments[r][half] = segments[min(tokens[r][half], shape.seq - 1)];
    }
  bf16 *ownQueries = queryTile + warp * R * 16 * stride;
  const float scale = shape.scale * log2e;

  loadTile<W, queries, threads>(queryTile, x.q.at(firstToken + start) + column, x.q.stride, shape.seq - start,
                                shape.dim, aligned);
  loadKeys(walk.start());
  while (!walk.done()) {
    const int key = walk.start();
    const bool full = walk.full();
    waitForCopies();
    __syncthreads(); // keys are here, and nobody reads values any more
    loadTile<W, keys, threads>(valueTile, x.v.at(firstToken + key) + keyColumn, x.v.stride, shape.seq - key,
                               shape.dim, aligned);

    float scores[R][keys / 8][4] = {};
    multiplyRows<W, R, keys>(scores, ownQueries, keyTile);
    if (!full) {
#pragma unroll
      for (int n = 0; n < keys / 8; ++n)
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          const int j = n * 8 + lane % 4 * 2 + e % 2;
#pragma unroll
          for (int r = 0; r < R; ++r)
            if (!sees(tokens[r][e / 2], key + j, tokenSegments[r][e / 2], keySegments[j], shape.window))
              scores[r][n][e] = -INFINITY;
        }
    }
    walk.next();
    waitForCopies();
    __syncthreads(); // values are here, and nobody reads keys any more
    if (!walk.done())
      loadKeys(walk.start());

    uint32_t weights[R][keys / 16][4];
#pragma unroll
    for (int r = 0; r < R; ++r)
      softmaxStep<W, keys>(scores[r], states[r], output[r], scale);
    packAll<R, keys>(weights, scores);
    multiplyColumns<W, R, keys>(output, weights, valueTile);
  }

  // Through the warp's own rows of the query tile, so that stores are whole lines.
  __syncwarp();
#pragma unroll
  for (int r = 0; r < R; ++r)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      RowState state = states[r][half];
      state.sum += __shfl_xor_sync(~0u, state.sum, 1);
      state.sum += __shfl_xor_sync(~0u, state.sum, 2);
      const float inverse = 1.0f / state.sum;
      const int row = r * 16 + lane / 4 + 8 * half;
#pragma unroll
      for (int n = 0; n < W / 8; ++n)
        *reinterpret_cast<uint32_t *>(ownQueries + row * stride + n * 8 + lane % 4 * 2) =
            packBf16(output[r][n][2 * half] * inverse, output[r][n][2 * half + 1] * inverse);
      if (lane % 4 == 0 && tokens[r][half] < shape.seq)
        x.lse[b * shape.lseRow + head * shape.lseHead + tokens[r][half]] =
            state.maximum * shape.scale + logf(state.sum);
    }
  __syncwarp();
  storeRows<W, 16 * R>(x.o.at(firstToken + start + warp * R * 16) + column, x.o.stride, ownQueries,
                       shape.seq - start - warp * R * 16, shape.dim, aligned);
}

template <int W>
void run(const peft_context_t &ctx, const AttentionShape &shape, const Forward<bf16> &x, const int2 *ranges) {
  const bool aligned = x.q.isAligned() && x.k.isAligned() && x.v.isAligned() && x.o.isAligned();
  const dim3 grid(unsigned(shape.batch * shape.heads),
                  unsigned((shape.seq + Tiles<W>::queries - 1) / Tiles<W>::queries));
  launch(ctx, "attention", forwardKernel<W>, grid, threads, Tiles<W>::bytes, shape, x, ranges,
         aligned && shape.dim % 8 == 0);
}

} // namespace

void flashForward(const peft_context_t &ctx, const AttentionShape &shape, const Forward<bf16> &x,
                  const int2 *ranges) {
  if (shape.dim <= 32)
    run<32>(ctx, shape, x, ranges);
  else if (shape.dim <= 64)
    run<64>(ctx, shape, x, ranges);
  else if (shape.dim <= 96)
    run<96>(ctx, shape, x, ranges);
  else if (shape.dim <= 128)
    run<128>(ctx, shape, x, ranges);
  else if (shape.dim <= 256)
    run<256>(ctx, shape, x, ranges);
  else
    fail(ctx, "attention: head_dim " + std::to_string(shape.dim) + " is above 256");
}

} // namespace peft::rt::attention_detail
