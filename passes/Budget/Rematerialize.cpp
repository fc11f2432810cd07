//===- Rematerialize.cpp - marked values are computed twice, not kept -----===//
//
// saved y = f(x, w), marked "recompute" -> in the backward part y' = f(x, w), and so on
// for x, down to what is kept. Each clone stands before its first reader.
//
//===----------------------------------------------------------------------===//

#include "passes/Budget/Offload.h"

#include "passes/Differentiate/Passes.h"

#include "mlir/IR/IRMapping.h"

namespace peft {
#define GEN_PASS_DEF_REMATERIALIZEPASS
#include "passes/Budget/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

namespace {

class Recomputation {
public:
  explicit Recomputation(func::FuncOp step) : parts(step) {
    for (Operation *op : parts.recomputed())
      again.insert(op);
  }

  void run() {
    for (Operation *reader : parts.backward)
      reader->walk([&](Operation *inner) {
        for (OpOperand &operand : inner->getOpOperands())
          if (Operation *def = operand.get().getDefiningOp(); def && again.contains(def))
            operand.set(cloneBefore(reader, operand.get()));
      });
    for (Operation *op : parts.forward)
      if (isMarked(op, "recompute"))
        op->removeAttr(kKeep);
  }

private:
  Value cloneBefore(Operation *reader, Value value) {
    Operation *op = value.getDefiningOp();
    unsigned number = cast<OpResult>(value).getResultNumber();
    if (Operation *clone = clones.lookup(op))
      return clone->getResult(number);
    IRMapping mapping;
    for (Value operand : op->getOperands())
      if (Operation *def = operand.getDefiningOp(); def && again.contains(def) && !mapping.contains(operand))
        mapping.map(operand, cloneBefore(reader, operand));
    Operation *clone = OpBuilder(reader).clone(*op, mapping);
    clone->removeAttr(kKeep);
    clone->setAttr(kAgain, UnitAttr::get(op->getContext()));
    if (reader->hasAttr(kBackward)) {
      reader->removeAttr(kBackward);
      clone->setAttr(kBackward, UnitAttr::get(op->getContext()));
    }
    clones[op] = clone;
    return clone->getResult(number);
  }

  StepParts parts;
  llvm::DenseSet<Operation *> again;
  llvm::DenseMap<Operation *, Operation *> clones;
};

struct Rematerialize : peft::impl::RematerializePassBase<Rematerialize> {
  void runOnOperation() override {
    auto step = getOperation().lookupSymbol<func::FuncOp>(kMicroStep);
    if (!step)
      return;
    WalkResult known = step.walk([](Operation *op) {
      Attribute mark = op->getAttr(kKeep);
      if (!mark || isMarked(op, "recompute") || isMarked(op, "offload"))
        return WalkResult::advance();
      op->emitOpError("is marked train.keep = ") << mark << ": expected \"recompute\" or \"offload\"";
      return WalkResult::interrupt();
    });
    if (known.wasInterrupted())
      return signalPassFailure();
    Recomputation(step).run();
    offloadMarked(step, Machine::of("cuda"));
  }
};

} // namespace
