//===- NNParameters.cpp - parameters, stacks of them, and what reads them -===//

#include "dialects/NN/NN.h"

#include "peft/Support/Names.h"
#include "peft/runtime/abi.h"

using namespace mlir;
using namespace peft::nn;

LogicalResult ParameterOp::verify() {
  if (isTrainable() && !getTensorType().getElementType().isF32())
    return emitOpError("expected a trainable parameter to be f32, got ") << getTensorType();
  if (isTrainable() && getTensorType().getEncoding())
    return emitOpError("expected a trainable parameter to be dense, got ") << getTensorType();
  bool needsValue = getInit() == Init::normal || getInit() == Init::uniform;
  if (needsValue != getInitValue().has_value())
    return emitOpError() << (needsValue ? "expected" : "expected no") << " init_value with init '"
                         << stringifyInit(getInit()) << "'";
  if ((getInit() == Init::rows) != getRows().has_value())
    return emitOpError("expected rows exactly with init 'rows'");
  if (getRows() && int64_t(getRows()->size()) != getTensorType().getDimSize(0))
    return emitOpError("expected ") << getTensorType().getDimSize(0) << " rows, got " << getRows()->size();
  return success();
}

ParameterOp peft::nn::firstParameter(Operation *symbol) {
  if (auto stack = dyn_cast_or_null<StackOp>(symbol); stack && !stack.getParameters().empty())
    symbol = SymbolTable::lookupNearestSymbolFrom(stack, cast<FlatSymbolRefAttr>(stack.getParameters()[0]));
  return dyn_cast_or_null<ParameterOp>(symbol);
}

GetOp peft::nn::readOf(Value weight) {
  if (auto cast = weight.getDefiningOp<CastOp>())
    weight = cast.getX();
  return weight.getDefiningOp<GetOp>();
}

RankedTensorType peft::nn::valueType(Operation *symbol) {
  auto stack = dyn_cast<StackOp>(symbol);
  return cast<RankedTensorType>(stack ? stack.getType() : cast<ParameterOp>(symbol).getType());
}

LogicalResult GetOp::verifySymbolUses(SymbolTableCollection &symbols) {
  Operation *parameter = symbols.lookupNearestSymbolFrom(*this, getParameterAttr());
  if (!isa_and_nonnull<ParameterOp, StackOp>(parameter))
    return emitOpError("expected a parameter, but there is no nn.parameter named ") << getParameterAttr();
  if (valueType(parameter) != getType())
    return emitOpError("expected ") << valueType(parameter) << ", got " << getType();
  return success();
}

/// The next parameter of the module that is frozen or trainable as this one is.
static ParameterOp nextOfState(ParameterOp parameter) {
  for (Operation *op = parameter->getNextNode(); op; op = op->getNextNode())
    if (auto next = dyn_cast<ParameterOp>(op); next && next.getState() == parameter.getState())
      return next;
  return nullptr;
}

LogicalResult StackOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto type = cast<RankedTensorType>(getType());
  int64_t rows = 0;
  ParameterOp last;
  for (auto name : getParameters().getAsRange<FlatSymbolRefAttr>()) {
    auto parameter = symbols.lookupNearestSymbolFrom<ParameterOp>(*this, name);
    if (!parameter)
      return emitOpError("expected parameters, but ") << name << " is none";
    RankedTensorType part = parameter.getTensorType();
    if (part.getRank() != 2 || type.getRank() != 2 || part.getDimSize(1) != type.getDimSize(1) ||
        part.getElementType() != type.getElementType() || part.getEncoding())
      return emitOpError("expected a matrix of the columns of ")
             << type << " as " << name << ", got " << part;
    if (last && nextOfState(last) != parameter)
      return emitOpError("expected ")
             << name << " right behind @" << last.getSymName() << " among the module's "
             << stringifyParameterState(last.getState()) << " parameters";
    if (last && last.getTensorType().getNumElements() * part.getElementTypeBitWidth() / 8 % PEFT_ALIGNMENT)
      return emitOpError("expected @") << last.getSymName() << " to fill lines of " << PEFT_ALIGNMENT
                                       << " bytes, got " << last.getTensorType();
    last = parameter;
    rows += part.getDimSize(0);
  }
  if (!last || rows != type.getDimSize(0))
    return emitOpError("expected parameters of ") << type.getDimSize(0) << " rows in all, got " << rows;
  return success();
}

void GetOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) {
  setName(getResult(), valueName(getParameter()));
}
