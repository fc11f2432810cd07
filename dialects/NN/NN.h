//===- NN.h - the nn dialect ----------------------------------------------===//
#ifndef PEFT_DIALECTS_NN_H
#define PEFT_DIALECTS_NN_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "peft/Interfaces/Differentiable.h"

#include "dialects/NN/NNDialect.h.inc"
#include "dialects/NN/NNEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/NN/NNAttrs.h.inc"
#define GET_OP_CLASSES
#include "dialects/NN/NNOps.h.inc"

namespace peft::nn {

/// The parameter that a symbol is, or of a stack the first; null for any other.
ParameterOp firstParameter(mlir::Operation *symbol);
/// Where a weight is read, as it is or cast to the type that the model computes in; null if it is computed.
GetOp readOf(mlir::Value weight);
/// The type of what nn.get reads of a parameter or a stack.
mlir::RankedTensorType valueType(mlir::Operation *symbol);

} // namespace peft::nn

#endif // PEFT_DIALECTS_NN_H
