//===- Late.h - large results are computed as late as they can be ---------===//
#ifndef PEFT_PASSES_BUDGET_LATE_H
#define PEFT_PASSES_BUDGET_LATE_H

#include "passes/Budget/StepParts.h"

namespace peft {

/// Moves ops of the backward part to their first reader where the result is larger than the operands
/// that would live longer for it. Only within a layer, only ops without effects: no bit changes.
void computeLate(mlir::func::FuncOp step);

} // namespace peft

#endif // PEFT_PASSES_BUDGET_LATE_H
