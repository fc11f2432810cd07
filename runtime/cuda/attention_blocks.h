//===- attention_blocks.h - which blocks of tokens meet -------------------===//
//
// A block of threads takes some rows, queries or keys, and walks the blocks of the other
// side, its columns, that at least one of them may meet: by order, by the window, and by
// the ranges of their segments. Device code of the own attention kernels.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CUDA_ATTENTION_BLOCKS_H
#define PEFT_RUNTIME_CUDA_ATTENTION_BLOCKS_H

#include "attention_parts.h"
#include "check.h"

namespace peft::rt::attention_detail {

/// Whether a query sees a key. Window is seq at most, and keys beyond the sequence come after
/// every query, so that nothing else need be asked.
__device__ inline bool sees(int query, int key, int querySegment, int keySegment, int window) {
  return key <= query && query - key < window && querySegment == keySegment;
}

/// Columns [start(), start() + Columns) are met by rows [rowStart, rowStart + Rows). Rows that
/// are keys are met by the queries of every head of their group, one head after another.
template <bool rowsAreQueries, int Rows, int Columns> class BlockWalk {
public:
  /// `ranges`: of one row of the batch.
  __device__ BlockWalk(const AttentionShape &shape, const int2 *ranges, int rowStart)
      : ranges(ranges), seq(shape.seq), window(shape.window), rowStart(rowStart),
        heads(rowsAreQueries ? 1 : shape.heads / shape.kvHeads), own(rangeOf(rowStart, Rows)) {
    const int end = min(rowStart + Rows, seq);
    first = (rowsAreQueries ? max(rowStart - window + 1, 0) : rowStart) / Columns;
    last = (rowsAreQueries ? end - 1 : min(end - 1 + window, seq) - 1) / Columns;
    block = first - 1;
    next();
  }

  __device__ bool done() const { return headOfGroup >= heads; }
  __device__ int head() const { return headOfGroup; }
  __device__ int start() const { return block * Columns; }
  __device__ void next() {
    do {
      if (++block > last) {
        block = first;
        ++headOfGroup;
      }
    } while (!done() && !meet());
  }

  /// Whether every row meets every column, so that no pair need be looked at. Rows and columns
  /// beyond the sequence may be among them only where they are queries.
  __device__ bool full() const {
    const int query = rowsAreQueries ? rowStart : start(), queries = rowsAreQueries ? Rows : Columns;
    const int key = rowsAreQueries ? start() : rowStart, keys = rowsAreQueries ? Columns : Rows;
    const int2 other = rangeOf(start(), Columns);
    return key + keys - 1 <= query && query + queries - 1 - key < window && own.x == own.y &&
           other.x == own.x && other.y == own.x;
  }

private:
  __device__ int2 rangeOf(int token, int tokens) const {
    int2 result = ranges[token / rangeTokens];
    for (int i = token / rangeTokens + 1; i <= (min(token + tokens, seq) - 1) / rangeTokens; ++i) {
      const int2 range = ranges[i];
      result.x = min(result.x, range.x);
      result.y = max(result.y, range.y);
    }
    return result;
  }
  __device__ bool meet() const {
    const int2 other = rangeOf(start(), Columns);
    return own.x <= other.y && other.x <= own.y;
  }

  const int2 *ranges;
  int seq, window, rowStart, heads;
  int2 own;
  int first, last, block, headOfGroup = 0;
};

/// Launches with more shared memory than is given unasked.
template <class... Parameters, class... Arguments>
void launch(const peft_context_t &ctx, const char *name, void (*kernel)(Parameters...), dim3 grid,
            int threads, int sharedBytes, const Arguments &...arguments) {
  if (!check(ctx, cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, sharedBytes),
             name))
    return;
  kernel<<<grid, threads, size_t(sharedBytes), cudaOf(ctx).stream>>>(arguments...);
  checkLaunch(ctx, name);
}

} // namespace peft::rt::attention_detail

#endif // PEFT_RUNTIME_CUDA_ATTENTION_BLOCKS_H
