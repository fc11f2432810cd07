//===- InsertTrainableTokens.cpp - own rows for some tokens ---------------===//
#include "passes/Adapt/Parameters.h"

namespace peft {
#define GEN_PASS_DEF_INSERTTRAINABLETOKENSPASS
#include "passes/Adapt/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;
using namespace peft::adapt;

namespace {

struct InsertTrainableTokensPass : peft::impl::InsertTrainableTokensPassBase<InsertTrainableTokensPass> {
  void runOnOperation() override {
    SmallVector<nn::EmbeddingOp> marked;
    WalkResult walked = getOperation().walk([&](Operation *op) {
      if (!op->hasAttr(tokensMark))
        return WalkResult::advance();
      if (auto embedding = dyn_cast<nn::EmbeddingOp>(op)) {
        marked.push_back(embedding);
        return WalkResult::advance();
      }
      op->emitError("expected ") << tokensMark << " on nn.embedding";
      return WalkResult::interrupt();
    });
    if (walked.wasInterrupted())
      return signalPassFailure();
    ParameterAdder parameters(getOperation());
    for (nn::EmbeddingOp op : marked)
      if (failed(override(op, parameters)))
        return signalPassFailure();
  }

  /// The new rows start as copies of the table's own.
  LogicalResult override(nn::EmbeddingOp op, ParameterAdder &parameters) {
    auto ids = dyn_cast<DenseI32ArrayAttr>(op->removeAttr(tokensMark));
    auto table = op.getTable().getDefiningOp<nn::GetOp>();
    if (!ids || !table || !op.getModule())
      return op->emitError("expected a module name, a parameter as table and array<i32: …> as ")
             << tokensMark;
    RankedTensorType type = tensorType(table);
    for (int32_t id : ids.asArrayRef())
      if (id < 0 || id >= type.getDimSize(0))
        return op->emitError("expected token ids below ") << type.getDimSize(0) << ", got " << id;

    std::string key = (peftPrefix + *op.getModule() + ".token_adapter.trainable_tokens_delta").str();
    auto source = SymbolTable::lookupNearestSymbolFrom<nn::ParameterOp>(op, table.getParameterAttr());
    auto rows = parameters.add(op.getLoc(), key, {ids.size(), type.getDimSize(1)}, Initial{nn::Init::rows});
    if (!rows)
      return failure();
    rows.setRowsAttr(ids);
    rows.setSource(source.getSourceKey());

    OpBuilder builder(op->getContext());
    builder.setInsertionPointAfter(op);
    Value value =
        ParameterAdder::read(builder, op.getLoc(), rows, tensorType(op.getResult()).getElementType());
    auto replaced =
        builder.create<adapter::OverrideRowsOp>(op.getLoc(), op.getResult(), op.getIds(), value, ids);
    op.getResult().replaceAllUsesExcept(replaced, replaced);
    return overrideTiedHeads(op, table.getParameterAttr(), rows);
  }

  /// linear(h, table with the rows in it) = override_columns(linear(h, table), linear(h, rows))
  LogicalResult overrideTiedHeads(nn::EmbeddingOp op, FlatSymbolRefAttr table, nn::ParameterOp rows) {
    SmallVector<nn::LinearOp> heads;
    op->getParentOp()->walk([&](nn::LinearOp linear) {
      if (auto get = linear.getWeight().getDefiningOp<nn::GetOp>(); get && get.getParameterAttr() == table)
        heads.push_back(linear);
    });
    for (nn::LinearOp head : heads) {
      if (head.getBias() || head.getTransposed())
        return head.emitError("expected a linear without bias, not transposed, as it shares the table of ")
               << *op.getModule() << ", which has trained rows";
      // In front of the head: so its backward part comes behind the head's, and is added to what that
      // computes.
      OpBuilder builder(head);
      Value value =
          ParameterAdder::read(builder, head.getLoc(), rows, tensorType(head.getResult()).getElementType());
      auto columns = builder.create<nn::LinearOp>(head.getLoc(), head.getX(), value, /*transposed=*/false,
                                                  head.getAlpha().convertToDouble());
      builder.setInsertionPointAfter(head);
      auto replaced = builder.create<adapter::OverrideColumnsOp>(head.getLoc(), head.getResult(), columns,
                                                                 rows.getRowsAttr());
      head.getResult().replaceAllUsesExcept(replaced, replaced);
    }
    return success();
  }
};

} // namespace
