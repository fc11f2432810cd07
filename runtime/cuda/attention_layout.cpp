//===- attention_layout.cpp - layouts of batches, workspace of attention --===//

#include "attention.h"

#include <algorithm>
#include <unordered_set>

namespace peft::rt {
namespace {

constexpr int64_t shortestBound = 128;

int64_t powerOfTwo(int64_t atLeast) {
  int64_t result = 1;
  while (result < atLeast)
    result *= 2;
  return result;
}

/// What one row adds to what is known of a batch.
struct Runs {
  bool recurs = false, dense = true;
  int64_t count = 0, longest = 0;

  void addRow(const int32_t *row, int64_t seq) {
    std::unordered_set<int32_t> seen;
    int64_t runs = 0;
    for (int64_t begin = 0, end; begin < seq; begin = end, ++runs) {
      end = std::find_if(row + begin, row + seq, [&](int32_t x) { return x != row[begin]; }) - row;
      recurs |= !seen.insert(row[begin]).second;
      longest = std::max(longest, end - begin);
      dense &= runs == 0 || (runs == 1 && row[begin] == 0);
    }
    count += runs;
  }
};

} // namespace

AttentionLayout layoutOf(const int32_t *segments, int64_t batch, int64_t seq) {
  Runs runs;
  for (int64_t b = 0; b < batch; ++b)
    runs.addRow(segments + b * seq, seq);
  AttentionLayout layout;
  if (runs.dense) {
    layout.kind = AttentionLayout::dense;
  } else if (!runs.recurs) {
    layout.kind = AttentionLayout::packed;
    layout.sequences = int32_t(powerOfTwo(runs.count));
    layout.longest = int32_t(powerOfTwo(std::max(runs.longest, shortestBound)));
  }
  return layout;
}

} // namespace peft::rt
