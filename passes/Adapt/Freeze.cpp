//===- Freeze.cpp - which parameters training changes ---------------------===//
#include "passes/Adapt/Parameters.h"

namespace peft {
#define GEN_PASS_DEF_FREEZEPASS
#include "passes/Adapt/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;
using namespace peft::adapt;

namespace {

struct FreezePass : peft::impl::FreezePassBase<FreezePass> {
  void runOnOperation() override {
    llvm::DenseMap<StringAttr, nn::ParameterOp> trained; // by the name that reads still use
    SymbolTable symbols(getOperation());
    for (auto parameter : getOperation().getOps<nn::ParameterOp>()) {
      auto name = dyn_cast_or_null<StringAttr>(parameter->removeAttr(trainMark));
      parameter.setState(name ? nn::ParameterState::trainable : nn::ParameterState::frozen);
      if (!name)
        continue;
      if (parameter.getTensorType().getEncoding()) {
        parameter.emitError("expected a dense weight to train, got ")
            << parameter.getTensorType() << "; a quantized weight can only be frozen";
        return signalPassFailure();
      }
      trained[parameter.getSymNameAttr()] = parameter;
      if (failed(rename(parameter, name, symbols)))
        return signalPassFailure();
    }
    Type f32 = Float32Type::get(&getContext());
    for (auto &entry : trained)
      entry.second.setType(entry.second.getTensorType().clone(f32));
    getOperation().walk([&](nn::GetOp get) {
      if (nn::ParameterOp parameter = trained.lookup(get.getParameterAttr().getAttr()))
        readTrained(get, parameter);
    });
  }

  /// A trained bias is saved under another key than it is read from.
  LogicalResult rename(nn::ParameterOp parameter, StringAttr name, SymbolTable &symbols) {
    if (name == parameter.getSymNameAttr())
      return success();
    if (symbols.lookup(name))
      return parameter.emitError("expected a free name to train under, got '") << name.getValue() << "'";
    if (parameter.getInit() == nn::Init::checkpoint && !parameter.getSource())
      parameter.setSource(parameter.getSymName());
    symbols.remove(parameter);
    parameter.setSymNameAttr(name);
    symbols.insert(parameter);
    return success();
  }

  /// What the model computes in bf16 reads a cast of the float32 master.
  void readTrained(nn::GetOp get, nn::ParameterOp parameter) {
    auto computed = cast<RankedTensorType>(get.getType());
    get.setParameterAttr(FlatSymbolRefAttr::get(parameter.getSymNameAttr()));
    if (computed == parameter.getTensorType())
      return;
    get.getResult().setType(parameter.getTensorType());
    OpBuilder builder(get->getContext());
    builder.setInsertionPointAfter(get);
    auto cast = builder.create<nn::CastOp>(get.getLoc(), computed, get.getResult());
    get.getResult().replaceAllUsesExcept(cast, cast);
  }
};

} // namespace
