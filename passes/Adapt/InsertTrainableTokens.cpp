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
    SmallVector<nn::EmbeddingOp> embeddings;
    SmallVector<nn::LinearOp> heads;
    WalkResult walked = getOperation().walk([&](Operation *op) {
      if (!op->hasAttr(tokensMark))
        return WalkResult::advance();
      if (auto embedding = dyn_cast<nn::EmbeddingOp>(op))
        return embeddings.push_back(embedding), WalkResult::advance();
      if (auto head = dyn_cast<nn::LinearOp>(op))
        return heads.push_back(head), WalkResult::advance();
      op->emitError("expected ") << tokensMark << " on nn.embedding or nn.linear";
      return WalkResult::interrupt();
    });
    if (walked.wasInterrupted())
      return signalPassFailure();
    ParameterAdder parameters(getOperation());
    for (nn::EmbeddingOp op : embeddings) // while heads with rows of their own are still marked
      if (failed(override(op, parameters)))
        return signalPassFailure();
    for (nn::LinearOp op : heads) {
      FailureOr<nn::ParameterOp> rows = addRows(op, op.getWeight(), parameters);
      if (failed(rows) || failed(overrideHead(op, *rows)))
        return signalPassFailure();
    }
  }

  /// The new rows, which start as copies of the table's own.
  FailureOr<nn::ParameterOp> addRows(Operation *op, Value weight, ParameterAdder &parameters) {
    auto ids = dyn_cast<DenseI32ArrayAttr>(op->removeAttr(tokensMark));
    auto table = weight.getDefiningOp<nn::GetOp>();
    auto module = op->getAttrOfType<StringAttr>("module");
    if (!ids || ids.empty() || !table || !module)
      return op->emitError("expected a module name, a parameter as table and array<i32: …> as ")
             << tokensMark;
    RankedTensorType type = tensorType(table);
    for (int32_t id : ids.asArrayRef())
      if (id < 0 || id >= type.getDimSize(0))
        return op->emitError("expected token ids below ") << type.getDimSize(0) << ", got " << id;

    std::string key = (peftPrefix + module.getValue() + ".token_adapter.trainable_tokens_delta").str();
    auto source = SymbolTable::lookupNearestSymbolFrom<nn::ParameterOp>(op, table.getParameterAttr());
    auto rows = parameters.add(op->getLoc(), key, {ids.size(), type.getDimSize(1)}, Initial{nn::Init::rows});
    if (!rows)
      return failure();
    rows.setRowsAttr(ids);
    rows.setSource(source.getSourceKey());
    return rows;
  }

  LogicalResult override(nn::EmbeddingOp op, ParameterAdder &parameters) {
    FailureOr<nn::ParameterOp> rows = addRows(op, op.getTable(), parameters);
    if (failed(rows))
      return failure();
    OpBuilder builder(op->getContext());
    builder.setInsertionPointAfter(op);
    Value value =
        ParameterAdder::read(builder, op.getLoc(), *rows, tensorType(op.getResult()).getElementType());
    auto replaced = builder.create<adapter::OverrideRowsOp>(op.getLoc(), op.getResult(), op.getIds(), value,
                                                            rows->getRowsAttr());
    op.getResult().replaceAllUsesExcept(replaced, replaced);

    // A head that shares the table shares the rows, unless it has its own.
    FlatSymbolRefAttr table = op.getTable().getDefiningOp<nn::GetOp>().getParameterAttr();
    SmallVector<nn::LinearOp> tied;
    op->getParentOp()->walk([&](nn::LinearOp linear) {
      auto get = linear.getWeight().getDefiningOp<nn::GetOp>();
      if (get && get.getParameterAttr() == table && !linear->hasAttr(tokensMark))
        tied.push_back(linear);
    });
    return success(
        llvm::all_of(tied, [&](nn::LinearOp head) { return succeeded(overrideHead(head, *rows)); }));
  }

  /// linear(h, table with the rows in it) = override_columns(linear(h, table), linear(h, rows))
  LogicalResult overrideHead(nn::LinearOp head, nn::ParameterOp rows) {
    if (head.getBias() || head.getTransposed())
      return head.emitError(
          "expected a linear without bias, not transposed, because rows of its table are trained");
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
    return success();
  }
};

} // namespace
