//===- Places.cpp - which calls touch which places ------------------------===//

#include "passes/Plan/Places.h"

#include "peft/Analysis/Columns.h"

using namespace mlir;
using namespace peft;

Places::Places(ModuleOp module) {
  for (auto stack : module.getOps<nn::StackOp>())
    for (auto name : stack.getParameters().getAsRange<FlatSymbolRefAttr>())
      stacks[stack.getSymName()].push_back(name.getValue());
}

bool Places::shareParameters(StringRef a, StringRef b) const {
  auto partsOf = [&](StringRef symbol) {
    auto found = stacks.find(symbol);
    return found == stacks.end() ? SmallVector<StringRef>{symbol} : found->second;
  };
  SmallVector<StringRef> others = partsOf(b);
  return llvm::any_of(partsOf(a), [&](StringRef part) { return llvm::is_contained(others, part); });
}

static StringRef symbolOf(Operation *place) {
  if (auto parameter = dyn_cast<exec::ParameterOp>(place))
    return parameter.getParameter();
  auto gradient = dyn_cast<exec::GradientOp>(place);
  return gradient ? gradient.getParameter() : StringRef();
}

bool Places::overlap(Value a, Value b) const {
  Value wholeA = wholeOf(a), wholeB = wholeOf(b);
  Operation *defA = wholeA.getDefiningOp(), *defB = wholeB.getDefiningOp();
  auto columnsOverlap = [&] {
    auto [beginA, endA] = columnsIn(a);
    auto [beginB, endB] = columnsIn(b);
    return beginA < endB && beginB < endA;
  };
  if (wholeA == wholeB)
    return columnsOverlap();
  for (auto [slice, other] : {std::pair(defA, b), std::pair(defB, a)})
    if (auto of = dyn_cast_or_null<exec::SliceOp>(slice)) // elements of it, which are no columns
      return overlap(of.getSource(), wholeOf(other));
  if (!defA || !defB)
    return true; // an argument of a function
  if (isa<exec::BufferOp, exec::ArgumentOp>(defA) || isa<exec::BufferOp, exec::ArgumentOp>(defB))
    return false;
  if (isa<exec::FlatOp>(defA) || isa<exec::FlatOp>(defB))
    return true;
  if (defA->getName() != defB->getName())
    return false; // values and gradients
  if (symbolOf(defA) == symbolOf(defB) && wholeA.getType() == wholeB.getType())
    return columnsOverlap();
  return shareParameters(symbolOf(defA), symbolOf(defB));
}

bool Places::anyOperand(Operation *call, Value place, bool onlyWritten) const {
  WalkResult walk = call->walk([&](Operation *op) {
    if (exec::isPlace(op))
      return WalkResult::advance();
    if (isa<exec::FillBordersOp>(op) && isa_and_nonnull<exec::ParameterOp>(wholeOf(place).getDefiningOp()))
      return WalkResult::interrupt();
    ValueRange operands = op->getOperands();
    if (onlyWritten && isa<exec::OutputOp, exec::ChunksOp>(op))
      operands = {};
    else if (auto runtime = dyn_cast<exec::RuntimeCallOpInterface>(op); runtime && onlyWritten)
      operands = operands.take_front(runtime.getNumOutputs());
    bool any = llvm::any_of(operands, [&](Value operand) {
      return isa<MemRefType>(operand.getType()) && overlap(operand, place);
    });
    return any ? WalkResult::interrupt() : WalkResult::advance();
  });
  return walk.wasInterrupted();
}

bool Places::writes(Operation *call, Value place) const { return anyOperand(call, place, true); }

bool Places::touches(Operation *call, Value place) const { return anyOperand(call, place, false); }
