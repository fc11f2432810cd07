//===- Parameters.cpp - adding and reading parameters ---------------------===//
#include "passes/Adapt/Parameters.h"

using namespace mlir;
using namespace peft;
using namespace peft::adapt;

/// Where new parameters go: in front of the first function.
static Block::iterator firstFunction(ModuleOp module) {
  Block *body = module.getBody();
  for (Operation &op : *body)
    if (isa<func::FuncOp>(op))
      return op.getIterator();
  return body->end();
}

ParameterAdder::ParameterAdder(ModuleOp module) : symbols(module), builder(module.getContext()) {
  builder.setInsertionPoint(module.getBody(), firstFunction(module));
}

nn::ParameterOp ParameterAdder::add(Location loc, const Twine &name, ArrayRef<int64_t> shape,
                                    Initial initial) {
  StringAttr symbol = builder.getStringAttr(name);
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  if (Operation *found = symbols.lookup(symbol)) {
    auto parameter = dyn_cast<nn::ParameterOp>(found);
    if (parameter && added.contains(found) && parameter.getTensorType() == type)
      return parameter; // the same module in another function
    emitError(loc) << "parameter '" << symbol.getValue()
                   << "' is there already, expected a model without this adapter";
    return nullptr;
  }
  auto parameter = builder.create<nn::ParameterOp>(
      loc, nn::ParameterStateAttr::get(builder.getContext(), nn::ParameterState::frozen), symbol,
      TypeAttr::get(type), nn::InitAttr::get(builder.getContext(), initial.init),
      initial.value ? builder.getF64FloatAttr(*initial.value) : FloatAttr(), /*source=*/StringAttr(),
      /*rows=*/DenseI32ArrayAttr(), /*stored=*/StringAttr());
  parameter->setAttr(trainMark, symbol);
  symbols.insert(parameter, builder.getInsertionPoint());
  added.insert(parameter);
  return parameter;
}

Value ParameterAdder::read(OpBuilder &builder, Location loc, nn::ParameterOp parameter, Type element) {
  RankedTensorType type = parameter.getTensorType();
  Value value = builder.create<nn::GetOp>(loc, type, FlatSymbolRefAttr::get(parameter.getSymNameAttr()));
  if (type.getElementType() != element)
    value = builder.create<nn::CastOp>(loc, type.clone(element), value);
  return value;
}

StringRef adapt::parentName(StringRef name) {
  size_t dot = name.rfind('.');
  return dot == StringRef::npos ? "" : name.take_front(dot);
}

StringRef adapt::readingModule(OpOperand &use) {
  if (auto name = use.getOwner()->getAttrOfType<StringAttr>("module"))
    return name.getValue();
  Operation *get = use.get().getDefiningOp();
  return parentName(cast<nn::GetOp>(get).getParameter());
}

Value adapt::seedOf(Operation *op) {
  auto function = op->getParentOfType<func::FuncOp>();
  Block &entry = function.getBody().front();
  if (entry.getNumArguments() > 0 && entry.getArguments().back().getType().isInteger(64))
    return entry.getArguments().back();
  op->emitError("expected the function's last argument to be the seed of dropout, an i64");
  return {};
}

RankedTensorType adapt::tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }
