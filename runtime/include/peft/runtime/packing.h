//===- packing.h - which documents share a row ----------------------------===//
//
// A row of a batch holds `capacity` tokens. Packing puts several whole documents in
// one row; documents that are longer were truncated before. The number of rows
// depends on the lengths alone, never on their order, so that every epoch has equally
// many steps. Free functions without state.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_PACKING_H
#define PEFT_RUNTIME_PACKING_H

#include <cstdint>
#include <vector>

namespace peft {

/// Rows of document numbers.
struct RowPlan {
  std::vector<int32_t> documents;
  std::vector<int64_t> starts = {0}; ///< row r is documents[starts[r] .. starts[r + 1])

  int64_t rows() const { return int64_t(starts.size()) - 1; }
};

/// Best fit decreasing: the longest document first, each into the fullest row that
/// still has room. Documents of equal length are taken in the order of `order`.
/// REQUIRES: 0 < lengths[d] <= capacity for every d of `order`
RowPlan packBestFit(const std::vector<int32_t> &lengths, const std::vector<int32_t> &order, int32_t capacity);

/// One document a row, in the order of `order`.
RowPlan packNothing(const std::vector<int32_t> &order);

} // namespace peft

#endif // PEFT_RUNTIME_PACKING_H
