//===- attention.h - what a batch's segments allow attention to do --------===//
//
// cuDNN's attention knows causal masks and windows, but no segments: it takes rows that
// are one sequence each (dense), or a list of sequences that lie one after another
// (packed). What a batch is must be known before its step is enqueued, since a captured
// graph can't branch on device memory. So the host looks at the segments that it made:
//
//   cudaOf(ctx).attention = layoutOf(segments, batch, seq);   // part of the graph's key
//
// The default, general, is always right: own kernels, which read segments on the device.
// Padding at the end of a dense batch's rows is taken for more of their segment: it gets
// finite values of no meaning, and its rows of `dout` must be 0, as they are where labels
// of padding are ignored. A packed batch keeps lse as [heads, batch, seq].
//
// Host code, no thread rule.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CUDA_ATTENTION_H
#define PEFT_RUNTIME_CUDA_ATTENTION_H

#include "peft/runtime/workspace.h"

namespace peft::rt {

struct AttentionLayout {
  enum Kind : int32_t {
    general, ///< anything
    dense,   ///< each row is one segment, then perhaps padding (0) to its end
    packed   ///< no segment of a row, padding included, stands in two places
  };
  Kind kind = general;
  // packed; both powers of two, so that few batches differ:
  int32_t sequences = 0; ///< no fewer than the batch's runs of equal segments
  int32_t longest = 0;   ///< no fewer than the tokens of any of them; 128 or more

  /// Equal for equal layouts: to be mixed into a graph's key.
  uint64_t key() const { return uint64_t(longest) << 34 | uint64_t(sequences) << 2 | uint64_t(kind); }
};

/// Takes cuDNN into use, if it is there: what it allocates at first is none of a program's memory.
void openAttention();

/// segments [batch, seq], in host memory.
AttentionLayout layoutOf(const int32_t *segments, int64_t batch, int64_t seq);

/// What cuDNN wants for a batch of a layout (workspace.h).
inline uint64_t attentionWorkspace(const AttentionSizes &sizes, const AttentionLayout &layout,
                                   bool deterministic) {
  const bool packed = layout.kind == AttentionLayout::packed;
  return attentionWorkspace(sizes, deterministic, packed ? layout.sequences : 0, layout.longest);
}

} // namespace peft::rt

#endif // PEFT_RUNTIME_CUDA_ATTENTION_H
