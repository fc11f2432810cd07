//===- InsertLora.cpp - peft.lora behind marked ops -----------------------===//
#include "passes/Adapt/Parameters.h"

namespace peft {
#define GEN_PASS_DEF_INSERTLORAPASS
#include "passes/Adapt/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;
using namespace peft::adapt;

namespace {

struct InsertLoraPass : peft::impl::InsertLoraPassBase<InsertLoraPass> {
  void runOnOperation() override {
    SmallVector<Operation *> marked;
    getOperation().walk([&](Operation *op) {
      if (op->hasAttr(loraMark))
        marked.push_back(op);
    });
    ParameterAdder parameters(getOperation());
    int32_t salt = 0; // another mask at each place
    for (Operation *op : marked) {
      auto lora = dyn_cast<adapter::LoraAttr>(op->removeAttr(loraMark));
      LogicalResult result = success();
      if (!lora)
        result = op->emitError("expected ") << loraMark << " to be #peft.lora";
      else if (auto linear = dyn_cast<nn::LinearOp>(op))
        result = wrap(linear, lora, ++salt, parameters);
      else if (auto embedding = dyn_cast<nn::EmbeddingOp>(op))
        result = wrap(embedding, lora, parameters);
      else
        result = op->emitError("expected ") << loraMark << " on nn.linear or nn.embedding";
      if (failed(result))
        return signalPassFailure();
    }
  }

  static std::optional<std::string> keyOf(Operation *op) {
    if (auto module = op->getAttrOfType<StringAttr>("module"))
      return (peftPrefix + module.getValue()).str();
    op->emitError("expected a module name, which the adapter's keys are made of");
    return std::nullopt;
  }

  /// PEFT's init_lora_weights: A uniform as torch's linear or N(0, 1/r²), B zero; or
  /// both uniform ("random"), so that the update is not zero.
  LogicalResult wrap(nn::LinearOp op, adapter::LoraAttr lora, int32_t salt, ParameterAdder &parameters) {
    std::optional<std::string> key = keyOf(op);
    if (!key)
      return failure();
    int64_t r = lora.getR(), in = tensorType(op.getX()).getShape().back();
    int64_t out = tensorType(op.getResult()).getShape().back();
    bool random = lora.getInit() == "random";
    Initial uniformB{nn::Init::uniform, 1.0 / std::sqrt(double(r))};
    Initial initialA = lora.getInit() == "gaussian" ? Initial{nn::Init::normal, 1.0 / double(r)}
                                                    : Initial{nn::Init::uniform, 1.0 / std::sqrt(double(in))};
    auto a = parameters.add(op.getLoc(), *key + ".lora_A.weight", {r, in}, initialA);
    auto b = parameters.add(op.getLoc(), *key + ".lora_B.weight", {out, r}, random ? uniformB : Initial{});
    if (!a || !b)
      return failure();

    OpBuilder builder(op->getContext());
    builder.setInsertionPointAfter(op);
    Type element = tensorType(op.getResult()).getElementType();
    Value aValue = ParameterAdder::read(builder, op.getLoc(), a, element);
    Value bValue = ParameterAdder::read(builder, op.getLoc(), b, element);
    Value bias, seed;
    if (lora.getBias()) {
      auto parameter =
          parameters.add(op.getLoc(), *key + ".lora_B.bias", {out}, random ? uniformB : Initial{});
      if (!parameter)
        return failure();
      bias = ParameterAdder::read(builder, op.getLoc(), parameter, element);
    }
    double dropout = lora.getDropout().getValueAsDouble();
    if (dropout > 0.0 && !(seed = seedOf(op)))
      return failure();
    auto wrapped = builder.create<adapter::LoraOp>(
        op.getLoc(), op.getResult(), op.getX(), aValue, bValue, bias, seed, lora.getScale(),
        builder.getF64FloatAttr(dropout), builder.getI32IntegerAttr(dropout > 0.0 ? salt : 0));
    op.getResult().replaceAllUsesExcept(wrapped, wrapped);
    return success();
  }

  LogicalResult wrap(nn::EmbeddingOp op, adapter::LoraAttr lora, ParameterAdder &parameters) {
    std::optional<std::string> key = keyOf(op);
    if (!key)
      return failure();
    RankedTensorType table = tensorType(op.getTable());
    // An embedding is the other way round: A zero, B N(0, 1); "random" has both N(0, 1).
    Initial normal{nn::Init::normal, 1.0};
    auto a = parameters.add(op.getLoc(), *key + ".lora_embedding_A", {lora.getR(), table.getDimSize(0)},
                            lora.getInit() == "random" ? normal : Initial{});
    auto b =
        parameters.add(op.getLoc(), *key + ".lora_embedding_B", {table.getDimSize(1), lora.getR()}, normal);
    if (!a || !b)
      return failure();
    OpBuilder builder(op->getContext());
    builder.setInsertionPointAfter(op);
    Type element = tensorType(op.getResult()).getElementType();
    Value aValue = ParameterAdder::read(builder, op.getLoc(), a, element);
    Value bValue = ParameterAdder::read(builder, op.getLoc(), b, element);
    auto wrapped = builder.create<adapter::LoraEmbeddingOp>(op.getLoc(), op.getResult(), op.getIds(), aValue,
                                                            bValue, lora.getScale());
    op.getResult().replaceAllUsesExcept(wrapped, wrapped);
    return success();
  }
};

} // namespace
