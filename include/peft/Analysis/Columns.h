//===- Columns.h - what reads and writes columns of wider matrices --------===//
//
// Some values are columns of a wider matrix in memory: rows that lie farther apart than they are long
// (rt::Tensor's pitch). What a runtime function takes so is said in kernels.h; these say it of ops, before
// they are calls. Of calls, wholeOf and columnsIn say which columns of what a place is.
//
//===----------------------------------------------------------------------===//
#ifndef PEFT_ANALYSIS_COLUMNS_H
#define PEFT_ANALYSIS_COLUMNS_H

#include "mlir/IR/Value.h"

#include <utility>

namespace peft {

/// Whether an operand may be columns of a wider matrix.
bool takesColumns(mlir::OpOperand &operand);

/// Whether an op becomes exec.map, or part of one.
bool isPointwise(mlir::Operation *op);

/// Whether the op that makes `value` can put it into columns of a wider matrix.
bool writesColumns(mlir::Value value);

/// The buffer, parameter or slice of which a place is columns or rows.
mlir::Value wholeOf(mlir::Value place);

/// The columns of that which it is, from and to.
std::pair<int64_t, int64_t> columnsIn(mlir::Value place);

} // namespace peft

#endif // PEFT_ANALYSIS_COLUMNS_H
