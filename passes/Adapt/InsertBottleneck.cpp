//===- InsertBottleneck.cpp - peft.bottleneck in front of marked residuals ===//
#include "passes/Adapt/Parameters.h"

namespace peft {
#define GEN_PASS_DEF_INSERTBOTTLENECKPASS
#include "passes/Adapt/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;
using namespace peft::adapt;

namespace {

struct InsertBottleneckPass : peft::impl::InsertBottleneckPassBase<InsertBottleneckPass> {
  void runOnOperation() override {
    SmallVector<Operation *> marked;
    getOperation().walk([&](Operation *op) {
      if (op->hasAttr(bottleneckMark))
        marked.push_back(op);
    });
    ParameterAdder parameters(getOperation());
    for (Operation *op : marked)
      if (failed(insert(op, parameters)))
        return signalPassFailure();
  }

  /// y = x + h  ->  y = x + bottleneck(h, x + h); AdapterHub's init "bert": N(0, 0.02), biases 0.
  LogicalResult insert(Operation *op, ParameterAdder &parameters) {
    auto residual = dyn_cast<nn::ResidualOp>(op);
    auto wanted = dyn_cast<adapter::BottleneckAttr>(op->removeAttr(bottleneckMark));
    if (!residual || !wanted || !isa<RankedTensorType>(op->getResult(0).getType()))
      return op->emitError("expected #peft.bottleneck as ")
             << bottleneckMark << " on an nn.residual of tensors";
    auto kind = nn::symbolizeActivationKind(wanted.getActivation().getValue()); // verified by the attribute

    Location loc = op->getLoc();
    RankedTensorType type = tensorType(residual.getResult());
    int64_t hidden = type.getShape().back(), width = wanted.getWidth();
    std::string key = wanted.getKey().str();
    Initial normal{nn::Init::normal, 0.02};
    OpBuilder builder(op);
    SmallVector<Value> values;
    for (const auto &[name, shape, initial] : {std::tuple<StringRef, SmallVector<int64_t>, Initial>{
                                                   ".adapter_down.0.weight", {width, hidden}, normal},
                                               {".adapter_down.0.bias", {width}, Initial{}},
                                               {".adapter_up.weight", {hidden, width}, normal},
                                               {".adapter_up.bias", {hidden}, Initial{}}}) {
      nn::ParameterOp parameter = parameters.add(loc, key + name, shape, initial);
      if (!parameter)
        return failure();
      values.push_back(ParameterAdder::read(builder, loc, parameter, type.getElementType()));
    }
    Value h = residual.getBranch();
    Value sum = builder.create<nn::ResidualOp>(loc, residual.getX(), h, /*module=*/StringAttr());
    Value adapted = builder.create<adapter::BottleneckOp>(loc, h, sum, values[0], values[1], values[2],
                                                          values[3], *kind, wanted.getScale().getValue());
    residual.getBranchMutable().assign(adapted);
    return success();
  }
};

} // namespace
