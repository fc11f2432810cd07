//===- BorderCost.h - what a border of a weight saves and costs -----------===//
#ifndef PEFT_PASSES_FUSE_BORDERCOST_H
#define PEFT_PASSES_FUSE_BORDERCOST_H

#include "mlir/IR/BuiltinTypes.h"

#include <string>

namespace peft {

/// Columns that a border of `rank` adapter columns takes: whole steps of a product's depth on a GPU, which
/// runs them all anyway and is slower where it has to look at the end. Zeros fill what is left.
int64_t borderWidth(int64_t rank);

/// Of y = x Wᵀ + s Bᵀ as one product and dx = dy W + ds A as another, beside two products each, of which the
/// first writes y (dx) and the second reads and writes it; in seconds of an H200, on which both were measured
/// (docs/performance.md).
struct BorderCost {
  BorderCost(mlir::RankedTensorType x, mlir::RankedTensorType y, int64_t rank);

  double saved = 0; ///< two passes over y and dx less
  double cost = 0;  ///< both products deeper by borderWidth
  bool pays() const { return saved > cost; }
  /// "saves 0.20 ms of passes over its result and its gradient; costs 0.05 ms, as its sums are 64 longer".
  std::string why() const;

private:
  int64_t width;
};

} // namespace peft

#endif // PEFT_PASSES_FUSE_BORDERCOST_H
