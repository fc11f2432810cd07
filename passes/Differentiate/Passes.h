//===- Passes.h - from the loss to a training step ------------------------===//
#ifndef PEFT_PASSES_DIFFERENTIATE_PASSES_H
#define PEFT_PASSES_DIFFERENTIATE_PASSES_H

#include "dialects/Train/Train.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace peft {

#define GEN_PASS_DECL
#include "passes/Differentiate/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/Differentiate/Passes.h.inc"

/// Names of the functions that passes agree on.
inline constexpr llvm::StringLiteral kLoss = "loss", kMicroStep = "micro_step", kEvaluate = "evaluate",
                                     kForward = "forward", kUpdate = "update";

/// Marks the first op of @micro_step's backward part; gone after the schedule.
inline constexpr llvm::StringLiteral kBackward = "train.backward";

} // namespace peft

#endif // PEFT_PASSES_DIFFERENTIATE_PASSES_H
