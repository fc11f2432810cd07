//===- Late.cpp - large results are computed as late as they can be -------===//

#include "passes/Budget/Late.h"

#include "passes/Differentiate/Passes.h"
#include "passes/Plan/Schedule.h"
#include "peft/Analysis/Lifetimes.h"
#include "peft/Support/Locations.h"

using namespace mlir;
using namespace peft;

/// The first or last op of `op`'s block that reads `value`, itself or inside.
static Operation *reader(Value value, Block *block, bool isFirst) {
  Operation *found = nullptr;
  for (Operation *user : value.getUsers()) {
    Operation *ancestor = block->findAncestorOpInBlock(*user);
    if (ancestor && (!found || ancestor->isBeforeInBlock(found) == isFirst))
      found = ancestor;
  }
  return found;
}

void peft::computeLate(func::FuncOp step) {
  StepParts parts(step);
  for (Operation *op : llvm::reverse(parts.backward)) {
    // A sum is added where it is computed: moving it would change the order of additions.
    bool isSum = llvm::any_of(op->getUsers(), [](Operation *user) { return isa<train::AccumulateOp>(user); });
    if (op->getNumResults() != 1 || !isPure(op) || isSum || op->hasAttr(kBackward) ||
        parts.isFree(op->getResult(0)))
      continue;
    Operation *first = reader(op->getResult(0), op->getBlock(), /*isFirst=*/true);
    if (!first || first == op->getNextNode() || layerOf(first->getLoc()) != layerOf(op->getLoc()))
      continue;
    uint64_t longer = 0;
    llvm::SmallDenseSet<Value> counted;
    for (Value operand : op->getOperands()) {
      if (parts.isFree(operand) || !counted.insert(operand).second)
        continue;
      if (Operation *last = reader(operand, op->getBlock(), /*isFirst=*/false); last->isBeforeInBlock(first))
        longer += alignUp(bytesOf(bufferType(cast<RankedTensorType>(operand.getType()))));
    }
    if (longer < resultBytes(op))
      op->moveBefore(first);
  }
}
