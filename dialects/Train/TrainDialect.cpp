//===- TrainDialect.cpp - the train dialect and its verifiers -------------===//
#include "dialects/Train/Train.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace peft::train;

#include "dialects/Train/TrainDialect.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/Train/TrainOps.cpp.inc"

void TrainDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/Train/TrainOps.cpp.inc"
      >();
}

/// Nothing writes a frozen parameter: this is the only op that could.
LogicalResult AccumulateOp::verifySymbolUses(SymbolTableCollection &symbols) {
  Operation *symbol = symbols.lookupNearestSymbolFrom(*this, getParameterAttr());
  peft::nn::ParameterOp parameter = peft::nn::firstParameter(symbol);
  if (!parameter)
    return emitOpError("expected a parameter, but there is no nn.parameter named ") << getParameterAttr();
  if (!parameter.isTrainable())
    return emitOpError("expected a trainable parameter, but ") << getParameterAttr() << " is frozen";
  if (peft::nn::valueType(symbol) != getGradient().getType())
    return emitOpError("expected a gradient of ")
           << peft::nn::valueType(symbol) << ", got " << getGradient().getType();
  return success();
}

LogicalResult ElementwiseOp::verify() {
  Block &block = getBody().front();
  if (getNumResults() == 0)
    return emitOpError("expected a result");
  for (Type type : getResultTypes())
    if (type != getResultType())
      return emitOpError("expected results of one type, got ") << getResultType() << " and " << type;
  for (Value input : getInputs())
    if (cast<RankedTensorType>(input.getType()).getShape() != getResultType().getShape())
      return emitOpError("expected operands of the shape of ")
             << getResultType() << ", got " << input.getType();
  if (block.getNumArguments() != getNumOperands())
    return emitOpError("expected ") << getNumOperands() << " scalars in its region, got "
                                    << block.getNumArguments();
  for (BlockArgument argument : block.getArguments())
    if (!argument.getType().isF32())
      return emitOpError("expected f32 scalars in its region, got ") << argument.getType();
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (!yield || yield.getNumOperands() != getNumResults() ||
      llvm::any_of(yield.getOperandTypes(), [](Type type) { return !type.isF32(); }))
    return emitOpError("expected its region to yield an f32 for each result");
  return success();
}

// elementwise(…, x : t, …) { yield x } : t -> x
LogicalResult ElementwiseOp::fold(FoldAdaptor, SmallVectorImpl<OpFoldResult> &results) {
  for (Value yielded : getYielded()) {
    auto argument = dyn_cast<BlockArgument>(yielded);
    if (!argument || getOperand(argument.getArgNumber()).getType() != getResultType())
      return failure();
    results.push_back(getOperand(argument.getArgNumber()));
  }
  return success();
}

static LogicalResult verifySameValues(Operation *op, Type a, Type b) {
  auto first = cast<RankedTensorType>(a), second = cast<RankedTensorType>(b);
  if (first.getShape() == second.getShape() && first.getElementType() == second.getElementType())
    return success();
  return op->emitOpError("expected one shape on both sides, got ") << a << " and " << b;
}

LogicalResult OffloadOp::verify() { return verifySameValues(*this, getX().getType(), getHost().getType()); }
LogicalResult FetchOp::verify() { return verifySameValues(*this, getHost().getType(), getY().getType()); }

LogicalResult ChunkRowsOp::verify() {
  Block &block = getBody().front();
  auto yield = cast<YieldOp>(block.getTerminator());
  if (block.getNumArguments() != getRows().size())
    return emitOpError("expected ") << getRows().size() << " row operands in its region, got "
                                    << block.getNumArguments();
  if (yield.getNumOperands() != getNumResults() || getSums().size() != getNumResults())
    return emitOpError("expected ") << getNumResults() << " values and sums, got " << yield.getNumOperands()
                                    << " and " << getSums().size();
  auto hasRowsOfChunk = [&](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.getRank() > 0 && tensor.getDimSize(0) == int64_t(getChunk());
  };
  for (BlockArgument argument : block.getArguments())
    if (!hasRowsOfChunk(argument.getType()))
      return emitOpError("expected ") << getChunk() << " rows in its region, got " << argument.getType();
  for (auto [value, result, isSum] : llvm::zip_equal(yield.getValues(), getResults(), getSums())) {
    if (isSum && value.getType() != result.getType())
      return emitOpError("expected a sum of ") << result.getType() << ", got " << value.getType();
    if (!isSum && !hasRowsOfChunk(value.getType()))
      return emitOpError("expected to yield a sum or ") << getChunk() << " rows, got " << value.getType();
  }
  return success();
}
