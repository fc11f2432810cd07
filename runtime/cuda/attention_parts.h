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
  PEFT_HD int64_t queryRow() const { return int64_t(seq) * heads * dim; } ///< elements of a row of the batch
  PEFT_HD int64_t keyRow() const { return int64_t(seq) * kvHeads * dim; }
};

template <class T> struct Forward {
  T *o;
  float *lse;
  const T *q, *k, *v;
  const int32_t *segments;
};

template <class T> struct Backward {
  T *dq, *dk, *dv;
  const T *dout, *q, *k, *v, *o;
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
void outputDots(const peft_context_t &, const AttentionShape &, const T *dout, const T *o, float *delta);

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

/// Where the sequences of a packed batch begin, for cuDNN: int32, device memory. What lies
/// beyond the last sequence is empty, at the end of the tensors.
struct RaggedOffsets {
  int32_t *query;  ///< [sequences + 1], elements of q, o
  int32_t *key;    ///< [sequences + 1], elements of k, v
  int32_t *lse;    ///< [sequences + 1], tokens
  int32_t *length; ///< [sequences], tokens
  static int64_t bytes(int sequences) { return (4 * int64_t(sequences) + 3) * 4; }
  RaggedOffsets(char *memory, int sequences) {
    query = reinterpret_cast<int32_t *>(memory);
    key = query + sequences + 1;
    lse = key + sequences + 1;
    length = lse + sequences + 1;
  }
};
void findSequences(const peft_context_t &, const AttentionShape &, const int32_t *segments, int sequences,
                   const RaggedOffsets &);

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
