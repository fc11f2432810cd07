//===- Activity.h - which values a gradient flows through -----------------===//
//
// Two lattices over a straight-line function, both of one bit:
//   forward:  does the value depend on a trainable parameter?
//   backward: does the loss depend on the value?
// A cotangent is computed where both say yes, and nowhere else.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_ANALYSIS_ACTIVITY_H
#define PEFT_ANALYSIS_ACTIVITY_H

#include "mlir/Analysis/DataFlowFramework.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace peft {

class Activity {
public:
  /// `loss` is a value of `function`. Analyses once; later changes are not seen.
  Activity(mlir::func::FuncOp function, mlir::Value loss);

  bool dependsOnTrainable(mlir::Value value) const;
  bool lossNeeds(mlir::Value value) const;
  bool isActive(mlir::Value value) const { return dependsOnTrainable(value) && lossNeeds(value); }

private:
  mlir::DataFlowSolver solver;
};

} // namespace peft

#endif // PEFT_ANALYSIS_ACTIVITY_H
