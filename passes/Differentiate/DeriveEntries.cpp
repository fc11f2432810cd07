//===- DeriveEntries.cpp - @evaluate, @forward and @update from @loss -----===//

#include "passes/Differentiate/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace peft {
#define GEN_PASS_DEF_DERIVEENTRIESPASS
#include "passes/Differentiate/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

namespace {

// select_rows(rowwise(x, y, ..., w), rows) -> rowwise(select_rows(x, rows), select_rows(y, rows), ..., w)
//
// Of an op with several results, the one that was selected.
struct SelectBeforeRowwise : OpRewritePattern<nn::SelectRowsOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(nn::SelectRowsOp select, PatternRewriter &rewriter) const override {
    Operation *op = select.getX().getDefiningOp();
    auto rowwise = dyn_cast_or_null<RowwiseOpInterface>(op);
    if (!rowwise ||
        llvm::any_of(llvm::seq(op->getNumResults()), [&](unsigned i) { return rowwise.isSumResult(i); }))
      return rewriter.notifyMatchFailure(select,
                                         "its operand does not come from an op that works row by row");
    SmallVector<Value> operands;
    for (OpOperand &operand : op->getOpOperands()) {
      auto type = dyn_cast<RankedTensorType>(operand.get().getType());
      bool select3d = rowwise.isRowOperand(operand.getOperandNumber()) && type.getRank() == 3;
      operands.push_back(
          select3d ? rewriter.create<nn::SelectRowsOp>(select.getLoc(), operand.get(), select.getRows())
                   : operand.get());
    }
    SmallVector<Type> types;
    for (Type type : op->getResultTypes()) {
      auto tensor = cast<RankedTensorType>(type);
      types.push_back(tensor.clone({tensor.getDimSize(0), tensor.getShape().back()}));
    }
    Operation *moved =
        rewriter.create(op->getLoc(), op->getName().getIdentifier(), operands, types, op->getAttrs());
    rewriter.replaceOp(select, moved->getResult(cast<OpResult>(select.getX()).getResultNumber()));
    return success();
  }
};

// select_rows(splat c, rows) -> splat c
struct SelectOfSplat : OpRewritePattern<nn::SelectRowsOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(nn::SelectRowsOp select, PatternRewriter &rewriter) const override {
    DenseElementsAttr constant;
    if (!matchPattern(select.getX(), m_Constant(&constant)) || !constant.isSplat())
      return rewriter.notifyMatchFailure(select, "its operand is no splat constant");
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(select, constant.resizeSplat(select.getType()));
    return success();
  }
};

struct DeriveEntries : peft::impl::DeriveEntriesPassBase<DeriveEntries> {
  using DeriveEntriesPassBase::DeriveEntriesPassBase;

  void runOnOperation() override {
    auto loss = getOperation().lookupSymbol<func::FuncOp>(kLoss);
    if (!loss) {
      getOperation().emitError("expected a function @loss to derive entry functions from");
      return signalPassFailure();
    }
    if (optimizer != "adamw" && optimizer != "sgd") {
      getOperation().emitError("unknown optimizer '") << optimizer << "': expected adamw or sgd";
      return signalPassFailure();
    }
    OpBuilder builder(&getContext());
    auto ids = cast<RankedTensorType>(loss.getArgumentTypes().front());
    getOperation()->setAttr("train.batch", builder.getI64IntegerAttr(ids.getDimSize(0)));
    getOperation()->setAttr("train.seq_len", builder.getI64IntegerAttr(ids.getDimSize(1)));
    getOperation()->setAttr("train.optimizer", builder.getStringAttr(optimizer.getValue()));

    loss.walk([](nn::DropoutOp dropout) {
      dropout.replaceAllUsesWith(dropout.getX());
      dropout.erase();
    });
    if (failed(deriveForward(loss)))
      return signalPassFailure();
    deriveUpdate();
    loss.setName(kEvaluate); // without dropout, it is that
  }

private:
  LogicalResult deriveForward(func::FuncOp loss) {
    func::FuncOp forward = loss.clone();
    forward.setName(kForward);
    getOperation().push_back(forward);
    Block &body = forward.getBody().front();
    Operation *terminator = body.getTerminator();
    auto crossEntropy = terminator->getOperand(0).getDefiningOp<nn::CrossEntropyOp>();
    if (!crossEntropy)
      return loss.emitError("expected @loss to return the result of an nn.cross_entropy");

    auto logits = cast<TypedValue<RankedTensorType>>(crossEntropy.getLogits());
    auto rows = RankedTensorType::get({logits.getType().getDimSize(0)}, IntegerType::get(&getContext(), 32));
    forward.insertArgument(forward.getNumArguments(), rows, {}, forward.getLoc());
    OpBuilder builder(terminator);
    Location loc = crossEntropy.getLoc();
    Value select = builder.create<nn::SelectRowsOp>(loc, logits, body.getArguments().back());
    auto f32 = cast<RankedTensorType>(select.getType()).clone(builder.getF32Type());
    select = builder.createOrFold<nn::CastOp>(loc, f32, select);
    terminator->setOperand(0, select);
    forward.setFunctionType(builder.getFunctionType(body.getArgumentTypes(), TypeRange(f32)));

    RewritePatternSet patterns(&getContext());
    patterns.add<SelectBeforeRowwise, SelectOfSplat>(&getContext());
    return applyPatternsAndFoldGreedily(forward, std::move(patterns));
  }

  void deriveUpdate() {
    auto builder = OpBuilder::atBlockEnd(getOperation().getBody());
    Location loc = getOperation().getLoc();
    auto norm = RankedTensorType::get({}, builder.getF32Type());
    auto update = builder.create<func::FuncOp>(loc, kUpdate, builder.getFunctionType({}, TypeRange(norm)));
    builder.setInsertionPointToStart(update.addEntryBlock());
    Value value = builder.create<train::ClipNormOp>(loc, norm);
    if (optimizer == "adamw")
      builder.create<train::AdamWOp>(loc);
    else
      builder.create<train::SGDOp>(loc);
    builder.create<func::ReturnOp>(loc, value);
  }
};

} // namespace
