//===- MergeElementwise.cpp - passes over the same tensors become one -----===//
//
// The two passes become one where the later stands. What reads the earlier one's results
// in between moves behind it; nothing else moves, so the order that is left is legal if
// the later pass needs none of what moves.
//
//===----------------------------------------------------------------------===//

#include "passes/Fuse/Passes.h"
#include "passes/Fuse/Stretch.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace peft {
#define GEN_PASS_DEF_MERGEELEMENTWISEPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

namespace {

using Ops = SmallVector<Operation *>;

class Merge {
public:
  /// REQUIRES: `first` stands before `second` in one block.
  Merge(train::ElementwiseOp first, train::ElementwiseOp second) : first(first), second(second) {}

  bool isLegal() {
    if (first.getResultType() != second.getResultType() || first->hasAttr("train.backward"))
      return false;
    llvm::DenseSet<Operation *> isMoved;
    auto readsMoved = [&](Operation *op) {
      return llvm::any_of(operandsOf(op),
                          [&](Value value) { return isMoved.contains(value.getDefiningOp()); });
    };
    for (Operation *op = first->getNextNode(); op != second; op = op->getNextNode()) {
      bool reads = readsMoved(op) ||
                   llvm::any_of(operandsOf(op), [&](Value value) { return value.getDefiningOp() == first; });
      if (reads && !isMemoryEffectFree(op) && !isa<train::AccumulateOp>(op))
        return false;
      // What the forward part keeps for the backward part is read off the order.
      if (op->walk([](Operation *inner) {
              return WalkResult(success(!inner->hasAttr("train.backward")));
            }).wasInterrupted())
        return false;
      if (reads)
        isMoved.insert(op);
      (reads ? moved : kept).push_back(op);
    }
    return !readsMoved(second) && !second->hasAttr("train.backward");
  }

  /// Whether the arena may have to be larger for it.
  bool needsMoreMemory() {
    SmallVector<Step> before, after;
    before.push_back(stepOf(first));
    for (Operation *op = first->getNextNode(); op != second; op = op->getNextNode())
      before.push_back(stepOf(op));
    before.push_back(stepOf(second));
    for (Operation *op : kept)
      after.push_back(stepOf(op));
    after.push_back({leaves(), results(), leaves()});
    for (Operation *op : moved)
      after.push_back(stepOf(op));
    return peakBytes(after, second) > peakBytes(before, second);
  }

  train::ElementwiseOp apply() {
    OpBuilder builder(second);
    SmallVector<Value> inputs = leaves(), outputs = results();
    auto merged =
        builder.create<train::ElementwiseOp>(second.getLoc(), TypeRange(ValueRange(outputs)), inputs);
    Block &block = merged.getBody().emplaceBlock();
    IRMapping scalars; // of tensors and of what the two regions compute
    for (Value input : inputs)
      scalars.map(input, block.addArgument(builder.getF32Type(), input.getLoc()));
    builder.setInsertionPointToStart(&block);
    for (train::ElementwiseOp part : {first, second}) {
      Block &body = part.getBody().front();
      for (auto [argument, input] : llvm::zip_equal(body.getArguments(), part.getInputs()))
        scalars.map(argument, scalars.lookup(input));
      for (Operation &op : body.without_terminator())
        builder.clone(op, scalars);
      for (auto [result, yielded] : llvm::zip_equal(part.getResults(), part.getYielded()))
        scalars.map(result, scalars.lookup(yielded));
    }
    SmallVector<Value> yielded;
    for (Value output : outputs)
      yielded.push_back(scalars.lookup(output));
    builder.create<train::YieldOp>(second.getLoc(), yielded);

    Operation *end = second;
    for (Operation *op : moved) {
      op->moveAfter(end);
      end = op;
    }
    for (auto [output, result] : llvm::zip_equal(outputs, merged.getResults()))
      output.replaceAllUsesWith(result);
    second.erase();
    first.erase();
    return merged;
  }

private:
  SmallVector<Value> leaves() {
    SetVector<Value> leaves(first.getInputs().begin(), first.getInputs().end());
    for (Value input : second.getInputs())
      if (input.getDefiningOp() != first)
        leaves.insert(input);
    return leaves.takeVector();
  }

  /// But for what only the other of the two reads.
  SmallVector<Value> results() {
    SmallVector<Value> results;
    for (Value result : first.getResults())
      if (llvm::any_of(result.getUsers(), [&](Operation *user) { return user != second; }))
        results.push_back(result);
    llvm::append_range(results, second.getResults());
    return results;
  }

  train::ElementwiseOp first, second;
  Ops moved, kept; // of those in between
};

/// Those before `op` that read what it reads or make it, the nearest first.
SmallVector<train::ElementwiseOp> partners(train::ElementwiseOp op) {
  SetVector<Operation *> found;
  auto add = [&](Operation *other) {
    if (isa_and_nonnull<train::ElementwiseOp>(other) && other->getBlock() == op->getBlock() &&
        other->isBeforeInBlock(op))
      found.insert(other);
  };
  for (Value input : op.getInputs()) {
    add(input.getDefiningOp());
    for (Operation *user : input.getUsers())
      add(user);
  }
  auto nearest =
      llvm::map_to_vector(found, [](Operation *other) { return cast<train::ElementwiseOp>(other); });
  llvm::sort(nearest, [](Operation *a, Operation *b) { return b->isBeforeInBlock(a); });
  return nearest;
}

struct MergeElementwise : peft::impl::MergeElementwisePassBase<MergeElementwise> {
  void runOnOperation() override {
    llvm::SetVector<Block *> blocks;
    getOperation().walk([&](train::ElementwiseOp op) { blocks.insert(op->getBlock()); });
    for (Block *block : blocks)
      for (Operation *op = &block->back(); op; op = op->getPrevNode())
        while (auto elementwise = dyn_cast<train::ElementwiseOp>(op)) {
          Operation *merged = mergeWithPartner(elementwise);
          if (!merged)
            break;
          op = merged;
        }
  }

private:
  static Operation *mergeWithPartner(train::ElementwiseOp op) {
    for (train::ElementwiseOp partner : partners(op)) {
      Merge merge(partner, op);
      if (merge.isLegal() && !merge.needsMoreMemory())
        return merge.apply();
    }
    return nullptr;
  }
};

} // namespace
