//===- Stretch.h - what a line of ops keeps alive -------------------------===//
//
// For passes that change the order of ops: whether another order keeps more bytes alive.
// An estimate ahead of the plan, from the same rules by which peft-schedule shares buffers.
//
//===----------------------------------------------------------------------===//
#ifndef PEFT_PASSES_FUSE_STRETCH_H
#define PEFT_PASSES_FUSE_STRETCH_H

#include "mlir/IR/Operation.h"

namespace peft {

/// One op of an order that need not exist yet.
struct Step {
  llvm::SmallVector<mlir::Value> reads, writes;
  llvm::SmallVector<mlir::Value> overwrites; ///< those of the reads whose buffers may hold results
};

Step stepOf(mlir::Operation *op);

/// What an op reads, in its regions too.
llvm::SmallVector<mlir::Value> operandsOf(mlir::Operation *op);

/// Bytes alive at the fullest moment of the steps, but for what lives through all of them.
/// `last` is the last of their ops as the block stands: what is read behind it lives on.
uint64_t peakBytes(llvm::ArrayRef<Step> steps, mlir::Operation *last);

} // namespace peft

#endif // PEFT_PASSES_FUSE_STRETCH_H
