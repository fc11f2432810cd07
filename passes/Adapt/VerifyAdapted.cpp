//===- VerifyAdapted.cpp - what may leave the adapted level ---------------===//
#include "passes/Adapt/Parameters.h"

#include "llvm/ADT/StringSet.h"

namespace peft {
#define GEN_PASS_DEF_VERIFYADAPTEDPASS
#include "passes/Adapt/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;
using namespace peft::adapt;

namespace {

struct Mark {
  StringLiteral name, pass;
};
constexpr Mark marks[] = {{loraMark, "peft-insert-lora"},
                          {tokensMark, "peft-insert-trainable-tokens"},
                          {bottleneckMark, "peft-insert-bottleneck"},
                          {promptMark, "peft-insert-soft-prompt"},
                          {saveMark, "peft-save-modules"},
                          {quantizeMark, "peft-quantize-base"},
                          {trainMark, "peft-freeze"}};

struct VerifyAdaptedPass : peft::impl::VerifyAdaptedPassBase<VerifyAdaptedPass> {
  void runOnOperation() override {
    bool good = true;
    getOperation().walk([&](Operation *op) {
      if (isa<adapter::LoraOp, adapter::LoraEmbeddingOp, adapter::BottleneckOp>(op)) {
        op->emitOpError("expected no adapter node here; peft-decompose-adapters should have removed it");
        good = false;
      }
      for (const Mark &mark : marks)
        if (op->hasAttr(mark.name)) {
          op->emitOpError("expected no ") << mark.name << " here; " << mark.pass << " should have removed it";
          good = false;
        }
    });
    if (!good || failed(checkParameters()))
      signalPassFailure();
  }

  LogicalResult checkParameters() {
    llvm::StringSet<> read;
    getOperation().walk([&](nn::GetOp get) {
      if (!get->use_empty())
        read.insert(get.getParameter());
    });
    bool any = false;
    for (auto parameter : getOperation().getOps<nn::ParameterOp>()) {
      if (!parameter.isTrainable())
        continue;
      any = true;
      if (!read.contains(parameter.getSymName()))
        return parameter.emitOpError("expected a trainable parameter to be read, but nothing does");
    }
    if (!any)
      return emitError(getOperation().getLoc())
             << "expected a trainable parameter; peft-freeze found nothing to train";
    return success();
  }
};

} // namespace
