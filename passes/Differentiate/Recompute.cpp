//===- Recompute.cpp - cheap values are computed twice, not kept ----------===//
//
// Assumes @micro_step as peft-differentiate leaves it: the forward part, then the
// backward part, which begins at the op marked train.backward.
//
//===----------------------------------------------------------------------===//

#include "passes/Differentiate/Passes.h"
#include "peft/Analysis/Columns.h"
#include "peft/Support/Locations.h"

#include "mlir/IR/IRMapping.h"

namespace peft {
#define GEN_PASS_DEF_RECOMPUTEPASS
#include "passes/Differentiate/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

namespace {

bool isCheap(Operation *op) {
  return op && (op->hasTrait<CheapToRecompute>() || isa<arith::AddFOp, arith::MulFOp>(op));
}

struct Recompute : peft::impl::RecomputePassBase<Recompute> {
  using RecomputePassBase::RecomputePassBase;

  void runOnOperation() override {
    auto step = getOperation().lookupSymbol<func::FuncOp>(kMicroStep);
    if (!step)
      return;
    Block &body = step.getBody().front();
    auto backward = llvm::find_if(body, [](Operation &op) { return op.hasAttr(kBackward); });
    if (backward == body.end())
      return;
    first = &*backward;

    // What the backward pass reads, and what can be had from that for little.
    for (Operation &op : llvm::make_range(backward, body.end()))
      for (Value operand : op.getOperands())
        if (isForward(operand.getDefiningOp()) && !isa<nn::GetOp>(operand.getDefiningOp()))
          addCrossing(operand);
    for (Operation &op : llvm::make_range(body.begin(), backward))
      if (isCheap(&op) && (!isKept(&op) || isFree(&op)) &&
          llvm::any_of(op.getResults(), [&](Value result) { return crossing.contains(result); }) &&
          llvm::all_of(op.getOperands(), [&](Value operand) { return isAvailable(operand); }))
        recomputed.insert(op.result_begin(), op.result_end());

    // Readers in order, so that a clone stands before the first of them.
    SmallVector<Operation *> readers;
    for (Operation &op : llvm::make_range(backward, body.end()))
      readers.push_back(&op);
    for (Operation *reader : readers)
      for (OpOperand &operand : reader->getOpOperands())
        if (recomputed.contains(operand.get()))
          operand.set(cloneBefore(reader, operand.get()));
  }

private:
  bool isForward(Operation *op) { return op && op->isBeforeInBlock(first); }

  bool isKept(Operation *op) { return keepLayers && layerOf(op->getLoc()) < keepLayers; }

  /// Of columns, the matrix that they are part of.
  void addCrossing(Value value) {
    crossing.insert(value);
    if (auto split = value.getDefiningOp<nn::SplitColumnsOp>())
      addCrossing(split.getX());
  }

  /// Whether it becomes part of passes that the backward part makes anyway: only pointwise ops read it there;
  /// or it is pointwise itself, and a weight's gradient reads it too, whose sum the pass may make; and views,
  /// which are nothing to compute.
  bool isFree(Operation *op) {
    return isa<nn::SplitColumnsOp, nn::CastOp>(op) || llvm::all_of(op->getUsers(), [&](Operation *user) {
             return isForward(user) || isPointwise(user) ||
                    (isPointwise(op) && isa<nn::LinearWeightGradOp>(user));
           });
  }

  /// Costs nothing or little in the backward pass.
  bool isAvailable(Value value) {
    Operation *op = value.getDefiningOp();
    return !op || isa<nn::GetOp>(op) || crossing.contains(value);
  }

  Value cloneBefore(Operation *reader, Value value) {
    if (Value clone = clones.lookup(value))
      return clone;
    IRMapping mapping;
    for (Value operand : value.getDefiningOp()->getOperands())
      if (recomputed.contains(operand))
        mapping.map(operand, cloneBefore(reader, operand));
    Operation *clone = OpBuilder(reader).clone(*value.getDefiningOp(), mapping);
    if (reader->hasAttr(kBackward)) {
      reader->removeAttr(kBackward);
      clone->setAttr(kBackward, UnitAttr::get(&getContext()));
    }
    for (auto [result, again] : llvm::zip_equal(value.getDefiningOp()->getResults(), clone->getResults()))
      clones[result] = again;
    return clones[value];
  }

  Operation *first = nullptr;
  llvm::DenseSet<Value> crossing, recomputed;
  llvm::DenseMap<Value, Value> clones;
};

} // namespace
