//===- GroupCost.h - what one product for several saves and costs ---------===//
#ifndef PEFT_PASSES_FUSE_GROUPCOST_H
#define PEFT_PASSES_FUSE_GROUPCOST_H

#include "mlir/IR/BuiltinTypes.h"

#include <string>

namespace peft {

/// Of linears that read one x, as one product of which each is columns; bytes a step.
///
/// Each product that is no more spares two reads of x (its own and its weight's gradient's) and a pass over
/// dx, which is a read and a write. Columns cost where they lie less aligned than a matrix of their own: what
/// reads and writes them moves pieces of 16 bytes at most, and smaller ones as if there were so many more
/// bytes.
struct GroupCost {
  GroupCost(mlir::RankedTensorType x, llvm::ArrayRef<int64_t> widths);

  double saved = 0, cost = 0;
  int64_t alignment = 16; ///< of the least aligned columns, in bytes
  bool pays() const { return saved > cost; }
  /// "saves 1.50 MiB of passes over x and its gradient a step; costs nothing, its columns lie at multiples of
  /// 16 bytes".
  std::string why() const;
};

} // namespace peft

#endif // PEFT_PASSES_FUSE_GROUPCOST_H
