//===- Borders.cpp - what lies beside frozen weights in memory ------------===//

#include "passes/Plan/Borders.h"

#include "dialects/Train/Train.h"
#include "passes/Fuse/BorderCost.h"

using namespace mlir;
using namespace peft;

StringRef peft::symbolOf(Value weight) {
  if (auto map = weight.getDefiningOp<train::ElementwiseOp>(); map && map.getInputs().size() == 1)
    weight = map.getInputs().front(); // what peft-fuse-elementwise makes of a cast
  nn::GetOp get = nn::readOf(weight);
  return get ? get.getParameter() : StringRef();
}

Borders::Borders(ModuleOp module) {
  module.walk([&](nn::BorderedLinearOp op) {
    auto inner = op.getS().getDefiningOp<nn::LinearOp>();
    if (op.getTransposed() || !inner)
      return;
    auto type = cast<RankedTensorType>(op.getWeight().getType());
    auto s = cast<RankedTensorType>(op.getS().getType());
    StringRef weight = symbolOf(op.getWeight());
    nn::ParameterOp parameter = nn::firstParameter(module.lookupSymbol(weight));
    if (!parameter || parameter.isTrainable())
      return; // it is not where a border could be
    BorderedWeight bordered{type.getDimSize(0), type.getDimSize(1), borderWidth(s.getShape().back())};
    if (!weights.insert({weight, bordered}).second)
      return;
    int64_t column = bordered.columns;
    for (auto [beside, first, scale] : llvm::zip_equal(op.getBeside(), op.getFirst(), op.getScales())) {
      auto b = cast<RankedTensorType>(beside.getType());
      places[symbolOf(beside)] = {weight, first, column, b.getDimSize(0), b.getDimSize(1), scale};
      column += b.getDimSize(1);
    }
    places[symbolOf(inner.getWeight())] = {weight, bordered.rows, 0, s.getShape().back(), bordered.columns,
                                           1.0};
  });
}

const BorderedWeight *Borders::weight(StringRef symbol) const {
  auto *found = weights.find(symbol);
  return found == weights.end() ? nullptr : &found->second;
}

const BorderPlace *Borders::place(StringRef symbol) const {
  auto *found = places.find(symbol);
  return found == places.end() ? nullptr : &found->second;
}

ArrayAttr Borders::attribute(MLIRContext *context) const {
  Builder builder(context);
  SmallVector<Attribute> all;
  for (const auto &[symbol, place] : places)
    all.push_back(exec::BorderAttr::get(context, FlatSymbolRefAttr::get(context, symbol),
                                        FlatSymbolRefAttr::get(context, place.weight), place.row,
                                        place.column, builder.getF64FloatAttr(place.scale)));
  return builder.getArrayAttr(all);
}

void Borders::mark(ModuleOp module) const {
  Builder builder(module.getContext());
  for (const auto &[symbol, weight] : weights) {
    Operation *op = module.lookupSymbol(symbol);
    SmallVector<nn::ParameterOp> parts;
    if (auto stack = dyn_cast<nn::StackOp>(op))
      for (auto name : stack.getParameters().getAsRange<FlatSymbolRefAttr>())
        parts.push_back(module.lookupSymbol<nn::ParameterOp>(name.getAttr()));
    else
      parts.push_back(cast<nn::ParameterOp>(op));
    for (nn::ParameterOp part : parts) {
      part->setAttr("exec.pitch", builder.getI64IntegerAttr(weight.pitch()));
      int64_t rows = part.getTensorType().getDimSize(0) + (part == parts.back() ? weight.width : 0);
      part->setAttr("exec.rows", builder.getI64IntegerAttr(rows));
    }
  }
}
