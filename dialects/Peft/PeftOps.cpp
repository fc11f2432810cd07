//===- PeftOps.cpp - result types of the peft ops, and what they demand ---===//
//
// Every op's result type follows from its operands, and the same inference is the
// verifier: it says in one line which operand does not fit and what would.
//
//===----------------------------------------------------------------------===//
#include "dialects/Peft/Peft.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/SmallSet.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace peft::adapter;

#define GET_OP_CLASSES
#include "dialects/Peft/PeftOps.cpp.inc"

using MaybeLoc = std::optional<Location>;
using Types = SmallVectorImpl<Type>;

static RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

/// A tensor of the same shape without an encoding.
static RankedTensorType denseType(RankedTensorType type) {
  return RankedTensorType::get(type.getShape(), type.getElementType());
}

static LogicalResult expectRank(MaybeLoc loc, Value value, StringRef name, int64_t rank) {
  if (auto type = dyn_cast<RankedTensorType>(value.getType()); type && type.getRank() == rank)
    return success();
  return emitOptionalError(loc, "expected ", name, " of rank ", rank, ", got ", value.getType());
}

static LogicalResult expectShape(MaybeLoc loc, Value value, StringRef name, ArrayRef<int64_t> shape) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (type && type.getShape() == shape)
    return success();
  std::string text;
  for (int64_t dim : shape)
    text += (text.empty() ? "" : "x") + std::to_string(dim);
  return emitOptionalError(loc, "expected ", name, " of shape ", text, ", got ", value.getType());
}

/// A tensor with at least one dimension, whose last is a row's width.
static LogicalResult expectRows(MaybeLoc loc, Value value, StringRef name) {
  if (auto type = dyn_cast<RankedTensorType>(value.getType()); type && type.getRank() >= 1)
    return success();
  return emitOptionalError(loc, "expected ", name, " of rank 1 or more, got ", value.getType());
}

static int64_t width(Value value) { return tensorType(value).getShape().back(); }

/// Shapes of both operands agree in all dimensions but the last.
static LogicalResult expectSameRows(MaybeLoc loc, Value a, StringRef aName, Value b, StringRef bName) {
  if (failed(expectRows(loc, a, aName)) || failed(expectRows(loc, b, bName)))
    return failure();
  if (tensorType(a).getShape().drop_back() == tensorType(b).getShape().drop_back())
    return success();
  return emitOptionalError(loc, "expected ", aName, " and ", bName, " of equal rows, got ", a.getType(),
                           " and ", b.getType());
}

/// `ids` names a row of `rows` each: the shape of `rows` without its last dimension.
static LogicalResult expectIds(MaybeLoc loc, Value ids, Value rows, StringRef rowsName) {
  if (failed(expectRows(loc, rows, rowsName)))
    return failure();
  return expectShape(loc, ids, "ids", tensorType(rows).getShape().drop_back());
}

//===----------------------------------------------------------------------===//
// Adapters
//===----------------------------------------------------------------------===//

LogicalResult LoraOp::inferReturnTypes(MLIRContext *, MaybeLoc loc, Adaptor op, Types &results) {
  if (failed(expectSameRows(loc, op.getBase(), "base", op.getX(), "x")) ||
      failed(expectRank(loc, op.getA(), "a", 2)))
    return failure();
  int64_t rank = tensorType(op.getA()).getDimSize(0), out = width(op.getBase());
  if (failed(expectShape(loc, op.getA(), "a", {rank, width(op.getX())})) ||
      failed(expectShape(loc, op.getB(), "b", {out, rank})))
    return failure();
  if (op.getBias() && failed(expectShape(loc, op.getBias(), "bias", {out})))
    return failure();
  double dropout = op.getDropout().convertToDouble();
  if (!(dropout >= 0.0 && dropout < 1.0))
    return emitOptionalError(loc, "expected dropout in [0, 1), got ", llvm::formatv("{0}", dropout).str());
  if (dropout > 0.0 && !op.getSeed())
    return emitOptionalError(loc, "expected a seed, because dropout is not 0");
  results.push_back(op.getBase().getType());
  return success();
}

LogicalResult LoraEmbeddingOp::inferReturnTypes(MLIRContext *, MaybeLoc loc, Adaptor op, Types &results) {
  if (failed(expectIds(loc, op.getIds(), op.getBase(), "base")) || failed(expectRank(loc, op.getA(), "a", 2)))
    return failure();
  int64_t rank = tensorType(op.getA()).getDimSize(0);
  if (failed(expectShape(loc, op.getB(), "b", {width(op.getBase()), rank})))
    return failure();
  results.push_back(op.getBase().getType());
  return success();
}

LogicalResult BottleneckOp::inferReturnTypes(MLIRContext *, MaybeLoc loc, Adaptor op, Types &results) {
  if (failed(expectRows(loc, op.getH(), "h")) ||
      failed(expectShape(loc, op.getX(), "x", tensorType(op.getH()).getShape())) ||
      failed(expectRank(loc, op.getDown(), "down", 2)))
    return failure();
  int64_t inner = tensorType(op.getDown()).getDimSize(0), hidden = width(op.getH());
  if (failed(expectShape(loc, op.getDown(), "down", {inner, hidden})) ||
      failed(expectShape(loc, op.getDownBias(), "down_bias", {inner})) ||
      failed(expectShape(loc, op.getUp(), "up", {hidden, inner})) ||
      failed(expectShape(loc, op.getUpBias(), "up_bias", {hidden})))
    return failure();
  results.push_back(op.getH().getType());
  return success();
}

LogicalResult SoftPromptOp::inferReturnTypes(MLIRContext *, MaybeLoc loc, Adaptor op, Types &results) {
  if (failed(expectRank(loc, op.getX(), "x", 3)) || failed(expectRank(loc, op.getPrompt(), "prompt", 2)))
    return failure();
  RankedTensorType x = tensorType(op.getX());
  int64_t count = tensorType(op.getPrompt()).getDimSize(0);
  if (failed(expectShape(loc, op.getPrompt(), "prompt", {count, x.getDimSize(2)})))
    return failure();
  results.push_back(
      RankedTensorType::get({x.getDimSize(0), count + x.getDimSize(1), x.getDimSize(2)}, x.getElementType()));
  return success();
}

/// Token ids that are not negative, none twice.
static LogicalResult checkIndices(MaybeLoc loc, ArrayRef<int32_t> indices) {
  llvm::SmallSet<int32_t, 16> seen;
  if (indices.empty())
    return emitOptionalError(loc, "expected at least one index");
  for (int32_t index : indices) {
    if (index < 0)
      return emitOptionalError(loc, "expected indices of 0 or more, got ", index);
    if (!seen.insert(index).second)
      return emitOptionalError(loc, "expected each index once, got ", index, " twice");
  }
  return success();
}

LogicalResult OverrideRowsOp::inferReturnTypes(MLIRContext *, MaybeLoc loc, Adaptor op, Types &results) {
  if (failed(checkIndices(loc, op.getIndices())) || failed(expectIds(loc, op.getIds(), op.getX(), "x")) ||
      failed(expectShape(loc, op.getRows(), "rows", {(int64_t)op.getIndices().size(), width(op.getX())})))
    return failure();
  results.push_back(op.getX().getType());
  return success();
}

/// Columns of `x`, each once.
static LogicalResult checkColumns(MaybeLoc loc, Value x, StringRef name, ArrayRef<int32_t> indices) {
  if (failed(expectRows(loc, x, name)) || failed(checkIndices(loc, indices)))
    return failure();
  for (int32_t index : indices)
    if (index >= width(x))
      return emitOptionalError(loc, "expected indices below ", width(x), ", got ", index);
  return success();
}

LogicalResult OverrideColumnsOp::inferReturnTypes(MLIRContext *, MaybeLoc loc, Adaptor op, Types &results) {
  if (failed(checkColumns(loc, op.getX(), "x", op.getIndices())))
    return failure();
  SmallVector<int64_t> shape(tensorType(op.getX()).getShape());
  shape.back() = op.getIndices().size();
  if (failed(expectShape(loc, op.getColumns(), "columns", shape)))
    return failure();
  results.push_back(op.getX().getType());
  return success();
}

LogicalResult EmbeddingColumnsOp::inferReturnTypes(MLIRContext *, MaybeLoc loc, Adaptor op, Types &results) {
  if (failed(expectRows(loc, op.getIds(), "ids")) || failed(expectRank(loc, op.getTable(), "table", 2)))
    return failure();
  SmallVector<int64_t> shape(tensorType(op.getIds()).getShape());
  shape.push_back(tensorType(op.getTable()).getDimSize(0));
  results.push_back(RankedTensorType::get(shape, tensorType(op.getTable()).getElementType()));
  return success();
}

//===----------------------------------------------------------------------===//
// Quantized weights
//===----------------------------------------------------------------------===//

static LogicalResult expectEncoded(MaybeLoc loc, Value weight, StringRef name) {
  if (isa_and_nonnull<peft::StorageEncodingInterface>(tensorType(weight).getEncoding()))
    return success();
  return emitOptionalError(loc, "expected ", name, " with an encoding such as #peft.nf4, got ",
                           weight.getType());
}

LogicalResult DequantizeOp::inferReturnTypes(MLIRContext *, MaybeLoc loc, Adaptor op, Types &results) {
  if (failed(expectEncoded(loc, op.getEncoded(), "operand")))
    return failure();
  results.push_back(denseType(tensorType(op.getEncoded())));
  return success();
}

/// The type of x W^T, or x W.
static FailureOr<RankedTensorType> productType(MaybeLoc loc, Value x, Value weight, bool transposed) {
  if (failed(expectRows(loc, x, "x")) || failed(expectEncoded(loc, weight, "weight")) ||
      failed(expectRank(loc, weight, "weight", 2)))
    return failure();
  ArrayRef<int64_t> extents = tensorType(weight).getShape();
  int64_t in = extents[transposed ? 0 : 1];
  if (width(x) != in)
    return LogicalResult(emitOptionalError(loc, "expected x of width ", in, ", got ", x.getType()));
  SmallVector<int64_t> shape(tensorType(x).getShape());
  shape.back() = extents[transposed ? 1 : 0];
  return RankedTensorType::get(shape, tensorType(x).getElementType());
}

LogicalResult QuantizedLinearOp::inferReturnTypes(MLIRContext *, MaybeLoc loc, Adaptor op, Types &results) {
  FailureOr<RankedTensorType> type = productType(loc, op.getX(), op.getWeight(), op.getTransposed());
  if (failed(type) ||
      (op.getBias() && failed(expectShape(loc, op.getBias(), "bias", type->getShape().back()))))
    return failure();
  results.push_back(*type);
  return success();
}

LogicalResult QuantizedLinearAddOp::inferReturnTypes(MLIRContext *, MaybeLoc loc, Adaptor op,
                                                     Types &results) {
  FailureOr<RankedTensorType> type = productType(loc, op.getX(), op.getWeight(), op.getTransposed());
  if (failed(type))
    return failure();
  if (op.getAcc().getType() != *type)
    return emitOptionalError(loc, "expected acc of type ", *type, ", got ", op.getAcc().getType());
  results.push_back(*type);
  return success();
}

//===----------------------------------------------------------------------===//
// Gradients
//===----------------------------------------------------------------------===//

static LogicalResult checkPromptGrad(MaybeLoc loc, Value dy, int64_t count) {
  if (failed(expectRank(loc, dy, "dy", 3)))
    return failure();
  int64_t length = tensorType(dy).getDimSize(1);
  if (count > 0 && count < length)
    return success();
  return emitOptionalError(loc, "expected a count between 1 and ", length - 1, ", got ", count);
}

LogicalResult SoftPromptGradOp::inferReturnTypes(MLIRContext *, MaybeLoc loc, Adaptor op, Types &results) {
  if (failed(checkPromptGrad(loc, op.getDy(), op.getCount())))
    return failure();
  RankedTensorType dy = tensorType(op.getDy());
  results.push_back(RankedTensorType::get(
      {dy.getDimSize(0), dy.getDimSize(1) - (int64_t)op.getCount(), dy.getDimSize(2)}, dy.getElementType()));
  return success();
}

LogicalResult SoftPromptWeightGradOp::inferReturnTypes(MLIRContext *context, MaybeLoc loc, Adaptor op,
                                                       Types &results) {
  if (failed(checkPromptGrad(loc, op.getDy(), op.getCount())))
    return failure();
  results.push_back(
      RankedTensorType::get({(int64_t)op.getCount(), width(op.getDy())}, Float32Type::get(context)));
  return success();
}

LogicalResult OverrideRowsGradOp::inferReturnTypes(MLIRContext *, MaybeLoc loc, Adaptor op, Types &results) {
  if (failed(checkIndices(loc, op.getIndices())) || failed(expectIds(loc, op.getIds(), op.getDy(), "dy")))
    return failure();
  results.push_back(op.getDy().getType());
  return success();
}

LogicalResult OverrideRowsWeightGradOp::inferReturnTypes(MLIRContext *context, MaybeLoc loc, Adaptor op,
                                                         Types &results) {
  if (failed(checkIndices(loc, op.getIndices())) || failed(expectIds(loc, op.getIds(), op.getDy(), "dy")))
    return failure();
  results.push_back(
      RankedTensorType::get({(int64_t)op.getIndices().size(), width(op.getDy())}, Float32Type::get(context)));
  return success();
}

LogicalResult OverrideColumnsGradOp::inferReturnTypes(MLIRContext *, MaybeLoc loc, Adaptor op,
                                                      Types &results) {
  if (failed(checkColumns(loc, op.getDy(), "dy", op.getIndices())))
    return failure();
  results.push_back(op.getDy().getType());
  return success();
}

LogicalResult SelectColumnsOp::inferReturnTypes(MLIRContext *, MaybeLoc loc, Adaptor op, Types &results) {
  if (failed(checkColumns(loc, op.getX(), "x", op.getIndices())))
    return failure();
  RankedTensorType x = tensorType(op.getX());
  SmallVector<int64_t> shape(x.getShape());
  shape.back() = op.getIndices().size();
  results.push_back(RankedTensorType::get(shape, x.getElementType()));
  return success();
}

LogicalResult EmbeddingColumnsWeightGradOp::inferReturnTypes(MLIRContext *context, MaybeLoc loc, Adaptor op,
                                                             Types &results) {
  if (failed(expectIds(loc, op.getIds(), op.getDy(), "dy")))
    return failure();
  results.push_back(
      RankedTensorType::get({width(op.getDy()), (int64_t)op.getVocab()}, Float32Type::get(context)));
  return success();
}

//===----------------------------------------------------------------------===//
// Folds: what goes where it came from
//===----------------------------------------------------------------------===//

/// The operand, where the fold keeps the type.
static OpFoldResult sameType(Operation *op, Value value) {
  return op->getResult(0).getType() == value.getType() ? OpFoldResult(value) : OpFoldResult();
}

// soft_prompt_grad(soft_prompt(x, prompt), rows of prompt) -> x
OpFoldResult SoftPromptGradOp::fold(FoldAdaptor) {
  auto made = getDy().getDefiningOp<SoftPromptOp>();
  if (!made || tensorType(made.getPrompt()).getDimSize(0) != int64_t(getCount()))
    return {};
  return sameType(*this, made.getX());
}

// override_columns_grad(override_columns_grad(dy, i), i) -> override_columns_grad(dy, i)
OpFoldResult OverrideColumnsGradOp::fold(FoldAdaptor) {
  auto inner = getDy().getDefiningOp<OverrideColumnsGradOp>();
  return inner && inner.getIndices() == getIndices() ? OpFoldResult(inner.getResult()) : OpFoldResult();
}

// select_columns(override_columns(x, c, i), i) -> c
OpFoldResult SelectColumnsOp::fold(FoldAdaptor) {
  auto made = getX().getDefiningOp<OverrideColumnsOp>();
  return made && made.getIndices() == getIndices() ? sameType(*this, made.getColumns()) : OpFoldResult();
}

//===----------------------------------------------------------------------===//
// Ops that work row by row: those on the logits
//===----------------------------------------------------------------------===//

bool OverrideColumnsOp::isRowOperand(unsigned) { return true; }
bool OverrideColumnsGradOp::isRowOperand(unsigned) { return true; }
bool SelectColumnsOp::isRowOperand(unsigned) { return true; }
