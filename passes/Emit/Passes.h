//===- Passes.h - C++ text in waiting -------------------------------------===//
#ifndef PEFT_PASSES_EMIT_PASSES_H
#define PEFT_PASSES_EMIT_PASSES_H

#include "dialects/Exec/Exec.h"
#include "dialects/NN/NN.h"

#include "mlir/Dialect/EmitC/IR/EmitC.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace peft {

#define GEN_PASS_DECL
#include "passes/Emit/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/Emit/Passes.h.inc"

} // namespace peft

#endif // PEFT_PASSES_EMIT_PASSES_H
