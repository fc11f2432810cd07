//===- InsertSoftPrompt.cpp - virtual tokens in front of every row --------===//
#include "passes/Adapt/Parameters.h"

#include "mlir/Interfaces/InferTypeOpInterface.h"

namespace peft {
#define GEN_PASS_DEF_INSERTSOFTPROMPTPASS
#include "passes/Adapt/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;
using namespace peft::adapt;

namespace {

/// Result types of everything behind a value whose shape changed. Casts keep their
/// element type; every other op of a model can infer.
LogicalResult inferAgain(Operation *op) {
  if (isa<nn::CastOp>(op)) {
    Type element = tensorType(op->getResult(0)).getElementType();
    op->getResult(0).setType(tensorType(op->getOperand(0)).clone(element));
    return success();
  }
  if (op->getNumResults() == 0 || op->getNumOperands() == 0)
    return success();
  auto inferring = dyn_cast<InferTypeOpInterface>(op);
  if (!inferring)
    return op->emitError("cannot infer its type for a longer sequence");
  SmallVector<Type> types;
  if (failed(inferring.inferReturnTypes(op->getContext(), op->getLoc(), op->getOperands(),
                                        op->getAttrDictionary(), op->getPropertiesStorage(), op->getRegions(),
                                        types)))
    return failure();
  for (auto [result, type] : llvm::zip_equal(op->getResults(), types))
    result.setType(type);
  return success();
}

struct InsertSoftPromptPass : peft::impl::InsertSoftPromptPassBase<InsertSoftPromptPass> {
  void runOnOperation() override {
    ParameterAdder parameters(getOperation());
    SmallVector<func::FuncOp> marked;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->hasAttr(promptMark))
        marked.push_back(function);
    for (func::FuncOp function : marked)
      if (failed(prepend(function, parameters)))
        return signalPassFailure();
  }

  LogicalResult prepend(func::FuncOp function, ParameterAdder &parameters) {
    auto count = dyn_cast<IntegerAttr>(function->removeAttr(promptMark));
    if (!count || count.getInt() < 1)
      return function.emitError("expected a number of tokens as ") << promptMark;
    if (function.getNumArguments() != 5 ||
        llvm::any_of(function.getArgumentTypes().take_front(4),
                     [](Type type) { return !isa<RankedTensorType>(type); }))
      return function.emitError("expected the arguments input_ids, labels, positions, segments and seed");
    auto embeddings = llvm::to_vector(function.getOps<nn::EmbeddingOp>());
    if (embeddings.size() != 1)
      return function.emitError("expected one nn.embedding, got ") << embeddings.size();

    // Behind the last pass that touched it, so that its own LoRA sees the given tokens only.
    Value tokens = embeddings.front().getResult();
    Location loc = embeddings.front().getLoc();
    RankedTensorType type = tensorType(tokens);
    auto prompt = parameters.add(loc, "prompt_embeddings", {count.getInt(), type.getShape().back()},
                                 Initial{nn::Init::normal, 1.0});
    if (!prompt)
      return failure();
    OpBuilder builder(function.getContext());
    builder.setInsertionPointAfterValue(tokens);
    Value rows = ParameterAdder::read(builder, loc, prompt, type.getElementType());
    auto prompted = builder.create<adapter::SoftPromptOp>(loc, tokens, rows);
    tokens.replaceAllUsesExcept(prompted, prompted);

    // Labels that don't count, positions from 0 over both, the segment of the first document.
    builder.setInsertionPointToStart(&function.getBody().front());
    for (auto [index, value, positions] :
         {std::tuple<unsigned, int32_t, bool>{1, -100, false}, {2, 0, true}, {3, 1, false}}) {
      BlockArgument given = function.getArgument(index);
      auto longer = builder.create<nn::PrependOp>(loc, given, count.getInt(), value, positions);
      given.replaceAllUsesExcept(longer, longer);
    }
    getOperation()->setAttr(virtualTokensAttr, count);
    for (Operation &op : function.getBody().front())
      if (!op.hasTrait<OpTrait::IsTerminator>() && failed(inferAgain(&op)))
        return failure();
    Operation *end = function.getBody().front().getTerminator();
    if (TypeRange(end->getOperandTypes()) != TypeRange(function.getResultTypes()))
      function.setType(
          FunctionType::get(function.getContext(), function.getArgumentTypes(), end->getOperandTypes()));
    return success();
  }
};

} // namespace
