//===- VerifyScheduled.cpp - what may stand at the scheduled level --------===//

#include "passes/Plan/Passes.h"
#include "peft/Analysis/Lifetimes.h"

namespace peft {
#define GEN_PASS_DEF_VERIFYSCHEDULEDPASS
#include "passes/Plan/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

namespace {

struct VerifyScheduled : peft::impl::VerifyScheduledPassBase<VerifyScheduled> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (auto function : module.getOps<func::FuncOp>()) {
      if (function.isPrivate())
        continue;
      WalkResult walk = function.walk([&](Operation *op) {
        if (!isa<exec::ExecDialect, func::FuncDialect>(op->getDialect())) {
          op->emitOpError("is left at the scheduled level").attachNote()
              << "peft-schedule should have replaced it";
          return WalkResult::interrupt();
        }
        auto buffer = dyn_cast<exec::BufferOp>(op);
        if (buffer && !buffer.getOffset()) {
          op->emitOpError("has no offset").attachNote() << "peft-plan should have given it one";
          return WalkResult::interrupt();
        }
        if (auto call = dyn_cast<exec::RuntimeCallOpInterface>(op); call && writesFrozen(call))
          return WalkResult::interrupt();
        return WalkResult::advance();
      });
      if (walk.wasInterrupted() || failed(verifyDisjoint(function)))
        return signalPassFailure();
    }
  }

private:
  /// Weights that training does not change may lie in a file that is mapped for reading.
  static bool writesFrozen(exec::RuntimeCallOpInterface call) {
    for (Value output : call->getOperands().take_front(call.getNumOutputs())) {
      Operation *def = output.getDefiningOp();
      if (!isa_and_nonnull<exec::ParameterOp, exec::GradientOp>(def))
        continue;
      auto name = def->getAttrOfType<FlatSymbolRefAttr>("parameter");
      nn::ParameterOp parameter = nn::firstParameter(SymbolTable::lookupNearestSymbolFrom(call, name));
      if (parameter && parameter.isTrainable())
        continue;
      call->emitOpError("writes ") << name << ", which is not a trainable parameter";
      return true;
    }
    return false;
  }

  /// Every pair that lives at one time, also if somebody else planned it.
  LogicalResult verifyDisjoint(func::FuncOp function) {
    Lifetimes lifetimes(function);
    return success(succeeded(verifyDisjoint(lifetimes.buffers)) &&
                   succeeded(verifyDisjoint(lifetimes.hostBuffers)));
  }

  static LogicalResult verifyDisjoint(std::vector<Lifetime> &buffers) {
    llvm::sort(buffers,
               [](Lifetime &a, Lifetime &b) { return *a.buffer.getOffset() < *b.buffer.getOffset(); });
    for (size_t i = 0; i < buffers.size(); ++i) {
      uint64_t end = *buffers[i].buffer.getOffset() + buffers[i].interval.bytes;
      for (size_t j = i + 1; j < buffers.size() && *buffers[j].buffer.getOffset() < end; ++j) {
        const Interval &a = buffers[i].interval, &b = buffers[j].interval;
        if (a.begin <= b.end && b.begin <= a.end)
          return buffers[j].buffer.emitOpError("overlaps buffer '")
                 << buffers[i].buffer.getName() << "', which lives at the same time";
      }
    }
    return success();
  }
};

} // namespace
