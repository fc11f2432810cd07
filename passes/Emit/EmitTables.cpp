//===- EmitTables.cpp - what an emitted function reads beside its text ----===//
//
// Places of outlined functions' tensors, one row a layer, and the constants that calls take: all in front of
// the function that names them.
//
//===----------------------------------------------------------------------===//

#include "passes/Emit/EmitFunctions.h"

using namespace mlir;
using namespace peft;

/// {places of the first call}, ... as C++.
static std::string rowOf(exec::CallOp call, const ParameterPlaces &places) {
  std::string row = "{";
  for (auto [i, place] : llvm::enumerate(call.getPlaces()))
    row += (i ? ", " : "") + places.place(place.getDefiningOp());
  return row + "}";
}

std::string FunctionEmitter::tableName(exec::CallOp call) {
  std::string name = call.getCallee().str() + "_places";
  unsigned count = tables[name]++;
  return count ? name + "_" + std::to_string(count + 1) : name;
}

std::string FunctionEmitter::table(Operation *op) {
  auto call = cast<exec::CallOp>(op);
  std::string name = tableName(call);
  OpBuilder before(builder.getInsertionBlock()->getParentOp());
  before.create<emitc::VerbatimOp>(op->getLoc(),
                                   "static const Place " + name + "[] = " + rowOf(call, places) + ";");
  return name;
}

void FunctionEmitter::emitRuns(ArrayRef<Operation *> calls) {
  auto first = cast<exec::CallOp>(calls.front());
  std::string name = tableName(first);
  std::string text =
      "static const Place " + name + "[][" + std::to_string(first.getPlaces().size()) + "] = {\n";
  for (Operation *call : calls)
    text += "    " + rowOf(cast<exec::CallOp>(call), places) + ",\n";
  OpBuilder before(builder.getInsertionBlock()->getParentOp());
  before.create<emitc::VerbatimOp>(first.getLoc(), text + "};");
  builder.create<emitc::CallOpaqueOp>(
      first.getLoc(), TypeRange(), "rt::forEachLayer", ValueRange(),
      builder.getArrayAttr({opaque("ctx"), opaque("batch"), opaque(first.getCallee()), opaque(name)}),
      ArrayAttr());
}

std::string FunctionEmitter::array(Attribute attr, StringRef stem) {
  std::string &name = arrays[attr];
  if (!name.empty())
    return name;
  std::string text;
  if (auto floats = dyn_cast<DenseF32ArrayAttr>(attr)) {
    name = stem.str() + "_" + std::to_string(arrays.size());
    text = "static const float " + name + "[] = {";
    for (auto [i, value] : llvm::enumerate(floats.asArrayRef())) {
      char number[32];
      snprintf(number, sizeof number, "%.9g", value);
      StringRef digits(number);
      text += (i ? ", " : "") + digits.str() + (digits.find_first_of(".e") == StringRef::npos ? ".0f" : "f");
    }
  } else {
    name = "indices_" + std::to_string(arrays.size());
    text = "static const int32_t " + name + "[] = {";
    for (auto [i, value] : llvm::enumerate(cast<DenseI32ArrayAttr>(attr).asArrayRef()))
      text += (i ? ", " : "") + std::to_string(value);
  }
  OpBuilder before(builder.getInsertionBlock()->getParentOp());
  before.create<emitc::VerbatimOp>(builder.getUnknownLoc(), text + "};");
  return name;
}

std::string FunctionEmitter::borders(exec::FillBordersOp op) {
  std::string &name = arrays[op.getBorders()];
  if (!name.empty())
    return name;
  name = "borders";
  ModuleOp module = source;
  std::string text = "static const rt::Border borders[] = {\n";
  uint64_t bytes = op.getElement().getIntOrFloatBitWidth() / 8;
  for (auto border : op.getBorders().getAsRange<exec::BorderAttr>()) {
    Operation *from = module.lookupSymbol(border.getFrom().getAttr()),
              *to = nn::firstParameter(module.lookupSymbol(border.getTo().getAttr()));
    RankedTensorType type = nn::valueType(from);
    uint64_t pitch = to->getAttrOfType<IntegerAttr>("exec.pitch").getInt();
    uint64_t at = places.offset.lookup(border.getTo().getValue()) +
                  (border.getRow() * pitch + border.getColumn()) * bytes;
    text += "    {" + std::to_string(places.offset.lookup(border.getFrom().getValue())) + ", " +
            std::to_string(at) + ", " + std::to_string(type.getDimSize(0)) + ", " +
            std::to_string(type.getDimSize(1)) + ", " + std::to_string(pitch) + ", " +
            cppNumber(border.getScale().getValueAsDouble()) + "f},\n";
  }
  OpBuilder before(builder.getInsertionBlock()->getParentOp());
  before.create<emitc::VerbatimOp>(op.getLoc(), text + "};");
  return name;
}
