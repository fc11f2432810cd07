//===- ChunkHead.cpp - head and loss on a few labelled rows at a time -----===//
//
// Sound because every op that it moves works row by row, because rows without a
// target have a zero cotangent, and because sums over rows are sums over chunks.
//
//===----------------------------------------------------------------------===//

#include "passes/Fuse/Passes.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

namespace peft {
#define GEN_PASS_DEF_CHUNKHEADPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

namespace {

/// The head of one function: the ops on tensors of the logits' shape.
class Head {
public:
  Head(nn::CrossEntropyOp crossEntropy, int64_t chunk) : crossEntropy(crossEntropy) {
    targets = crossEntropy.getTargets();
    rowShape = cast<RankedTensorType>(targets.getType()).getShape();
    rows = std::min(chunk, cast<RankedTensorType>(targets.getType()).getNumElements());
    wide = cast<RankedTensorType>(crossEntropy.getLogits().getType()).getShape();
    for (Operation &op : *crossEntropy->getBlock())
      if (!isa<arith::ConstantOp>(op) &&
          (llvm::any_of(op.getOperandTypes(), [&](Type t) { return isWide(t); }) ||
           llvm::any_of(op.getResultTypes(), [&](Type t) { return isWide(t); })))
        ops.insert(&op);
  }

  /// Null, or why it can't run in chunks.
  const char *obstacle() {
    for (Operation *op : ops)
      if (!isa<RowwiseOpInterface>(op))
        return "an op on the logits does not work row by row";
    for (Operation *op : ops) {
      for (Value operand : op->getOperands())
        if (Operation *def = operand.getDefiningOp(); def && !ops.contains(def) && dependsOnHead(def))
          return "an op on the logits needs what is computed from them elsewhere";
    }
    return nullptr;
  }

  void outline() {
    Operation *last = ops.back();
    SmallVector<Operation *> later; // between the head's ops, but computed from them
    for (Operation *op = ops.front(); op != last; op = op->getNextNode())
      if (!ops.contains(op) && dependsOnHead(op))
        later.push_back(op);

    collectOperands();
    OpBuilder builder(last);
    SmallVector<Type> resultTypes;
    SmallVector<bool> sums;
    for (Value result : results) {
      resultTypes.push_back(result.getType());
      sums.push_back(isSum(result));
    }
    auto chunks = builder.create<train::ChunkRowsOp>(crossEntropy.getLoc(), resultTypes, targets, rowOperands,
                                                     rows, sums);
    fill(chunks);
    for (auto [old, result] : llvm::zip_equal(results, chunks.getResults()))
      old.replaceAllUsesWith(result);
    Operation *end = chunks;
    for (Operation *op : later) {
      op->moveAfter(end);
      end = op;
    }
    for (Operation *op : llvm::reverse(accumulates))
      op->erase();
    for (Operation *op : llvm::reverse(ops))
      op->erase();
  }

private:
  bool isWide(Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.getShape() == wide;
  }

  bool dependsOnHead(Operation *op) {
    SetVector<Operation *> slice;
    BackwardSliceOptions options;
    options.inclusive = true;
    getBackwardSlice(op, &slice, options);
    return llvm::any_of(slice, [&](Operation *def) { return ops.contains(def); });
  }

  static bool isSum(Value value) {
    return cast<RowwiseOpInterface>(value.getDefiningOp())
        .isSumResult(cast<OpResult>(value).getResultNumber());
  }

  /// A tensor with a row for each target, or its chunk: [.., c] -> [rows, c].
  Type chunkOf(Type type) {
    auto tensor = cast<RankedTensorType>(type);
    SmallVector<int64_t> shape{rows};
    llvm::append_range(shape, tensor.getShape().drop_front(rowShape.size()));
    return RankedTensorType::get(shape, tensor.getElementType());
  }

  void collectOperands() {
    for (Operation *op : ops) {
      auto rowwise = cast<RowwiseOpInterface>(op);
      for (OpOperand &operand : op->getOpOperands()) {
        Operation *def = operand.get().getDefiningOp();
        if (!rowwise.isRowOperand(operand.getOperandNumber()) || (def && ops.contains(def)))
          continue;
        if (DenseElementsAttr constant;
            matchPattern(operand.get(), m_Constant(&constant)) && constant.isSplat())
          splats.insert(operand.get());
        else if (!llvm::is_contained(rowOperands, operand.get()))
          rowOperands.push_back(operand.get());
      }
      for (Value result : op->getResults()) {
        for (Operation *user : result.getUsers()) {
          if (ops.contains(user))
            continue;
          if (isSum(result) && isa<train::AccumulateOp>(user))
            accumulates.insert(user);
          else if (!llvm::is_contained(results, result))
            results.push_back(result);
        }
      }
    }
  }

  void fill(train::ChunkRowsOp chunks) {
    Block &block = chunks.getBody().emplaceBlock();
    OpBuilder builder = OpBuilder::atBlockEnd(&block);
    IRMapping mapping;
    for (Value operand : rowOperands)
      mapping.map(operand, block.addArgument(chunkOf(operand.getType()), operand.getLoc()));
    for (Value splat : splats) {
      DenseElementsAttr constant;
      matchPattern(splat, m_Constant(&constant));
      auto type = cast<ShapedType>(chunkOf(splat.getType()));
      mapping.map(splat, builder.create<arith::ConstantOp>(splat.getLoc(), constant.resizeSplat(type)));
    }
    for (Operation *op : ops) {
      Operation *clone = builder.clone(*op, mapping);
      for (auto [old, result] : llvm::zip_equal(op->getResults(), clone->getResults()))
        if (!isSum(old))
          result.setType(chunkOf(old.getType()));
      for (Operation *user : accumulates)
        if (user->getOperand(0).getDefiningOp() == op)
          builder.clone(*user, mapping);
    }
    SmallVector<Value> yielded;
    for (Value result : results)
      yielded.push_back(mapping.lookup(result));
    builder.create<train::YieldOp>(chunks.getLoc(), yielded);
  }

  nn::CrossEntropyOp crossEntropy;
  Value targets;
  ArrayRef<int64_t> rowShape, wide;
  int64_t rows;
  SetVector<Operation *> ops, accumulates;
  SmallVector<Value> rowOperands, results;
  SetVector<Value> splats; // constants are the same in every row
};

struct ChunkHead : peft::impl::ChunkHeadPassBase<ChunkHead> {
  using ChunkHeadPassBase::ChunkHeadPassBase;

  void runOnOperation() override {
    if (chunk < 1) {
      getOperation().emitError("expected a chunk of 1 row or more, got ") << chunk.getValue();
      return signalPassFailure();
    }
    SmallVector<nn::CrossEntropyOp> losses;
    getOperation().walk([&](nn::CrossEntropyOp op) {
      if (isa<func::FuncOp>(op->getParentOp()))
        losses.push_back(op);
    });
    for (nn::CrossEntropyOp loss : losses) {
      Head head(loss, chunk);
      if (const char *obstacle = head.obstacle())
        loss.emitRemark("the head does not run in chunks: ") << obstacle;
      else
        head.outline();
    }
  }
};

} // namespace
