//===- ParameterPlaces.cpp - where an emitted program finds things --------===//

#include "passes/Emit/EmitFunctions.h"

using namespace mlir;
using namespace peft;

ParameterPlaces::ParameterPlaces(ModuleOp module) {
  uint64_t i = 0;
  for (auto parameter : module.getOps<nn::ParameterOp>()) {
    index[parameter.getSymName()] = i++;
    if (auto at = parameter->getAttrOfType<IntegerAttr>("exec.offset"))
      offset[parameter.getSymName()] = at.getInt();
  }
  for (auto stack : module.getOps<nn::StackOp>()) {
    StringRef first = nn::firstParameter(stack).getSymName();
    index[stack.getSymName()] = index.lookup(first);
    offset[stack.getSymName()] = offset.lookup(first);
  }
  auto layout = module->getAttrOfType<DictionaryAttr>("exec.layout");
  auto get = [&](StringRef key) { return uint64_t(layout ? layout.getAs<IntegerAttr>(key).getInt() : 0); };
  gradient = get("gradient");
  optimizer = get("optimizer");
  trainableBytes = get("trainable_bytes");
}

/// In the arena, of a buffer, a parameter, or a part of one.
uint64_t ParameterPlaces::offsetOf(Operation *op) const {
  if (auto buffer = dyn_cast<exec::BufferOp>(op))
    return *buffer.getOffset();
  if (auto parameter = dyn_cast<exec::ParameterOp>(op))
    return offset.lookup(parameter.getParameter());
  auto type = cast<MemRefType>(op->getResult(0).getType());
  uint64_t first = op->getAttrOfType<IntegerAttr>("first").getInt();
  if (isa<exec::RowsOp>(op))
    first *= exec::rowStride(type);
  return offsetOf(op->getOperand(0).getDefiningOp()) + first * type.getElementTypeBitWidth() / 8;
}

std::string ParameterPlaces::place(Operation *op) const {
  if (auto buffer = dyn_cast<exec::BufferOp>(op))
    return exec::isHost(buffer.getType()) ? "H(" + std::to_string(*buffer.getOffset()) + ")"
                                          : std::to_string(*buffer.getOffset());
  if (isa<exec::SliceOp, exec::ColumnsOp, exec::RowsOp>(op))
    return std::to_string(offsetOf(op));
  if (auto parameter = dyn_cast<exec::ParameterOp>(op))
    return "W(" + std::to_string(index.lookup(parameter.getParameter())) + ")";
  if (auto grad = dyn_cast<exec::GradientOp>(op))
    return std::to_string(gradient + offset.lookup(grad.getParameter()));
  StringRef part = cast<exec::FlatOp>(op).getPart();
  return std::to_string(part == "parameters"  ? 0
                        : part == "gradients" ? gradient
                        : part == "state.0"   ? optimizer
                                              : optimizer + trainableBytes);
}
