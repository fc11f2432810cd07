//===- Cpp.h - from emitc to text -----------------------------------------===//
#ifndef PEFT_TARGET_CPP_H
#define PEFT_TARGET_CPP_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

namespace peft {

/// Prints a module of emitc ops as C++. As upstream's translateToCpp, but it calls
/// values and arguments what their attribute `emitc.name` says, and prints just what
/// peft-emit makes: include, verbatim, func, call_opaque, literal, add, mul, return.
/// Any other op is an error.
mlir::LogicalResult translateToCpp(mlir::ModuleOp module, llvm::raw_ostream &os);

} // namespace peft

#endif // PEFT_TARGET_CPP_H
