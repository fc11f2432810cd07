//===- Stretch.cpp - what a line of ops keeps alive -----------------------===//

#include "passes/Fuse/Stretch.h"
#include "passes/Fuse/Passes.h"

using namespace mlir;
using namespace peft;

/// Of the buffer that a value gets; parameters, arguments and what goes straight into a gradient have none.
static uint64_t bufferBytes(Value value) {
  Operation *def = value.getDefiningOp();
  auto tensor = dyn_cast<RankedTensorType>(value.getType());
  if (!def || !tensor || isa<nn::GetOp, arith::ConstantOp>(def) ||
      (value.hasOneUse() && isa<train::AccumulateOp>(*value.user_begin())))
    return 0;
  return uint64_t(tensor.getNumElements()) * tensor.getElementTypeBitWidth() / 8;
}

SmallVector<Value> peft::operandsOf(Operation *op) {
  SetVector<Value> operands;
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (!op->isAncestor(operand.getParentBlock()->getParentOp()))
        operands.insert(operand);
  });
  return operands.takeVector();
}

Step peft::stepOf(Operation *op) {
  Step step{operandsOf(op), SmallVector<Value>(op->getResults()), {}};
  if (isa<train::ElementwiseOp>(op))
    step.overwrites = step.reads;
  else if (auto add = dyn_cast<nn::LinearAddOp>(op))
    step.overwrites = {add.getAcc()};
  else if (auto bordered = dyn_cast<nn::BorderedLinearOp>(op); bordered && bordered.getAcc())
    step.overwrites = {bordered.getAcc()};
  else if (auto grad = dyn_cast<nn::RMSNormGradOp>(op); grad && grad.getResidual())
    step.overwrites = {grad.getResidual()};
  return step;
}

uint64_t peft::peakBytes(ArrayRef<Step> steps, Operation *last) {
  Block *block = last->getBlock();
  DenseMap<Value, size_t> lastRead; // beyond the steps if it is read behind them
  SetVector<Value> made;
  for (auto [i, step] : llvm::enumerate(steps)) {
    made.insert(step.writes.begin(), step.writes.end());
    for (Value value : step.reads)
      lastRead[value] = i;
  }
  auto livesOn = [&](Value value) {
    return llvm::any_of(value.getUsers(), [&](Operation *user) {
      Operation *ancestor = block->findAncestorOpInBlock(*user);
      return !ancestor || last->isBeforeInBlock(ancestor);
    });
  };
  uint64_t live = 0;
  for (auto &[value, at] : lastRead)
    if (!made.contains(value))
      live += bufferBytes(value);
  for (Value value : made)
    lastRead.try_emplace(value, 0);
  for (auto &[value, at] : lastRead)
    if (livesOn(value))
      at = steps.size();

  uint64_t peak = live;
  for (size_t i = 0; i < steps.size(); ++i) {
    const Step &step = steps[i];
    for (Value value : step.writes)
      live += bufferBytes(value);
    uint64_t shared = 0;
    SmallVector<Value> free = step.overwrites;
    for (Value result : step.writes) {
      auto *taken = llvm::find_if(
          free, [&](Value value) { return lastRead[value] == i && value.getType() == result.getType(); });
      if (taken == free.end())
        continue;
      shared += bufferBytes(*taken);
      free.erase(taken);
    }
    peak = std::max(peak, live - shared);
    for (Value value : step.reads)
      if (lastRead[value] == i)
        live -= bufferBytes(value);
    for (Value value : step.writes)
      if (lastRead[value] <= i)
        live -= bufferBytes(value); // nobody reads it
  }
  return peak;
}
