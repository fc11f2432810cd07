//===- MemoryPlan.h - places for buffers from their lifetimes -------------===//
//
// A pure function from intervals to offsets: no IR, so that a pass may ask it what
// a choice would cost.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_ANALYSIS_MEMORYPLAN_H
#define PEFT_ANALYSIS_MEMORYPLAN_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>

namespace peft {

/// A buffer that holds something from its first writer to its last reader, both
/// included. Times are positions in the schedule.
struct Interval {
  uint64_t bytes;
  int64_t begin, end;
  uint64_t offset = 0; ///< the answer
};

inline constexpr uint64_t kAlignment = 64;

inline uint64_t alignUp(uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

/// Sets every offset such that intervals which overlap in time do not in space, and
/// returns the bytes that takes. Largest first, each at the lowest gap that fits
/// (as TensorFlow Lite's greedy-by-size planner, arXiv 2001.03288).
uint64_t planOffsets(llvm::MutableArrayRef<Interval> intervals);

/// The most bytes that live at one time: no plan needs less.
uint64_t peakBytes(llvm::ArrayRef<Interval> intervals, int64_t *when = nullptr);

} // namespace peft

#endif // PEFT_ANALYSIS_MEMORYPLAN_H
