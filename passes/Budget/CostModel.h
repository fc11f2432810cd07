//===- CostModel.h - about how long an op takes ---------------------------===//
//
// Good enough to order choices by: the larger of flops over a rate and bytes over a
// bandwidth. What a choice saves is never estimated: that is planned.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_PASSES_BUDGET_COSTMODEL_H
#define PEFT_PASSES_BUDGET_COSTMODEL_H

#include "mlir/IR/Operation.h"

namespace peft {

struct Machine {
  double flops;           ///< of matrix products, a second
  double bandwidth;       ///< of its memory, bytes a second
  double link;            ///< to the host's memory, bytes a second
  double latency = 10e-6; ///< of a copy over it

  /// "cpu" or "cuda": a server's cores, or one H200.
  static Machine of(llvm::StringRef target);
};

/// Of an op of the training level.
double secondsOf(mlir::Operation *op, const Machine &machine);

} // namespace peft

#endif // PEFT_PASSES_BUDGET_COSTMODEL_H
