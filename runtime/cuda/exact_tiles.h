//===- exact_tiles.h - products of float tiles, without tensor cores ------===//
//
// 256 threads as 16 x 16: thread (y, x) has rows y * M + i of a tile of 16 M rows, and columns
// x + 16 j of a product over W, or x * 4 + 64 u + {0..3} of one that is W wide. Rows of a tile
// are 4 floats longer than W, so that a warp's 16-byte reads lie in different banks.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CUDA_EXACT_TILES_H
#define PEFT_RUNTIME_CUDA_EXACT_TILES_H

#include <cuda_runtime.h>

#include <cstdint>

namespace peft::rt::exact {

constexpr int side = 16, threads = side * side;

/// W is 64, 128 or 256; wide heads take fewer rows, so that five tiles stay below 96 KiB.
template <int W> constexpr int M = W == 64 ? 4 : W == 128 ? 2 : 1;
template <int W> constexpr int tileRows = side *M<W>;
template <int W> constexpr int tileStride = W + 4;
template <int W> constexpr int tileFloats = tileRows<W> *tileStride<W>;
/// A square tile of weights.
template <int W> constexpr int weightStride = tileRows<W> + 4;
template <int W> constexpr int weightFloats = tileRows<W> *weightStride<W>;

__device__ inline int threadX() { return int(threadIdx.x) % side; }
__device__ inline int threadY() { return int(threadIdx.x) / side; }

/// tile = the first `rows` rows and `cols` columns at `from`, zeros around them.
template <int W>
__device__ inline void loadTile(float *tile, const float *from, int64_t stride, int rows, int cols) {
  for (int i = int(threadIdx.x); i < tileRows<W> * W; i += threads) {
    const int row = i / W, col = i % W;
    tile[row * tileStride<W> + col] = row < rows && col < cols ? from[row * stride + col] : 0.0f;
  }
}

/// c = a b^T over W columns.
template <int W> __device__ inline void multiplyRows(float (&c)[M<W>][M<W>], const float *a, const float *b) {
  constexpr int m = M<W>;
#pragma unroll
  for (int i = 0; i < m; ++i)
#pragma unroll
    for (int j = 0; j < m; ++j)
      c[i][j] = 0;
#pragma unroll 4
  for (int k = 0; k < W; k += 4) {
    float4 rows[m], columns[m];
#pragma unroll
    for (int i = 0; i < m; ++i) {
      rows[i] = *reinterpret_cast<const float4 *>(a + (threadY() * m + i) * tileStride<W> + k);
      columns[i] = *reinterpret_cast<const float4 *>(b + (threadX() + side * i) * tileStride<W> + k);
    }
#pragma unroll
    for (int i = 0; i < m; ++i)
#pragma unroll
      for (int j = 0; j < m; ++j) {
        c[i][j] = fmaf(rows[i].x, columns[j].x, c[i][j]);
        c[i][j] = fmaf(rows[i].y, columns[j].y, c[i][j]);
        c[i][j] = fmaf(rows[i].z, columns[j].z, c[i][j]);
        c[i][j] = fmaf(rows[i].w, columns[j].w, c[i][j]);
      }
  }
}

template <int W> __device__ inline void storeWeights(float *tile, const float (&c)[M<W>][M<W>]) {
#pragma unroll
  for (int i = 0; i < M<W>; ++i)
#pragma unroll
    for (int j = 0; j < M<W>; ++j)
      tile[(threadY() * M<W> + i) * weightStride<W> + threadX() + side * j] = c[i][j];
}

/// The W columns of a thread's rows.
template <int W> using Sums = float[M<W>][W / 64][4];

/// c += weights b.
template <int W> __device__ inline void multiplyColumns(Sums<W> &c, const float *weights, const float *b) {
  constexpr int m = M<W>;
#pragma unroll 4
  for (int k = 0; k < tileRows<W>; ++k) {
    float weight[m];
#pragma unroll
    for (int i = 0; i < m; ++i)
      weight[i] = weights[(threadY() * m + i) * weightStride<W> + k];
#pragma unroll
    for (int u = 0; u < W / 64; ++u) {
      const float4 row = *reinterpret_cast<const float4 *>(b + k * tileStride<W> + 64 * u + threadX() * 4);
#pragma unroll
      for (int i = 0; i < m; ++i) {
        c[i][u][0] = fmaf(weight[i], row.x, c[i][u][0]);
        c[i][u][1] = fmaf(weight[i], row.y, c[i][u][1]);
        c[i][u][2] = fmaf(weight[i], row.z, c[i][u][2]);
        c[i][u][3] = fmaf(weight[i], row.w, c[i][u][3]);
      }
    }
  }
}

/// The first `rows` rows and `cols` columns at `to` = c, row i times factor[i].
template <int W>
__device__ inline void storeSums(float *to, int64_t stride, const Sums<W> &c, const float (&factor)[M<W>],
                                 int rows, int cols) {
#pragma unroll
  for (int i = 0; i < M<W>; ++i)
#pragma unroll
    for (int u = 0; u < W / 64; ++u)
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int row = threadY() * M<W> + i, col = 64 * u + threadX() * 4 + e;
        if (row < rows && col < cols)
          to[row * stride + col] = c[i][u][e] * factor[i];
      }
}

} // namespace peft::rt::exact

#endif // PEFT_RUNTIME_CUDA_EXACT_TILES_H
