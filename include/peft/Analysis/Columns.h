//===- Columns.h - what reads and writes columns of wider matrices --------===//
//
// Some values are columns of a wider matrix in memory: rows that lie farther apart than they are long
// (rt::Tensor's pitch). What a runtime function takes so is said in kernels.h; these say it of ops, before
// they are calls.
//
//===----------------------------------------------------------------------===//
#ifndef PEFT_ANALYSIS_COLUMNS_H
#define PEFT_ANALYSIS_COLUMNS_H

#include "mlir/IR/Value.h"

namespace peft {

/// Whether an operand may be columns of a wider matrix.
bool takesColumns(mlir::OpOperand &operand);

/// Whether an op becomes exec.map, or part of one.
bool isPointwise(mlir::Operation *op);

/// Whether the op that makes `value` can put it into columns of a wider matrix.
bool writesColumns(mlir::Value value);

} // namespace peft

#endif // PEFT_ANALYSIS_COLUMNS_H
