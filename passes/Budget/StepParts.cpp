//===- StepParts.cpp - the forward and the backward part of a fused step --===//

#include "passes/Budget/StepParts.h"

#include "passes/Differentiate/Passes.h"
#include "passes/Plan/Schedule.h"
#include "peft/Analysis/Lifetimes.h"

using namespace mlir;
using namespace peft;

StepParts::StepParts(func::FuncOp step) {
  Operation *first = nullptr;
  if (step)
    step.walk([&](Operation *op) {
      if (op->hasAttr(kBackward))
        first = step.getBody().front().findAncestorOpInBlock(*op);
    });
  if (!first)
    return;
  body = &step.getBody().front();
  Operation *end = first->hasAttr(kBackward) ? first : first->getNextNode();
  for (Operation *op = &body->front(); op != first; op = op->getNextNode())
    forward.push_back(op);
  for (Operation *op = end; op != body->getTerminator(); op = op->getNextNode())
    backward.push_back(op);
  forwardSet.insert(forward.begin(), forward.end());
  backwardSet.insert(backward.begin(), backward.end());
}

bool StepParts::isFree(Value value) const {
  Operation *op = value.getDefiningOp();
  return !op || isa<nn::GetOp, arith::ConstantOp>(op);
}

bool StepParts::isSaved(Value value) const {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    return backwardSet.contains(body->findAncestorOpInBlock(*user));
  });
}

bool StepParts::isSaved(Operation *op) const {
  return llvm::any_of(op->getResults(), [&](Value result) { return isSaved(result); });
}

uint64_t StepParts::savedBytes(Operation *op) const {
  uint64_t bytes = 0;
  for (Value result : op->getResults())
    if (isSaved(result))
      bytes += valueBytes(result);
  return bytes;
}

SmallVector<Operation *> StepParts::saved() const {
  SmallVector<Operation *> result;
  for (Operation *op : forward)
    if (op->getNumResults() && !isFree(op->getResult(0)) && isSaved(op))
      result.push_back(op);
  return result;
}

SmallVector<Operation *> StepParts::recomputed() const {
  llvm::DenseSet<Operation *> needed;
  SmallVector<Operation *> work, result;
  for (Operation *op : saved())
    if (isMarked(op, "recompute"))
      work.push_back(op);
  while (!work.empty()) {
    Operation *op = work.pop_back_val();
    if (!needed.insert(op).second)
      continue;
    for (Value operand : op->getOperands()) {
      Operation *def = operand.getDefiningOp();
      if (isFree(operand) || !isForward(def) || (isSaved(def) && !isMarked(def, "recompute")))
        continue;
      work.push_back(def);
    }
  }
  for (Operation *op : forward)
    if (needed.contains(op))
      result.push_back(op);
  return result;
}

bool peft::isMarked(Operation *op, StringRef choice) {
  auto mark = op->getAttrOfType<StringAttr>(kKeep);
  return mark && mark.getValue() == choice;
}

uint64_t peft::valueBytes(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? alignUp(bytesOf(bufferType(type))) : 0;
}

uint64_t peft::resultBytes(Operation *op) {
  uint64_t bytes = 0;
  for (Value result : op->getResults())
    bytes += valueBytes(result);
  return bytes;
}
