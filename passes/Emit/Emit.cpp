//===- Emit.cpp - the scheduled level becomes emitc -----------------------===//

#include "passes/Emit/EmitFunctions.h"

namespace peft {
#define GEN_PASS_DEF_EMITPASS
#include "passes/Emit/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

namespace {

/// Each op has a runtime function, or is a place, a call of an outlined part, an output.
LogicalResult verifyEmittable(func::FuncOp function) {
  for (Operation &op : function.getBody().front()) {
    if (exec::isPlace(&op) ||
        isa<exec::CallOp, exec::OutputOp, exec::RuntimeCallOpInterface, func::ReturnOp>(op))
      continue;
    InFlightDiagnostic error = op.emitOpError("can't be emitted");
    if (isa<exec::ChunksOp>(op))
      error.attachNote() << "run peft-outline first";
    return error;
  }
  return success();
}

struct Emit : peft::impl::EmitPassBase<Emit> {
  void runOnOperation() override {
    ModuleOp source = getOperation();
    if (!source->hasAttr("exec.layout")) {
      source.emitError("expected a planned schedule").attachNote() << "run peft-plan first";
      return signalPassFailure();
    }
    auto functions = source.getOps<func::FuncOp>();
    for (func::FuncOp function : functions)
      if (!function.getNumResults() && failed(verifyEmittable(function)))
        return signalPassFailure();
    OwningOpRef<ModuleOp> target = ModuleOp::create(source.getLoc());
    auto builder = OpBuilder::atBlockEnd(target->getBody());
    Location loc = source.getLoc();
    auto name = source->getAttrOfType<StringAttr>("nn.name");
    builder.create<emitc::VerbatimOp>(
        loc, cppComment("The training step of " + (name ? name.str() : "a model") +
                        ", written by peftc. What the calls do: peft/runtime/kernels.h."));
    builder.create<emitc::VerbatimOp>(loc, "");
    builder.create<emitc::IncludeOp>(loc, "peft/runtime/program.h", false);
    bool hasGrads =
        source.walk([](exec::MapWeightGradsOp) { return WalkResult::interrupt(); }).wasInterrupted();
    if (hasGrads)
      builder.create<emitc::IncludeOp>(loc, "peft/runtime/map_weight_grads.h", false);
    bool usesHost = bool(source->getAttrOfType<DictionaryAttr>("exec.layout").get("host_bytes"));
    builder.create<emitc::VerbatimOp>(loc, "\nusing namespace peft;\nusing rt::Place;\nusing rt::W;" +
                                               std::string(usesHost ? "\nusing rt::H;" : "") +
                                               "\n\nnamespace {");

    FunctionEmitter emitter(source, *target);
    for (func::FuncOp function : functions)
      if (function.isPrivate() && function.getNumResults())
        emitter.emitScalar(function);
    llvm::DenseSet<StringRef> chunked;
    source.walk([&](exec::CallOp call) {
      if (call.getCount())
        chunked.insert(call.getCallee());
    });
    for (func::FuncOp function : functions)
      if (function.isPrivate() && !function.getNumResults())
        emitter.emitOutlined(function, chunked.contains(function.getName()));
    for (func::FuncOp function : functions)
      if (!function.isPrivate())
        emitter.emitEntry(function);
    builder.setInsertionPointToEnd(target->getBody());
    builder.create<emitc::VerbatimOp>(loc, programTables(source, ParameterPlaces(source)));

    source.getBodyRegion().takeBody(target->getBodyRegion());
    for (NamedAttribute attr : llvm::to_vector(source->getAttrs()))
      if (attr.getName() != "sym_name")
        source->removeAttr(attr.getName());
  }
};

} // namespace
