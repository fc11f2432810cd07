//===- QuantizeBase.cpp - encodings on frozen weights ---------------------===//
#include "passes/Adapt/Parameters.h"

namespace peft {
#define GEN_PASS_DEF_QUANTIZEBASEPASS
#include "passes/Adapt/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;
using namespace peft::adapt;

namespace {

/// A linear that reads the value as its weight and is not the output head, which
/// bitsandbytes keeps dense.
bool isBaseLinear(OpOperand &use) {
  auto linear = dyn_cast<nn::LinearOp>(use.getOwner());
  if (!linear || use.get() != linear.getWeight() || use.get() == linear.getX())
    return false;
  StringRef module = linear.getModule().value_or("");
  return module != "lm_head" && !module.ends_with(".lm_head");
}

struct QuantizeBasePass : peft::impl::QuantizeBasePassBase<QuantizeBasePass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    Attribute wanted = module->removeAttr(quantizeMark);
    if (!wanted)
      return;
    auto encoding = dyn_cast<StorageEncodingInterface>(wanted);
    if (!encoding) {
      module.emitError("expected ") << quantizeMark << " to be an encoding such as #peft.nf4, got " << wanted;
      return signalPassFailure();
    }
    llvm::MapVector<StringAttr, SmallVector<nn::GetOp>> gets;
    module.walk([&](nn::GetOp get) { gets[get.getParameterAttr().getAttr()].push_back(get); });
    SymbolTable symbols(module);
    bool any = false;
    for (auto &[name, reads] : gets) {
      auto parameter = symbols.lookup<nn::ParameterOp>(name);
      RankedTensorType dense = parameter.getTensorType();
      any |= dense.getEncoding() && dense.getEncoding().getTypeID() == wanted.getTypeID();
      if (parameter->hasAttr(trainMark) || dense.getRank() != 2 || dense.getEncoding())
        continue;
      if (!llvm::all_of(reads, [](nn::GetOp get) { return llvm::all_of(get->getUses(), isBaseLinear); }))
        continue;
      auto refused = [&] { return parameter.emitError("--quantize: "); };
      auto encoded =
          RankedTensorType::getChecked(refused, dense.getShape(), dense.getElementType(), encoding);
      if (!encoded)
        return signalPassFailure();
      parameter.setType(encoded);
      for (nn::GetOp get : reads) {
        get.getResult().setType(encoded);
        OpBuilder builder(get->getContext());
        builder.setInsertionPointAfter(get);
        auto values = builder.create<adapter::DequantizeOp>(get.getLoc(), get.getResult());
        get.getResult().replaceAllUsesExcept(values, values);
      }
      any = true;
    }
    if (!any) {
      module.emitError("--quantize: no frozen weight of a linear is left to be quantized");
      signalPassFailure();
    }
  }
};

} // namespace
