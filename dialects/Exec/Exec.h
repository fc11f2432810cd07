//===- Exec.h - the exec dialect ------------------------------------------===//
#ifndef PEFT_DIALECTS_EXEC_H
#define PEFT_DIALECTS_EXEC_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace peft::exec {

/// Elements from a row to the next: a tensor's columns, or those of the tensor that a matrix is columns of. 0
/// for layouts that are neither, and where an extent is 0.
int64_t rowStride(mlir::MemRefType type);

} // namespace peft::exec

#include "dialects/Exec/ExecDialect.h.inc"
#include "dialects/Exec/ExecInterfaces.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Exec/ExecAttrs.h.inc"
#define GET_OP_CLASSES
#include "dialects/Exec/ExecOps.h.inc"

namespace peft::exec {

/// Whether an op only says where something is; the others are calls, which have a moment.
inline bool isPlace(mlir::Operation *op) {
  return llvm::isa<BufferOp, SliceOp, ColumnsOp, RowsOp, ParameterOp, GradientOp, FlatOp, ArgumentOp>(op);
}

/// Whether a buffer lies in the host's memory, not in the arena.
inline bool isHost(mlir::Type type) { return llvm::cast<mlir::MemRefType>(type).getMemorySpaceAsInt() != 0; }

} // namespace peft::exec

#endif // PEFT_DIALECTS_EXEC_H
