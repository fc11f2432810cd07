//===- MemoryPlan.cpp - places for buffers from their lifetimes -----------===//

#include "peft/Analysis/MemoryPlan.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <map>

using namespace peft;

uint64_t peft::planOffsets(llvm::MutableArrayRef<Interval> intervals) {
  llvm::SmallVector<Interval *> order;
  for (Interval &interval : intervals)
    order.push_back(&interval);
  llvm::stable_sort(order, [](Interval *a, Interval *b) { return a->bytes > b->bytes; });

  llvm::SmallVector<Interval *> placed; // by offset
  uint64_t total = 0;
  for (Interval *interval : order) {
    uint64_t offset = 0, bytes = alignUp(interval->bytes);
    for (Interval *other : placed) {
      bool together = other->begin <= interval->end && interval->begin <= other->end;
      if (!together)
        continue;
      if (offset + bytes <= other->offset)
        break; // the gap before `other` fits
      offset = std::max(offset, other->offset + alignUp(other->bytes));
    }
    interval->offset = offset;
    total = std::max(total, offset + bytes);
    placed.insert(
        llvm::upper_bound(placed, interval, [](Interval *a, Interval *b) { return a->offset < b->offset; }),
        interval);
  }
  return total;
}

uint64_t peft::peakBytes(llvm::ArrayRef<Interval> intervals, int64_t *when) {
  std::map<int64_t, int64_t> changes;
  for (const Interval &interval : intervals) {
    changes[interval.begin] += int64_t(alignUp(interval.bytes));
    changes[interval.end + 1] -= int64_t(alignUp(interval.bytes));
  }
  int64_t live = 0, peak = 0;
  for (auto [time, change] : changes) {
    live += change;
    if (live > peak) {
      peak = live;
      if (when)
        *when = time;
    }
  }
  return uint64_t(peak);
}
