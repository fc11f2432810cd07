//===- Places.h - which calls touch which places --------------------------===//
//
// For what moves calls. Two places are apart if they are of two buffers, or of other columns of one; of
// parameters and gradients it is told by the symbol, as each may be named more than once.
//
//===----------------------------------------------------------------------===//
#ifndef PEFT_PASSES_PLAN_PLACES_H
#define PEFT_PASSES_PLAN_PLACES_H

#include "dialects/Exec/Exec.h"
#include "dialects/NN/NN.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace peft {

class Places {
public:
  explicit Places(mlir::ModuleOp module);

  /// Whether they may have an element in common.
  bool overlap(mlir::Value a, mlir::Value b) const;
  /// Whether `call`, or what is nested in it, may write an element of `place`.
  bool writes(mlir::Operation *call, mlir::Value place) const;
  /// Or read one.
  bool touches(mlir::Operation *call, mlir::Value place) const;

private:
  bool anyOperand(mlir::Operation *call, mlir::Value place, bool onlyWritten) const;
  bool shareParameters(llvm::StringRef a, llvm::StringRef b) const;

  llvm::StringMap<llvm::SmallVector<llvm::StringRef>> stacks; ///< a stack's parameters
};

} // namespace peft

#endif // PEFT_PASSES_PLAN_PLACES_H
