//===- attention_parts.h - the pieces of CUDA attention -------------------===//
//
// attention.cpp chooses between cuDNN and the own kernels and hands them these operands.
// Everything is enqueued on the context's stream.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CUDA_ATTENTION_PARTS_H
#define PEFT_RUNTIME_CUDA_ATTENTION_PARTS_H

#include "context.h"
#include "peft/runtime/tensor.h"

namespace peft::rt::attention_detail {

struct AttentionShape {
  int batch, seq, heads, kvHeads, dim;
  int window;              ///< 1 to seq; seq hides nothing
  float scale;             ///< above 0
  int64_t lseRow, lseHead; ///< floats of lse from one row of the batch, one head, to the next
  int group() const { return heads / kvHeads; }
};

/// The heads of a token behind one another, and tokens `stride` elements apart: they may be columns of a
/// wider tensor.
template <class T> struct Tokens {
  T *data;
  int64_t stride;
  /// The token's first head.
  PEFT_HD T *at(int64_t token) const { return data + token * stride; }
  /// From that token on.
  Tokens from(int64_t token) const { return {at(token), stride}; }
  operator Tokens<const T>() const { return {data, stride}; }
  /// Whether every token begins at a multiple of 16 bytes.
  bool isAligned() const {
    return reinterpret_cast<uintptr_t>(data) % 16 == 0 && stride * int64_t(sizeof(T)) % 16 == 0;
  }
};
template <class T> Tokens<T> tokensOf(const Tensor<T> &x) { return {x.data, x.rowStride()}; }

template <class T> struct Forward {
  Tokens<T> o;
  float *lse;
  Tokens<const T> q, k, v;
  const int32_t *segments;
};

template <class T> struct Backward {
  Tokens<T> dq, dk, dv;
  Tokens<const T> dout, q, k, v, o;
  const float *lse;
  const int32_t *segments;
};

/// Tokens that share one entry of `ranges`.
constexpr int rangeTokens = 64;
inline int rangesOf(int seq) { return (seq + rangeTokens - 1) / rangeTokens; }

/// ranges [batch][rangesOf(seq)] = the smallest and the largest segment of each block of tokens.
void findRanges(const peft_context_t &, const AttentionShape &, const int32_t *segments, int2 *ranges);

/// delta [batch, heads, seq] = the sum over a head of dout * o.
template <class T>
void outputDots(const peft_context_t &, const AttentionShape &, Tokens<const T> dout, Tokens<const T> o,
                float *delta);

/// Own kernels: everything the interface allows, the same bits in every run.
void flashForward(const peft_context_t &, const AttentionShape &, const Forward<bf16> &, const int2 *ranges);
void flashForward(const peft_context_t &, const AttentionShape &, const Forward<float> &, const int2 *ranges);
void flashBackward(const peft_context_t &, const AttentionShape &, const Backward<bf16> &, const int2 *ranges,
                   const float *delta);
void flashBackward(const peft_context_t &, const AttentionShape &, const Backward<float> &,
                   const int2 *ranges, const float *delta);

/// The same through cuDNN, of a batch of the layout cudaOf(ctx).attention; false, with nothing enqueued,
/// where it does not take the shape, its workspace is larger than the context's, or the runtime
/// was built without it.
bool cudnnForward(const peft_context_t &, const AttentionShape &, const Forward<bf16> &);
bool cudnnBackward(const peft_context_t &, const AttentionShape &, const Backward<bf16> &);
/// Why the last of them returned false.
const std::string &cudnnRefusal();

/// The different strides of an attention's tensors.
struct Strides {
  int count = 0;
  int32_t values[8];
  /// Its number; it may be new.
  int indexOf(int64_t stride) {
    int i = 0;
    while (i < count && values[i] != stride)
      ++i;
    if (i == count)
      values[count++] = int32_t(stride);
    return i;
  }
};

/// Where the sequences of a packed batch begin, for cuDNN: int32, device memory. What lies
/// beyond the last sequence is empty, at the end of the tensors.
struct RaggedOffsets {
  int32_t *token;   ///< [sequences + 1], tokens
  int32_t *length;  ///< [sequences], tokens
  int32_t *element; ///< [strides.count][sequences + 1], elements of tensors whose tokens are a stride apart
  Strides strides;
  static int64_t bytes(int sequences, const Strides &strides) {
    return ((2 + strides.count) * int64_t(sequences + 1) - 1) * 4;
  }
  RaggedOffsets(char *memory, int sequences, const Strides &strides) : strides(strides) {
    token = reinterpret_cast<int32_t *>(memory);
    length = token + sequences + 1;
    element = length + sequences;
  }
};
void findSequences(const peft_context_t &, const AttentionShape &, const int32_t *segments, int sequences,
                   const RaggedOffsets &);

/// to = from, `tokens` of them with `width` elements each. REQUIRES: all begin at multiples of 16 bytes.
void copyTokens(const peft_context_t &, Tokens<bf16> to, Tokens<const bf16> from, int64_t tokens,
                int64_t width);

/// Operands and lse of a shape, as the kernels and the layout want them.
template <class T>
AttentionShape shapeOf(const peft_context_t &ctx, const Tensor<const T> &q, const Tensor<const T> &k,
                       const Tensor<const int32_t> &segments, int64_t dim, float scale, int64_t window) {
  AttentionShape shape{};
  shape.batch = int(segments.rows());
  shape.seq = int(segments.cols());
  shape.heads = int(q.cols() / dim);
  shape.kvHeads = int(k.cols() / dim);
  shape.dim = int(dim);
  shape.window = window > 0 && window < shape.seq ? int(window) : shape.seq;
  shape.scale = scale;
  // cuDNN wants the tokens of a packed batch side by side: [heads, batch * seq] then.
  const bool packed = cudaOf(ctx).attention.kind == AttentionLayout::packed;
  shape.lseHead = packed ? int64_t(shape.batch) * shape.seq : shape.seq;
  shape.lseRow = packed ? shape.seq : int64_t(shape.heads) * shape.seq;
  return shape;
}

} // namespace peft::rt::attention_detail

#endif // PEFT_RUNTIME_CUDA_ATTENTION_PARTS_H
