//===- attention_exact.cu - attention of float, every product in float ----===//
//
// The flash kernel's walk and softmax (attention_flash.cu) with plain multiply-adds: what
// float programs are compared with must not round to TF32.
//
//===----------------------------------------------------------------------===//

#include "attention_blocks.h"
#include "exact_tiles.h"

namespace peft::rt::attention_detail {
using namespace exact;
namespace {

/// Of the 16 lanes that share rows.
__device__ inline float largestOf(float x) {
#pragma unroll
  for (int distance = side / 2; distance; distance /= 2)
    x = fmaxf(x, __shfl_xor_sync(~0u, x, distance));
  return x;
}
__device__ inline float sumOf(float x) {
#pragma unroll
  for (int distance = side / 2; distance; distance /= 2)
    x += __shfl_xor_sync(~0u, x, distance);
  return x;
}

template <int W>
__global__ void __launch_bounds__(threads)
    exactForwardKernel(AttentionShape shape, Forward<float> x, const int2 *ranges) {
  constexpr int m = M<W>, rows = tileRows<W>;
  extern __shared__ __align__(16) unsigned char memory[];
  float *queryTile = reinterpret_cast<float *>(memory), *keyTile = queryTile + tileFloats<W>,
        *weightTile = keyTile + tileFloats<W>;

  const int head = int(blockIdx.x) % shape.heads, b = int(blockIdx.x) / shape.heads;
  const int start = int(gridDim.y - 1 - blockIdx.y) * rows;
  const int64_t firstToken = int64_t(b) * shape.seq;
  const int column = head * shape.dim, keyColumn = head / (shape.heads / shape.kvHeads) * shape.dim;
  const int32_t *segments = x.segments + firstToken;
  BlockWalk<true, rows, rows> walk(shape, ranges + int64_t(b) * ((shape.seq + rangeTokens - 1) / rangeTokens),
                                   start);

  Sums<W> output = {};
  float maximum[m], sum[m], factors[m];
  for (int i = 0; i < m; ++i) {
    maximum[i] = -INFINITY;
    sum[i] = 0;
  }
  loadTile<W>(queryTile, x.q.at(firstToken + start) + column, x.q.stride, shape.seq - start, shape.dim);
  for (; !walk.done(); walk.next()) {
    const int key = walk.start();
    __syncthreads(); // nobody reads the last step's values any more
    loadTile<W>(keyTile, x.k.at(firstToken + key) + keyColumn, x.k.stride, shape.seq - key, shape.dim);
    __syncthreads();
    float scores[m][m];
    multiplyRows<W>(scores, queryTile, keyTile);
#pragma unroll
    for (int i = 0; i < m; ++i) {
      const int query = start + threadY() * m + i;
      const int segment = segments[min(query, shape.seq - 1)];
      float high = maximum[i];
#pragma unroll
      for (int j = 0; j < m; ++j) {
        const int token = key + threadX() + side * j;
        const bool seen = sees(query, token, segment, segments[min(token, shape.seq - 1)], shape.window);
        scores[i][j] = seen ? scores[i][j] * shape.scale : -INFINITY;
        high = fmaxf(high, scores[i][j]);
      }
      high = largestOf(high);
      const float base = high == -INFINITY ? 0.0f : high;
      const float factor = expf(maximum[i] - base);
      maximum[i] = high;
      float part = 0;
#pragma unroll
      for (int j = 0; j < m; ++j) {
        scores[i][j] = expf(scores[i][j] - base);
        part += scores[i][j];
      }
      sum[i] = sum[i] * factor + part;
#pragma unroll
      for (int u = 0; u < W / 64; ++u)
#pragma unroll
        for (int e = 0; e < 4; ++e)
          output[i][u][e] *= factor;
    }
    storeWeights<W>(weightTile, scores);
    __syncthreads(); // nobody reads keys any more
    loadTile<W>(keyTile, x.v.at(firstToken + key) + keyColumn, x.v.stride, shape.seq - key, shape.dim);
    __syncthreads();
    multiplyColumns<W>(output, weightTile, keyTile);
  }

#pragma unroll
  for (int i = 0; i < m; ++i) {
    const int query = start + threadY() * m + i;
    const float total = sumOf(sum[i]);
    factors[i] = 1.0f / total;
    if (threadX() == 0 && query < shape.seq)
      x.lse[b * shape.lseRow + head * shape.lseHead + query] = maximum[i] + logf(total);
  }
  storeSums<W>(x.o.at(firstToken + start) + column, x.o.stride, output, factors, shape.seq - start,
               shape.dim);
}

template <int W>
void run(const peft_context_t &ctx, const AttentionShape &shape, const Forward<float> &x,
         const int2 *ranges) {
  const dim3 grid(unsigned(shape.batch * shape.heads), unsigned((shape.seq + tileRows<W> - 1) / tileRows<W>));
  launch(ctx, "attention", exactForwardKernel<W>, grid, threads,
         int(sizeof(float)) * (2 * tileFloats<W> + weightFloats<W>), shape, x, ranges);
}

} // namespace

void flashForward(const peft_context_t &ctx, const AttentionShape &shape, const Forward<float> &x,
                  const int2 *ranges) {
  if (shape.dim <= 64)
    run<64>(ctx, shape, x, ranges);
  else if (shape.dim <= 128)
    run<128>(ctx, shape, x, ranges);
  else if (shape.dim <= 256)
    run<256>(ctx, shape, x, ranges);
  else
    fail(ctx, "attention: head_dim " + std::to_string(shape.dim) + " is above 256");
}

} // namespace peft::rt::attention_detail
