//===- mma.h - tensor cores and asynchronous copies, sm_80 and later ------===//
//
// Tiles are rows of bf16 in shared memory, W columns and 8 more, so that the eight rows
// that ldmatrix reads at once lie in different banks. W is a multiple of 16.
//
// A fragment of a result, 16 rows x 8 columns of float, is four values a lane: rows
// lane / 4 (0, 1) and lane / 4 + 8 (2, 3), columns lane % 4 * 2 + {0, 1}.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CUDA_MMA_H
#define PEFT_RUNTIME_CUDA_MMA_H

#include "peft/runtime/cuda/vector.h"

#include <cuda_runtime.h>

namespace peft::rt::tensor_cores {

template <int W> constexpr int tileStride = W + 8;

using detail::packBf16;

__device__ inline uint32_t sharedAddress(const void *pointer) {
  return uint32_t(__cvta_generic_to_shared(pointer));
}

/// c [16 x 8] += a [16 x 16] b [16 x 8].
__device__ inline void multiply(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
               "{%0,%1,%2,%3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// Four 8 x 8 matrices; lane 8 i + j gives the address of row j of matrix i.
__device__ inline void loadMatrices(uint32_t (&to)[4], const bf16 *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(sharedAddress(row))
               : "memory");
}
__device__ inline void loadMatricesTransposed(uint32_t (&to)[4], const bf16 *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(sharedAddress(row))
               : "memory");
}

/// Copies to shared memory, zeros where not `present`. Done after waitForCopies and a barrier.
__device__ inline void copy16(void *to, const void *from, bool present) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(sharedAddress(to)), "l"(from),
               "r"(present ? 16 : 0)
               : "memory");
}
__device__ inline void copy4(void *to, const void *from, bool present) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(sharedAddress(to)), "l"(from),
               "r"(present ? 4 : 0)
               : "memory");
}
/// Ends a group of copies; later, all but the last `Pending` groups are done.
__device__ inline void endCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int Pending> __device__ inline void waitForGroups() {
  asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
}
__device__ inline void waitForCopies() { asm volatile("cp.async.wait_all;" ::: "memory"); }

/// tile [Rows x W] = the first `rows` rows and `cols` columns at `from`, `stride` elements
/// apart, zeros around them. By all `Threads`. `aligned`: rows begin at multiples of 16
/// bytes and cols is a multiple of 8.
template <int W, int Rows, int Threads>
__device__ inline void loadTile(bf16 *tile, const bf16 *from, int64_t stride, int rows, int cols,
                                bool aligned) {
  constexpr int chunks = W / 8;
  static_assert(Rows * chunks % Threads == 0, "every thread copies as much");
#pragma unroll 2
  for (int part = 0; part < Rows * chunks / Threads; ++part) {
    const int i = part * Threads + int(threadIdx.x), row = i / chunks, col = i % chunks * 8;
    bf16 *to = tile + row * tileStride<W> + col;
    const bool present = row < rows && col < cols;
    const bf16 *source = present ? from + row * stride + col : from;
    if (aligned) {
      copy16(to, source, present);
    } else {
      for (int e = 0; e < 8; ++e)
        to[e] = present && col + e < cols ? source[e] : bf16{0};
    }
  }
}

/// The reverse, of a warp's `Rows` rows.
template <int W, int Rows>
__device__ inline void storeRows(bf16 *to, int64_t stride, const bf16 *tile, int rows, int cols,
                                 bool aligned) {
  constexpr int chunks = W / 8;
  for (int i = int(threadIdx.x) % 32; i < Rows * chunks; i += 32) {
    const int row = i / chunks, col = i % chunks * 8;
    if (row >= rows || col >= cols)
      continue;
    const bf16 *source = tile + row * tileStride<W> + col;
    bf16 *target = to + row * stride + col;
    if (aligned) {
      *reinterpret_cast<uint4 *>(target) = *reinterpret_cast<const uint4 *>(source);
    } else {
      for (int e = 0; e < 8 && col + e < cols; ++e)
        target[e] = source[e];
    }
  }
}

/// c [16 R x N] += a b^T over W columns; a and b are tiles of 16 R and N rows.
template <int W, int R, int N>
__device__ inline void multiplyRows(float (&c)[R][N / 8][4], const bf16 *a, const bf16 *b) {
  const int lane = int(threadIdx.x) % 32;
  const bf16 *aRow = a + lane % 16 * tileStride<W> + lane / 16 * 8;
  const bf16 *bRow = b + (lane % 8 + lane / 16 * 8) * tileStride<W> + lane / 8 % 2 * 8;
#pragma unroll
  for (int k = 0; k < W; k += 16) {
    uint32_t rows[R][4];
#pragma unroll
    for (int r = 0; r < R; ++r)
      loadMatrices(rows[r], aRow + r * 16 * tileStride<W> + k);
#pragma unroll
    for (int n = 0; n < N / 16; ++n) {
      uint32_t columns[4];
      loadMatrices(columns, bRow + n * 16 * tileStride<W> + k);
#pragma unroll
      for (int r = 0; r < R; ++r) {
        multiply(c[r][2 * n], rows[r], columns[0], columns[1]);
        multiply(c[r][2 * n + 1], rows[r], columns[2], columns[3]);
      }
    }
  }
}

/// c [16 R x W] += a b; a [16 R x K] in registers, b a tile of K rows.
template <int W, int R, int K>
__device__ inline void multiplyColumns(float (&c)[R][W / 8][4], const uint32_t (&a)[R][K / 16][4],
                                       const bf16 *b) {
  const int lane = int(threadIdx.x) % 32;
  const bf16 *bRow = b + lane % 16 * tileStride<W> + lane / 16 * 8;
#pragma unroll
  for (int k = 0; k < K / 16; ++k)
#pragma unroll
    for (int n = 0; n < W / 16; ++n) {
      uint32_t columns[4];
      loadMatricesTransposed(columns, bRow + k * 16 * tileStride<W> + n * 16);
#pragma unroll
      for (int r = 0; r < R; ++r) {
        multiply(c[r][2 * n], a[r][k], columns[0], columns[1]);
        multiply(c[r][2 * n + 1], a[r][k], columns[2], columns[3]);
      }
    }
}

/// Results as operands of multiplyColumns: their columns become its K.
template <int R, int N>
__device__ inline void packAll(uint32_t (&to)[R][N / 16][4], const float (&c)[R][N / 8][4]) {
#pragma unroll
  for (int r = 0; r < R; ++r)
#pragma unroll
    for (int k = 0; k < N / 16; ++k)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        to[r][k][2 * half] = packBf16(c[r][2 * k + half][0], c[r][2 * k + half][1]);
        to[r][k][2 * half + 1] = packBf16(c[r][2 * k + half][2], c[r][2 * k + half][3]);
      }
}

} // namespace peft::rt::tensor_cores

#endif // PEFT_RUNTIME_CUDA_MMA_H
