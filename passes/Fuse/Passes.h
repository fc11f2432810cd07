//===- Passes.h - fewer passes over memory --------------------------------===//
#ifndef PEFT_PASSES_FUSE_PASSES_H
#define PEFT_PASSES_FUSE_PASSES_H

#include "dialects/Train/Train.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace peft {

#define GEN_PASS_DECL
#include "passes/Fuse/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/Fuse/Passes.h.inc"

} // namespace peft

#endif // PEFT_PASSES_FUSE_PASSES_H
