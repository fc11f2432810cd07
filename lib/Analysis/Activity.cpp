//===- Activity.cpp - which values a gradient flows through ---------------===//

#include "peft/Analysis/Activity.h"

#include "dialects/NN/NN.h"

#include "mlir/Analysis/DataFlow/ConstantPropagationAnalysis.h"
#include "mlir/Analysis/DataFlow/DeadCodeAnalysis.h"
#include "mlir/Analysis/DataFlow/SparseAnalysis.h"

using namespace mlir;
using namespace mlir::dataflow;

namespace {

/// False until shown true; joining is "or".
struct Flag {
  bool value = false;
  bool operator==(const Flag &other) const { return value == other.value; }
  static Flag join(const Flag &a, const Flag &b) { return {a.value || b.value}; }
  static Flag meet(const Flag &a, const Flag &b) { return {a.value || b.value}; }
  void print(raw_ostream &os) const { os << (value ? "yes" : "no"); }
};

struct TrainableLattice : Lattice<Flag> {
  using Lattice::Lattice;
};

struct NeededLattice : Lattice<Flag> {
  using Lattice::Lattice;
};

bool carriesGradient(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && isa<FloatType>(type.getElementType());
}

class TrainableAnalysis : public SparseForwardDataFlowAnalysis<TrainableLattice> {
public:
  using SparseForwardDataFlowAnalysis::SparseForwardDataFlowAnalysis;

  void visitOperation(Operation *op, ArrayRef<const TrainableLattice *> operands,
                      ArrayRef<TrainableLattice *> results) override {
    Flag flag;
    if (auto get = dyn_cast<peft::nn::GetOp>(op))
      flag.value = peft::nn::firstParameter(SymbolTable::lookupNearestSymbolFrom(op, get.getParameterAttr()))
                       .isTrainable();
    for (const TrainableLattice *operand : operands)
      flag = Flag::join(flag, operand->getValue());
    for (TrainableLattice *result : results)
      if (carriesGradient(result->getPoint()))
        propagateIfChanged(result, result->join(flag));
  }

  void setToEntryState(TrainableLattice *lattice) override {
    propagateIfChanged(lattice, lattice->join(Flag()));
  }
};

class NeededAnalysis : public SparseBackwardDataFlowAnalysis<NeededLattice> {
public:
  NeededAnalysis(DataFlowSolver &solver, SymbolTableCollection &symbols, Value loss)
      : SparseBackwardDataFlowAnalysis(solver, symbols), loss(loss) {}

  void visitOperation(Operation *op, ArrayRef<NeededLattice *> operands,
                      ArrayRef<const NeededLattice *> results) override {
    Flag flag{llvm::is_contained(op->getResults(), loss)};
    for (const NeededLattice *result : results)
      flag = Flag::join(flag, result->getValue());
    for (NeededLattice *operand : operands)
      if (carriesGradient(operand->getPoint()))
        propagateIfChanged(operand, operand->meet(flag));
  }

  void visitBranchOperand(OpOperand &) override {}
  void visitCallOperand(OpOperand &) override {}
  void setToExitState(NeededLattice *) override {}

private:
  Value loss;
};

} // namespace

peft::Activity::Activity(func::FuncOp function, Value loss) {
  SymbolTableCollection symbols;
  solver.load<DeadCodeAnalysis>();
  solver.load<SparseConstantPropagation>();
  solver.load<TrainableAnalysis>();
  solver.load<NeededAnalysis>(symbols, loss);
  // A straight-line function always converges; failure would be a bug of an analysis.
  if (failed(solver.initializeAndRun(function)))
    llvm::report_fatal_error("the activity analyses did not converge");
}

bool peft::Activity::dependsOnTrainable(Value value) const {
  const auto *state = solver.lookupState<TrainableLattice>(value);
  return state && state->getValue().value;
}

bool peft::Activity::lossNeeds(Value value) const {
  const auto *state = solver.lookupState<NeededLattice>(value);
  return state && state->getValue().value;
}
