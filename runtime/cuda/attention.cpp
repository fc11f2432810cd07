//===- attention.cpp - attention and its gradient on CUDA -----------------===//
//
// bf16 goes to cuDNN where it takes the batch and its workspace fits, all else to the own
// kernels. Both keep lse in one layout, so that the passes choose on their own: a forward
// pass by cuDNN may be followed by an own backward pass. [batch, heads, seq], or, for
// packed batches, [heads, batch, seq].
//
//===----------------------------------------------------------------------===//

#include "attention_parts.h"
#include "check.h"
#include "peft/runtime/kernels.h"

#include <algorithm>

namespace peft::rt {
using namespace attention_detail;

namespace {

uint64_t roundUp(uint64_t value) { return (value + 255) / 256 * 256; }

uint64_t rangeBytes(const AttentionShape &shape, int rows) {
  return roundUp(uint64_t(rows) * rangesOf(shape.seq) * sizeof(int2));
}

/// Calls `part` with a shape of fewer rows, the first of them, and the workspace of its
/// ranges and of `floats` a row.
template <class Part>
void inSlices(const peft_context_t &ctx, const AttentionShape &shape, uint64_t floats, Part part) {
  const CudaContext &cuda = cudaOf(ctx);
  const uint64_t row = rangeBytes(shape, 1) + roundUp(4 * floats);
  const int rows = int(std::min<uint64_t>(shape.batch, cuda.workspaceBytes / row));
  if (rows == 0)
    return fail(ctx, "attention: a row of " + std::to_string(shape.seq) + " tokens and " +
                         std::to_string(shape.heads) + " heads needs " + std::to_string(row) +
                         " bytes of workspace, there are " + std::to_string(cuda.workspaceBytes));
  for (int first = 0; first < shape.batch; first += rows) {
    AttentionShape slice = shape;
    slice.batch = std::min(rows, shape.batch - first);
    char *memory = cuda.workspace;
    part(slice, first, reinterpret_cast<int2 *>(memory),
         reinterpret_cast<float *>(memory + rangeBytes(shape, rows)));
  }
}

template <class T>
void ownForward(const peft_context_t &ctx, const AttentionShape &shape, const Forward<T> &x) {
  inSlices(ctx, shape, 0, [&](const AttentionShape &slice, int first, int2 *ranges, float *) {
    const int64_t token = int64_t(first) * shape.seq;
    const int32_t *segments = x.segments + token;
    findRanges(ctx, slice, segments, ranges);
    flashForward(ctx, slice,
                 Forward<T>{x.o.from(token), x.lse + first * shape.lseRow, x.q.from(token), x.k.from(token),
                            x.v.from(token), segments},
                 ranges);
  });
}

template <class T>
void ownBackward(const peft_context_t &ctx, const AttentionShape &shape, const Backward<T> &x) {
  const uint64_t floats = uint64_t(shape.heads) * shape.seq;
  inSlices(ctx, shape, floats, [&](const AttentionShape &slice, int first, int2 *ranges, float *delta) {
    const int64_t token = int64_t(first) * shape.seq;
    const Backward<T> part{x.dq.from(token),   x.dk.from(token), x.dv.from(token),
                           x.dout.from(token), x.q.from(token),  x.k.from(token),
                           x.v.from(token),    x.o.from(token),  x.lse + first * shape.lseRow,
                           x.segments + token};
    findRanges(ctx, slice, part.segments, ranges);
    outputDots(ctx, slice, part.dout, part.o, delta);
    flashBackward(ctx, slice, part, ranges, delta);
  });
}

bool throughCudnn(const peft_context_t &ctx, const AttentionShape &shape, const Forward<bf16> &x) {
  return cudnnForward(ctx, shape, x);
}
bool throughCudnn(const peft_context_t &ctx, const AttentionShape &shape, const Backward<bf16> &x) {
  return cudnnBackward(ctx, shape, x);
}
template <class Operands>
bool throughCudnn(const peft_context_t &, const AttentionShape &, const Operands &) {
  return false; // float is exact here
}

} // namespace

template <class T>
void attention(const Context &ctx, Tensor<T> o, Tensor<float> lse, Tensor<const T> q, Tensor<const T> k,
               Tensor<const T> v, Tensor<const int32_t> segments, int64_t dim, float scale, int64_t window) {
  if (segments.size() == 0)
    return;
  const AttentionShape shape = shapeOf(ctx, q, k, segments, dim, scale, window);
  const Forward<T> x{tokensOf(o), lse.data, tokensOf(q), tokensOf(k), tokensOf(v), segments.data};
  if (!throughCudnn(ctx, shape, x))
    ownForward(ctx, shape, x);
}

template <class T>
void attention_grad(const Context &ctx, Tensor<T> dq, Tensor<T> dk, Tensor<T> dv, Tensor<const T> dout,
                    Tensor<const T> q, Tensor<const T> k, Tensor<const T> v, Tensor<const T> o,
                    Tensor<const float> lse, Tensor<const int32_t> segments, int64_t dim, float scale,
                    int64_t window) {
  if (segments.size() == 0)
    return;
  const AttentionShape shape = shapeOf(ctx, q, k, segments, dim, scale, window);
  const Backward<T> x{tokensOf(dq), tokensOf(dk), tokensOf(dv), tokensOf(dout), tokensOf(q),
                      tokensOf(k),  tokensOf(v),  tokensOf(o),  lse.data,       segments.data};
  if (!throughCudnn(ctx, shape, x))
    ownBackward(ctx, shape, x);
}

#define INSTANTIATE(T)                                                                                       \
  template void attention(const Context &, Tensor<T>, Tensor<float>, Tensor<const T>, Tensor<const T>,       \
                          Tensor<const T>, Tensor<const int32_t>, int64_t, float, int64_t);                  \
  template void attention_grad(const Context &, Tensor<T>, Tensor<T>, Tensor<T>, Tensor<const T>,            \
                               Tensor<const T>, Tensor<const T>, Tensor<const T>, Tensor<const T>,           \
                               Tensor<const float>, Tensor<const int32_t>, int64_t, float, int64_t);
INSTANTIATE(float)
INSTANTIATE(bf16)
#undef INSTANTIATE

} // namespace peft::rt
