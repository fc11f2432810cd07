//===- Plan.cpp - every byte gets its place -------------------------------===//

#include "passes/Plan/Passes.h"
#include "passes/Plan/Schedule.h"
#include "peft/Analysis/Lifetimes.h"
#include "peft/Report/MemoryTable.h"
#include "peft/runtime/workspace.h"

#include "llvm/ADT/StringSet.h"

namespace peft {
#define GEN_PASS_DEF_PLANPASS
#include "passes/Plan/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

namespace {

/// What the calls of all entry functions work in on a GPU.
uint64_t cudaWorkspace(ModuleOp module, bool deterministic) {
  uint64_t bytes = rt::productWorkspace;
  module.walk([&](exec::AttentionGradOp op) {
    ArrayRef<int64_t> q = cast<MemRefType>(op.getQ().getType()).getShape(),
                      k = cast<MemRefType>(op.getK().getType()).getShape();
    int64_t dim = op.getHeadDim();
    auto dq = cast<MemRefType>(op.getDq().getType());
    rt::AttentionSizes sizes = {q[0], q[1], q[2] / dim, k[2] / dim, dim};
    sizes.columns = !dq.getLayout().isIdentity();
    bool isBF16 = cast<MemRefType>(op.getQ().getType())
                      .getElementType()
                      .isBF16(); // cuDNN's; float32 is exact by own kernels
    bytes = std::max(bytes, isBF16 ? rt::plannedAttentionWorkspace(sizes, deterministic)
                                   : rt::ownAttentionWorkspace(sizes));
  });
  return llvm::alignTo(bytes, rt::workspaceAlignment);
}

/// A weight that its file holds as the program reads it stays where it is mapped.
bool isMapped(nn::ParameterOp parameter) {
  RankedTensorType type = parameter.getTensorType();
  if (type.getEncoding() || !parameter.getStored() || parameter->hasAttr("exec.pitch"))
    return false;
  std::string element;
  llvm::raw_string_ostream(element) << type.getElementType();
  return *parameter.getStored() == element;
}

/// Calls that a GPU alone has a function for.
LogicalResult verifyForCpu(ModuleOp module) {
  WalkResult walk = module.walk([](exec::MapWeightGradsOp op) {
    op.emitOpError("has no function on target cpu").attachNote()
        << "peft-attach-weight-grads makes it for cuda only";
    return WalkResult::interrupt();
  });
  return failure(walk.wasInterrupted());
}

struct Plan : peft::impl::PlanPassBase<Plan> {
  using PlanPassBase::PlanPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (target != "cpu" && target != "cuda") {
      module.emitError("unknown target '") << target << "': expected cpu or cuda";
      return signalPassFailure();
    }
    if (target == "cpu" && failed(verifyForCpu(module)))
      return signalPassFailure();
    module->setAttr("exec.target", StringAttr::get(&getContext(), target));
    layout.clear();
    cursor = 0;
    uint64_t trainable = placeParameters(/*isTrainable=*/true);
    uint64_t slots = 0;
    module.walk([&](exec::FlatOp flat) {
      slots = std::max<uint64_t>(slots, flat.getPart() == "state.1"   ? 2
                                        : flat.getPart() == "state.0" ? 1
                                                                      : 0);
    });
    set("trainable", 0);
    set("trainable_bytes", trainable);
    set("gradient", trainable);
    set("optimizer", 2 * trainable);
    set("optimizer_slots", slots);
    cursor = (2 + slots) * trainable;
    set("weights", cursor);
    placeParameters(/*isTrainable=*/false);
    uint64_t transient = cursor, end = cursor;
    set("transient", transient);

    uint64_t host = 0;
    for (auto function : module.getOps<func::FuncOp>()) {
      if (function.isPrivate())
        continue;
      Lifetimes lifetimes(function);
      host = std::max(host, placeOnHost(lifetimes));
      SmallVector<Interval> intervals;
      for (Lifetime &life : lifetimes.buffers)
        intervals.push_back(life.interval);
      end = std::max(end, transient + planOffsets(intervals));
      for (auto [life, interval] : llvm::zip_equal(lifetimes.buffers, intervals)) {
        life.buffer.setOffset(transient + interval.offset);
        life.buffer.setSaved(life.saved);
      }
    }
    if (target == "cuda") {
      end = llvm::alignTo(end, rt::workspaceAlignment);
      uint64_t workspace = cudaWorkspace(module, deterministic);
      set("workspace", end);
      set("workspace_bytes", workspace);
      if (!deterministic)
        module->setAttr("exec.any_order", UnitAttr::get(&getContext()));
      else if (uint64_t less = cudaWorkspace(module, /*deterministic=*/false); less < workspace)
        set("workspace_any_order", less); // what giving it up would leave, for the memory table
      end += workspace;
    }
    set("arena", end);
    if (host)
      set("host_bytes", host);
    module->setAttr("exec.layout", DictionaryAttr::get(&getContext(), layout));
    SmallVector<Attribute> memory;
    for (const MemoryRow &row : MemoryTable(module).rows)
      memory.push_back(
          ArrayAttr::get(&getContext(), {StringAttr::get(&getContext(), row.category), number(row.bytes)}));
    module->setAttr("exec.memory", ArrayAttr::get(&getContext(), memory));
  }

private:
  IntegerAttr number(uint64_t bytes) { return Builder(&getContext()).getI64IntegerAttr(int64_t(bytes)); }
  void set(StringRef name, uint64_t bytes) {
    layout.push_back({StringAttr::get(&getContext(), name), number(bytes)});
  }

  uint64_t placeParameters(bool isTrainable) {
    uint64_t begin = cursor;
    llvm::StringSet<> stacked; // which lie one behind the other, wherever the file has them
    for (auto stack : getOperation().getOps<nn::StackOp>())
      for (auto name : stack.getParameters().getAsRange<FlatSymbolRefAttr>())
        stacked.insert(name.getValue());
    for (auto parameter : getOperation().getOps<nn::ParameterOp>()) {
      if (parameter.isTrainable() != isTrainable || (!isTrainable && target == "cpu" && isMapped(parameter) &&
                                                     !stacked.contains(parameter.getSymName())))
        continue;
      parameter->setAttr("exec.offset", number(cursor));
      uint64_t bytes = bytesOf(bufferType(parameter.getTensorType()));
      if (auto pitch = parameter->getAttrOfType<IntegerAttr>("exec.pitch")) {
        auto rows = parameter->getAttrOfType<IntegerAttr>("exec.rows");
        bytes =
            uint64_t(pitch.getInt() * rows.getInt()) * parameter.getTensorType().getElementTypeBitWidth() / 8;
        parameter->setAttr("exec.bytes", number(bytes));
      }
      Attribute encoding = parameter.getTensorType().getEncoding();
      if (encoding)
        parameter->setAttr("exec.bytes", number(bytes));
      if (auto nf4 = dyn_cast_or_null<adapter::NF4Attr>(encoding)) {
        parameter->setAttr("exec.block", number(nf4.getBlock()));
        parameter->setAttr("exec.nested", number(nf4.getNested()));
      }
      cursor += alignUp(bytes);
    }
    return cursor - begin;
  }

  static uint64_t placeOnHost(Lifetimes &lifetimes) {
    SmallVector<Interval> intervals;
    for (Lifetime &life : lifetimes.hostBuffers)
      intervals.push_back(life.interval);
    uint64_t bytes = planOffsets(intervals);
    for (auto [life, interval] : llvm::zip_equal(lifetimes.hostBuffers, intervals))
      life.buffer.setOffset(interval.offset);
    return bytes;
  }

  SmallVector<NamedAttribute> layout;
  uint64_t cursor = 0;
};

} // namespace
