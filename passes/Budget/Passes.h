//===- Passes.h - a step that fits a memory budget ------------------------===//
#ifndef PEFT_PASSES_BUDGET_PASSES_H
#define PEFT_PASSES_BUDGET_PASSES_H

#include "dialects/Exec/Exec.h"
#include "dialects/Train/Train.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace peft {

#define GEN_PASS_DECL
#include "passes/Budget/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/Budget/Passes.h.inc"

/// What makes a plan of a training step whose values are marked: the passes of peft-place, by which
/// peft-fit-memory also tells what a choice comes to.
void buildPlanningPasses(mlir::OpPassManager &pm, llvm::StringRef target, bool deterministic);

} // namespace peft

#endif // PEFT_PASSES_BUDGET_PASSES_H
