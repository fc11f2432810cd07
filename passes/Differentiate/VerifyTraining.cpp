//===- VerifyTraining.cpp - what may stand at the training level ----------===//

#include "passes/Differentiate/Passes.h"

namespace peft {
#define GEN_PASS_DEF_VERIFYTRAININGPASS
#include "passes/Differentiate/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

namespace {

struct VerifyTraining : peft::impl::VerifyTrainingPassBase<VerifyTraining> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (auto loss = module.lookupSymbol<func::FuncOp>(kLoss)) {
      loss.emitError("@loss is left at the training level").attachNote()
          << "peft-derive-entries should have removed it";
      return signalPassFailure();
    }
    for (StringRef entry : {kMicroStep, kEvaluate, kForward, kUpdate})
      if (!module.lookupSymbol<func::FuncOp>(entry)) {
        module.emitError("expected an entry function @") << entry << " at the training level";
        return signalPassFailure();
      }
    WalkResult walk = module.walk([](Operation *op) {
      StringRef name = op->getName().getStringRef();
      if (name != "peft.lora" && name != "peft.lora_embedding" && name != "peft.bottleneck")
        return WalkResult::advance();
      op->emitOpError("is left at the training level").attachNote()
          << "peft-decompose-adapters should have replaced it";
      return WalkResult::interrupt();
    });
    if (walk.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
