//===- Borders.h - what lies beside frozen weights in memory --------------===//
#ifndef PEFT_PASSES_PLAN_BORDERS_H
#define PEFT_PASSES_PLAN_BORDERS_H

#include "dialects/Exec/Exec.h"
#include "dialects/NN/NN.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"

namespace peft {

/// Where a trainable matrix is copied to, in rows and columns of a frozen weight with its border.
struct BorderPlace {
  llvm::StringRef weight;
  int64_t row, column, rows, columns;
  double scale;
};

/// A frozen weight [rows, columns] with `width` columns to its right and as many rows below it. What no
/// adapter fills is zero.
struct BorderedWeight {
  int64_t rows, columns, width;
  int64_t pitch() const { return columns + width; }
  int64_t allRows() const { return rows + width; }
};

/// The borders that a module's products read: of each `nn.bordered_linear`, B right of the weight, and the A
/// that makes its `s` below it.
class Borders {
public:
  Borders() = default;
  explicit Borders(mlir::ModuleOp module);

  bool empty() const { return weights.empty(); }
  /// By the symbol of a frozen parameter or stack; null if it has none.
  const BorderedWeight *weight(llvm::StringRef symbol) const;
  /// By the symbol of a trainable parameter or stack; null if it lies in no border.
  const BorderPlace *place(llvm::StringRef symbol) const;
  /// For exec.fill_borders.
  mlir::ArrayAttr attribute(mlir::MLIRContext *context) const;
  /// Tells the parameters what peft-plan has to leave room for: exec.pitch, and exec.rows with those below.
  void mark(mlir::ModuleOp module) const;

private:
  llvm::MapVector<llvm::StringRef, BorderedWeight> weights;
  llvm::MapVector<llvm::StringRef, BorderPlace> places;
};

/// The parameter or stack that a weight is read from, as it is or rounded; "" if it is computed.
llvm::StringRef symbolOf(mlir::Value weight);

} // namespace peft

#endif // PEFT_PASSES_PLAN_BORDERS_H
