//===- StepParts.h - the forward and the backward part of a fused step ----===//
//
// Assumes @micro_step after peft-fuse. The op marked train.backward begins the backward
// part; where that is inside of a chunked head, head and loss belong to neither part: they
// are not computed twice, and what only they read is not kept.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_PASSES_BUDGET_STEPPARTS_H
#define PEFT_PASSES_BUDGET_STEPPARTS_H

#include "passes/Budget/Passes.h"

namespace peft {

/// On an op of the forward part: "recompute" or "offload" what the backward part reads of it.
inline constexpr llvm::StringLiteral kKeep = "train.keep";
/// On a clone that peft-rematerialize made.
inline constexpr llvm::StringLiteral kAgain = "train.again";

class StepParts {
public:
  /// A null or unmarked function has two empty parts.
  explicit StepParts(mlir::func::FuncOp step);

  bool isForward(mlir::Operation *op) const { return forwardSet.contains(op); }
  /// Costs nothing in the backward part: an argument, a parameter, a constant.
  bool isFree(mlir::Value value) const;
  /// Ops of the forward part whose results the backward part reads, in order.
  llvm::SmallVector<mlir::Operation *> saved() const;
  /// What must run again if the marked ops are recomputed, in order.
  llvm::SmallVector<mlir::Operation *> recomputed() const;
  /// Whether the backward part reads a result of `op`, and the bytes of those that it reads.
  bool isSaved(mlir::Operation *op) const;
  uint64_t savedBytes(mlir::Operation *op) const;

  llvm::SmallVector<mlir::Operation *> forward, backward;

private:
  bool isSaved(mlir::Value value) const;

  mlir::Block *body = nullptr;
  llvm::DenseSet<mlir::Operation *> forwardSet, backwardSet;
};

/// Whether `op` is marked with that choice.
bool isMarked(mlir::Operation *op, llvm::StringRef choice);

/// The bytes of a value, and of an op's results, as buffers.
uint64_t valueBytes(mlir::Value value);
uint64_t resultBytes(mlir::Operation *op);

} // namespace peft

#endif // PEFT_PASSES_BUDGET_STEPPARTS_H
