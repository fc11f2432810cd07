//===- Offload.h - values that wait in the host's memory ------------------===//
#ifndef PEFT_PASSES_BUDGET_OFFLOAD_H
#define PEFT_PASSES_BUDGET_OFFLOAD_H

#include "passes/Budget/CostModel.h"
#include "passes/Budget/StepParts.h"

namespace peft {

/// Moves what is marked "offload" to the host between its last forward and its first backward reader.
/// Copies begin and end at moments that leave them hidden behind other ops, as far as `machine` tells.
void offloadMarked(mlir::func::FuncOp step, const Machine &machine);

} // namespace peft

#endif // PEFT_PASSES_BUDGET_OFFLOAD_H
