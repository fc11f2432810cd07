//===- attention_prepare.cu - what attention's kernels know beforehand ----===//
//
// Ranges of segments for the walk over blocks, the dot products that the gradient
// subtracts, and the sequences of packed rows for cuDNN. Small kernels: none of them reads
// more than dout and o once.
//
//===----------------------------------------------------------------------===//

#include "attention_blocks.h"
#include "copy_rows.h"

namespace peft::rt::attention_detail {
namespace {

/// One warp a range, of which a lane sees two tokens.
__global__ void rangeKernel(int2 *ranges, const int32_t *segments, int batch, int seq, int count) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x) / 32, lane = int(threadIdx.x) % 32;
  if (i >= batch * count)
    return;
  const int32_t *row = segments + int64_t(i / count) * seq;
  const int begin = i % count * rangeTokens, end = min(begin + rangeTokens, seq) - 1;
  const int a = row[min(begin + lane, end)], b = row[min(begin + lane + 32, end)];
  const int low = __reduce_min_sync(~0u, min(a, b)), high = __reduce_max_sync(~0u, max(a, b));
  if (lane == 0)
    ranges[i] = make_int2(low, high);
}

constexpr int dotThreads = 256, dotLanes = 16, dotTokens = dotThreads / dotLanes;

__device__ inline float dot8(const float *a, const float *b) {
  float sum = 0;
#pragma unroll
  for (int i = 0; i < 8; i += 4) {
    const float4 x = *reinterpret_cast<const float4 *>(a + i), y = *reinterpret_cast<const float4 *>(b + i);
    sum += x.x * y.x + x.y * y.y + x.z * y.z + x.w * y.w;
  }
  return sum;
}
__device__ inline float dot8(const bf16 *a, const bf16 *b) {
  const uint4 x = *reinterpret_cast<const uint4 *>(a), y = *reinterpret_cast<const uint4 *>(b);
  const uint32_t xs[4] = {x.x, x.y, x.z, x.w}, ys[4] = {y.x, y.y, y.z, y.w};
  float sum = 0;
#pragma unroll
  for (int i = 0; i < 4; ++i)
    sum += __uint_as_float(xs[i] << 16) * __uint_as_float(ys[i] << 16) +
           __uint_as_float(xs[i] & 0xffff0000u) * __uint_as_float(ys[i] & 0xffff0000u);
  return sum;
}

/// 16 lanes a token's head; the tokens of a block follow one another.
template <class T>
__global__ void __launch_bounds__(dotThreads) dotKernel(float *delta, Tokens<const T> dout, Tokens<const T> o,
                                                        int seq, int heads, int dim, bool aligned) {
  const int lane = int(threadIdx.x) % dotLanes,
            token = int(blockIdx.x) * dotTokens + int(threadIdx.x) / dotLanes;
  const int head = int(blockIdx.y) % heads, b = int(blockIdx.y) / heads;
  const int64_t row = int64_t(b) * seq + min(token, seq - 1);
  const T *first = dout.at(row) + head * dim, *second = o.at(row) + head * dim;
  float sum = 0;
  if (aligned) {
    for (int c = lane * 8; c < dim; c += dotLanes * 8)
      sum += dot8(first + c, second + c);
  } else {
    for (int c = lane; c < dim; c += dotLanes)
      sum += toFloat(first[c]) * toFloat(second[c]);
  }
#pragma unroll
  for (int distance = dotLanes / 2; distance; distance /= 2)
    sum += __shfl_xor_sync(~0u, sum, distance);
  if (lane == 0 && token < seq)
    delta[int64_t(blockIdx.y) * seq + token] = sum;
}

constexpr int scanThreads = 1024;

/// Two passes of one block over all tokens: threads take runs of them, count the sequences
/// that begin there, learn how many began before, and write them down.
__global__ void __launch_bounds__(scanThreads)
    sequenceKernel(RaggedOffsets offsets, const int32_t *segments, int tokens, int seq, int sequences) {
  __shared__ int warpCounts[scanThreads / 32];
  const int thread = int(threadIdx.x), lane = thread % 32, warp = thread / 32;
  const int share = (tokens + scanThreads - 1) / scanThreads;
  const int begin = min(thread * share, tokens), end = min(begin + share, tokens);
  auto starts = [&](int i) { return i % seq == 0 || segments[i] != segments[i - 1]; };
  int count = 0;
  for (int i = begin; i < end; ++i)
    count += starts(i);

  int upTo = count;
  for (int distance = 1; distance < 32; distance *= 2) {
    const int before = __shfl_up_sync(~0u, upTo, distance);
    upTo += lane >= distance ? before : 0;
  }
  if (lane == 31)
    warpCounts[warp] = upTo;
  __syncthreads();
  int total = 0, index = upTo - count;
  for (int w = 0; w < scanThreads / 32; ++w) {
    index += w < warp ? warpCounts[w] : 0;
    total += warpCounts[w];
  }

  auto write = [&](int i, int token) {
    offsets.token[i] = token;
    for (int s = 0; s < offsets.strides.count; ++s)
      offsets.element[s * (sequences + 1) + i] = token * offsets.strides.values[s];
  };
  for (int i = begin; i < end; ++i)
    if (starts(i) && index < sequences)
      write(index++, i);
  for (int i = min(total, sequences) + thread; i <= sequences; i += scanThreads)
    write(i, tokens);
  __syncthreads();
  for (int i = thread; i < sequences; i += scanThreads)
    offsets.length[i] = offsets.token[i + 1] - offsets.token[i];
}

} // namespace

void findRanges(const peft_context_t &ctx, const AttentionShape &shape, const int32_t *segments,
                int2 *ranges) {
  const int count = rangesOf(shape.seq), warps = 8;
  rangeKernel<<<unsigned((shape.batch * count + warps - 1) / warps), 32 * warps, 0, cudaOf(ctx).stream>>>(
      ranges, segments, shape.batch, shape.seq, count);
  checkLaunch(ctx, "ranges of segments");
}

template <class T>
void outputDots(const peft_context_t &ctx, const AttentionShape &shape, Tokens<const T> dout,
                Tokens<const T> o, float *delta) {
  const bool aligned = shape.dim % 8 == 0 && dout.isAligned() && o.isAligned();
  // A grid has 65535 rows at most.
  const int rows = 65535 / shape.heads;
  for (int first = 0; first < shape.batch; first += rows) {
    const int count = min(rows, shape.batch - first);
    dotKernel<T><<<dim3(unsigned((shape.seq + dotTokens - 1) / dotTokens), unsigned(count * shape.heads)),
                   dotThreads, 0, cudaOf(ctx).stream>>>(
        delta + int64_t(first) * shape.heads * shape.seq, dout.from(int64_t(first) * shape.seq),
        o.from(int64_t(first) * shape.seq), shape.seq, shape.heads, shape.dim, aligned);
  }
  checkLaunch(ctx, "dot products of attention_grad");
}
template void outputDots(const peft_context_t &, const AttentionShape &, Tokens<const float>,
                         Tokens<const float>, float *);
template void outputDots(const peft_context_t &, const AttentionShape &, Tokens<const bf16>,
                         Tokens<const bf16>, float *);

void findSequences(const peft_context_t &ctx, const AttentionShape &shape, const int32_t *segments,
                   int sequences, const RaggedOffsets &offsets) {
  sequenceKernel<<<1, scanThreads, 0, cudaOf(ctx).stream>>>(offsets, segments, shape.batch * shape.seq,
                                                            shape.seq, sequences);
  checkLaunch(ctx, "sequences of a packed batch");
}

namespace {
struct TokenCopy {
  Tokens<bf16> to;
  Tokens<const bf16> source;
  __device__ RowMove operator()(int64_t token) const { return {source.at(token), to.at(token)}; }
};
} // namespace

void copyTokens(const peft_context_t &ctx, Tokens<bf16> to, Tokens<const bf16> from, int64_t tokens,
                int64_t width) {
  copyRows(ctx, "attention_grad", tokens, width * int64_t(sizeof(bf16)), {to.data, from.data},
           TokenCopy{to, from});
}

} // namespace peft::rt::attention_detail
