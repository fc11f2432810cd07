//===- NNOps.cpp - shapes, verifiers and folds of the nn dialect ----------===//
//
// Every result type follows from the operands, so builders never name one and
// a changed sequence length only has to be inferred through.
//
//===----------------------------------------------------------------------===//

#include "dialects/NN/NN.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace peft::nn;

#define GET_OP_CLASSES
#include "dialects/NN/NNOps.cpp.inc"

using Types = SmallVectorImpl<Type>;
using MaybeLoc = std::optional<Location>;

static RankedTensorType ranked(Value value) { return cast<RankedTensorType>(value.getType()); }

/// `like`'s shape with another last dimension, its element type kept.
static RankedTensorType withCols(RankedTensorType like, int64_t cols) {
  SmallVector<int64_t> shape(like.getShape());
  shape.back() = cols;
  return RankedTensorType::get(shape, like.getElementType());
}

static RankedTensorType f32Tensor(MLIRContext *context, ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, Float32Type::get(context));
}

static int64_t cols(RankedTensorType type) { return type.getShape().back(); }

static LogicalResult mismatch(MaybeLoc loc, const Twine &what, Type expected, Type got) {
  return emitOptionalError(loc, "expected ", what, " ", expected, ", got ", got);
}

static LogicalResult expectSame(MaybeLoc loc, const Twine &what, Value expected, Value got) {
  if (expected.getType() != got.getType())
    return mismatch(loc, what, expected.getType(), got.getType());
  return success();
}

static LogicalResult expectCols(MaybeLoc loc, const Twine &what, int64_t expected, Value got) {
  if (cols(ranked(got)) != expected)
    return emitOptionalError(loc, "expected ", what, " of ", expected, " columns, got ", got.getType());
  return success();
}

/// Two tensors that agree in all dimensions but the last.
static LogicalResult expectSameRows(MaybeLoc loc, const Twine &what, Value expected, Value got) {
  if (ranked(expected).getShape().drop_back() != ranked(got).getShape().drop_back())
    return emitOptionalError(loc, "expected ", what, " with the rows of ", expected.getType(), ", got ",
                             got.getType());
  return success();
}

//===----------------------------------------------------------------------===//
// Model
//===----------------------------------------------------------------------===//

LogicalResult EmbeddingOp::inferReturnTypes(MLIRContext *context, MaybeLoc loc, Adaptor op, Types &types) {
  if (ranked(op.getTable()).getRank() != 2)
    return emitOptionalError(loc, "expected a matrix as table, got ", op.getTable().getType());
  SmallVector<int64_t> shape(ranked(op.getIds()).getShape());
  shape.push_back(cols(ranked(op.getTable())));
  types.push_back(RankedTensorType::get(shape, ranked(op.getTable()).getElementType()));
  return success();
}

/// The columns of `x W` or `x Wᵀ`, checked.
static FailureOr<int64_t> linearCols(MaybeLoc loc, Value x, Value weight, bool transposed) {
  auto type = ranked(weight);
  if (type.getRank() != 2)
    return LogicalResult(emitOptionalError(loc, "expected a matrix as weight, got ", type));
  int64_t in = type.getDimSize(transposed ? 0 : 1), out = type.getDimSize(transposed ? 1 : 0);
  if (cols(ranked(x)) != in)
    return LogicalResult(
        emitOptionalError(loc, "expected x of ", in, " columns for weight ", type, ", got ", x.getType()));
  if (ranked(x).getElementType() != type.getElementType())
    return LogicalResult(emitOptionalError(loc, "expected x and weight of one element type, got ",
                                           x.getType(), " and ", type));
  return out;
}

LogicalResult LinearOp::inferReturnTypes(MLIRContext *context, MaybeLoc loc, Adaptor op, Types &types) {
  FailureOr<int64_t> out = linearCols(loc, op.getX(), op.getWeight(), op.getTransposed());
  if (failed(out) || (op.getBias() && failed(expectCols(loc, "a bias", *out, op.getBias()))))
    return failure();
  types.push_back(withCols(ranked(op.getX()), *out));
  return success();
}

void LinearOp::build(OpBuilder &builder, OperationState &state, Value x, Value weight, bool transposed,
                     double alpha) {
  build(builder, state, x, weight, /*bias=*/Value(), transposed ? builder.getUnitAttr() : UnitAttr(),
        builder.getF64FloatAttr(alpha), /*module=*/StringAttr());
}

LogicalResult LinearAddOp::inferReturnTypes(MLIRContext *context, MaybeLoc loc, Adaptor op, Types &types) {
  FailureOr<int64_t> out = linearCols(loc, op.getX(), op.getWeight(), op.getTransposed());
  if (failed(out))
    return failure();
  RankedTensorType type = withCols(ranked(op.getX()), *out);
  if (op.getAcc().getType() != type)
    return mismatch(loc, "acc", type, op.getAcc().getType());
  types.push_back(type);
  return success();
}

LogicalResult BorderedLinearOp::inferReturnTypes(MLIRContext *, MaybeLoc loc, Adaptor op, Types &types) {
  FailureOr<int64_t> out = linearCols(loc, op.getX(), op.getWeight(), op.getTransposed());
  if (failed(out) || failed(expectSameRows(loc, "s", op.getX(), op.getS())))
    return failure();
  size_t count = op.getBeside().size();
  if (!count || op.getFirst().size() != count || op.getScales().size() != count)
    return emitOptionalError(loc, "expected a first row and a scale for each of ", count,
                             " weights beside, got ", op.getFirst().size(), " and ", op.getScales().size());
  if (op.getTransposed() && (count != 1 || op.getFirst()[0] != 0 || op.getScales()[0] != 1.0))
    return emitOptionalError(loc, "expected one weight below the transposed one, from row 0 on, of scale 1");
  int64_t rank = 0, end = 0;
  for (auto [beside, first] : llvm::zip_equal(op.getBeside(), op.getFirst())) {
    auto type = ranked(beside);
    if (type.getRank() != 2 || type.getElementType() != ranked(op.getX()).getElementType())
      return emitOptionalError(loc, "expected matrices of x's element type beside, got ", type);
    int64_t rows = type.getDimSize(op.getTransposed() ? 1 : 0);
    rank += type.getDimSize(op.getTransposed() ? 0 : 1);
    if (first < end || first + rows > *out)
      return emitOptionalError(loc, "expected what lies beside to fill rows of its own among ", *out,
                               ", got ", rows, " from ", first, " on");
    end = first + rows;
  }
  if (cols(ranked(op.getS())) != rank)
    return emitOptionalError(loc, "expected s of ", rank, " columns for the weights beside, got ",
                             op.getS().getType());
  RankedTensorType type = withCols(ranked(op.getX()), *out);
  if (op.getAcc() && op.getAcc().getType() != type)
    return mismatch(loc, "acc", type, op.getAcc().getType());
  types.push_back(type);
  return success();
}

static LogicalResult expectGroups(MaybeLoc loc, Value x, int64_t width) {
  if (cols(ranked(x)) % width)
    return emitOptionalError(loc, "expected x to hold groups of ", width, " columns, got ", x.getType());
  return success();
}

LogicalResult RMSNormOp::inferReturnTypes(MLIRContext *context, MaybeLoc loc, Adaptor op, Types &types) {
  types.push_back(op.getX().getType());
  return expectGroups(loc, op.getX(), cols(ranked(op.getWeight())));
}

LogicalResult RopeOp::inferReturnTypes(MLIRContext *context, MaybeLoc loc, Adaptor op, Types &types) {
  int64_t headDim = op.getHeadDim();
  if (cols(ranked(op.getX())) % headDim || 2 * int64_t(op.getInvFreq().size()) > headDim)
    return emitOptionalError(loc, "expected heads of ", headDim, " columns and at most ", headDim / 2,
                             " frequencies, got ", op.getX().getType(), " and ", op.getInvFreq().size());
  if (ranked(op.getX()).getShape().drop_back() != ranked(op.getPositions()).getShape())
    return emitOptionalError(loc, "expected a position for every row of ", op.getX().getType(), ", got ",
                             op.getPositions().getType());
  types.push_back(op.getX().getType());
  return success();
}

/// What attention and its gradient read.
template <class Adaptor> static LogicalResult expectHeads(MaybeLoc loc, Adaptor op) {
  auto q = ranked(op.getQ()), segments = ranked(op.getSegments());
  int64_t headDim = op.getHeadDim(), width = cols(q), kvWidth = cols(ranked(op.getK()));
  if (q.getRank() != 3 || width % headDim || kvWidth % headDim || width % kvWidth)
    return emitOptionalError(loc, "expected q [batch, seq, heads * ", headDim,
                             "] and k of a divisor of its heads, got ", q, " and ", op.getK().getType());
  if (segments.getShape() != q.getShape().drop_back())
    return emitOptionalError(loc, "expected a segment for every row of ", q, ", got ", segments);
  return success(succeeded(expectSame(loc, "v", op.getK(), op.getV())) &&
                 succeeded(expectSameRows(loc, "k", op.getQ(), op.getK())));
}

LogicalResult AttentionOp::inferReturnTypes(MLIRContext *context, MaybeLoc loc, Adaptor op, Types &types) {
  if (failed(expectHeads(loc, op)))
    return failure();
  auto q = ranked(op.getQ());
  types.push_back(q);
  types.push_back(f32Tensor(context, {q.getDimSize(0), cols(q) / int64_t(op.getHeadDim()), q.getDimSize(1)}));
  return success();
}

OpFoldResult CastOp::fold(FoldAdaptor) {
  // cast(x : t) : t -> x
  if (getX().getType() == getType())
    return getX();
  // cast(cast(x : bf16) : f32) : bf16 -> x
  if (auto inner = getX().getDefiningOp<CastOp>();
      inner && inner.getX().getType() == getType() && ranked(inner).getElementType().isF32())
    return inner.getX();
  return {};
}

LogicalResult DropoutOp::inferReturnTypes(MLIRContext *context, MaybeLoc loc, Adaptor op, Types &types) {
  double p = op.getP().convertToDouble();
  if (p < 0 || p >= 1)
    return emitOptionalError(loc, "expected a dropout probability in [0, 1), got ", p);
  types.push_back(op.getX().getType());
  return success();
}

// dropout(x, p = 0) -> x
OpFoldResult DropoutOp::fold(FoldAdaptor) { return getP().isZero() ? OpFoldResult(getX()) : OpFoldResult(); }

LogicalResult ShiftLabelsOp::inferReturnTypes(MLIRContext *context, MaybeLoc loc, Adaptor op, Types &types) {
  types.push_back(op.getLabels().getType());
  return expectSame(loc, "segments", op.getLabels(), op.getSegments());
}

LogicalResult CrossEntropyOp::inferReturnTypes(MLIRContext *context, MaybeLoc loc, Adaptor op, Types &types) {
  auto logits = ranked(op.getLogits()), targets = ranked(op.getTargets());
  if (logits.getShape().drop_back() != targets.getShape())
    return emitOptionalError(loc, "expected a target for every row of ", logits, ", got ", targets);
  types.push_back(f32Tensor(context, {}));
  types.push_back(f32Tensor(context, targets.getShape()));
  return success();
}

LogicalResult SelectRowsOp::inferReturnTypes(MLIRContext *context, MaybeLoc loc, Adaptor op, Types &types) {
  auto x = ranked(op.getX()), rows = ranked(op.getRows());
  if (x.getRank() != 3 || rows.getRank() != 1 || rows.getDimSize(0) != x.getDimSize(0))
    return emitOptionalError(loc, "expected x [batch, seq, cols] and one row each, got ", x, " and ", rows);
  types.push_back(RankedTensorType::get({x.getDimSize(0), x.getDimSize(2)}, x.getElementType()));
  return success();
}

LogicalResult PrependOp::inferReturnTypes(MLIRContext *context, MaybeLoc loc, Adaptor op, Types &types) {
  auto x = ranked(op.getX());
  types.push_back(withCols(x, cols(x) + op.getCount()));
  return success();
}

LogicalResult SplitColumnsOp::inferReturnTypes(MLIRContext *, MaybeLoc loc, Adaptor op, Types &types) {
  auto x = ranked(op.getX());
  int64_t sum = 0;
  for (int64_t width : op.getWidths()) {
    if (width < 1)
      return emitOptionalError(loc, "expected widths above 0, got ", width);
    types.push_back(withCols(x, width));
    sum += width;
  }
  if (sum != cols(x))
    return emitOptionalError(loc, "expected widths of ", cols(x), " columns in all for x ", x, ", got ", sum);
  return success();
}

// split_columns(concat_columns(a, b), widths of a and b) -> a, b
LogicalResult SplitColumnsOp::fold(FoldAdaptor, SmallVectorImpl<OpFoldResult> &results) {
  if (getNumResults() == 1) {
    results.push_back(getX());
    return success();
  }
  auto whole = getX().getDefiningOp<ConcatColumnsOp>();
  if (!whole || whole->getOperandTypes() != getResultTypes())
    return failure();
  llvm::append_range(results, whole.getParts());
  return success();
}

LogicalResult ConcatColumnsOp::inferReturnTypes(MLIRContext *, MaybeLoc loc, Adaptor op, Types &types) {
  if (op.getParts().empty())
    return emitOptionalError(loc, "expected a part");
  Value first = op.getParts().front();
  int64_t sum = 0;
  for (Value part : op.getParts()) {
    if (failed(expectSameRows(loc, "a part", first, part)))
      return failure();
    if (ranked(part).getElementType() != ranked(first).getElementType())
      return emitOptionalError(loc, "expected parts of one element type, got ", first.getType(), " and ",
                               part.getType());
    sum += cols(ranked(part));
  }
  types.push_back(withCols(ranked(first), sum));
  return success();
}

// concat_columns(split_columns(x)) -> x
OpFoldResult ConcatColumnsOp::fold(FoldAdaptor) {
  if (getParts().size() == 1)
    return getParts().front();
  auto split = getParts().front().getDefiningOp<SplitColumnsOp>();
  return split && split.getResults() == getParts() ? OpFoldResult(split.getX()) : OpFoldResult();
}

//===----------------------------------------------------------------------===//
// Gradients
//===----------------------------------------------------------------------===//

LogicalResult LinearWeightGradOp::inferReturnTypes(MLIRContext *context, MaybeLoc loc, Adaptor op,
                                                   Types &types) {
  types.push_back(f32Tensor(context, {cols(ranked(op.getDy())), cols(ranked(op.getX()))}));
  return expectSameRows(loc, "x", op.getDy(), op.getX());
}

LogicalResult SumRowsOp::inferReturnTypes(MLIRContext *context, MaybeLoc, Adaptor op, Types &types) {
  types.push_back(f32Tensor(context, {cols(ranked(op.getDy()))}));
  return success();
}

LogicalResult EmbeddingWeightGradOp::inferReturnTypes(MLIRContext *context, MaybeLoc loc, Adaptor op,
                                                      Types &types) {
  types.push_back(f32Tensor(context, {int64_t(op.getVocab()), cols(ranked(op.getDy()))}));
  if (ranked(op.getIds()).getShape() != ranked(op.getDy()).getShape().drop_back())
    return emitOptionalError(loc, "expected an id for every row of ", op.getDy().getType(), ", got ",
                             op.getIds().getType());
  return success();
}

LogicalResult RMSNormGradOp::inferReturnTypes(MLIRContext *, MaybeLoc loc, Adaptor op, Types &types) {
  types.push_back(op.getX().getType());
  return success(succeeded(expectGroups(loc, op.getX(), cols(ranked(op.getWeight())))) &&
                 succeeded(expectSame(loc, "dy", op.getX(), op.getDy())) &&
                 (!op.getResidual() || succeeded(expectSame(loc, "residual", op.getX(), op.getResidual()))));
}

LogicalResult RMSNormWeightGradOp::inferReturnTypes(MLIRContext *context, MaybeLoc loc, Adaptor op,
                                                    Types &types) {
  types.push_back(f32Tensor(context, {int64_t(op.getWidth())}));
  return success(succeeded(expectGroups(loc, op.getX(), op.getWidth())) &&
                 succeeded(expectSame(loc, "dy", op.getX(), op.getDy())));
}

LogicalResult AttentionGradOp::inferReturnTypes(MLIRContext *, MaybeLoc loc, Adaptor op, Types &types) {
  types.append({op.getQ().getType(), op.getK().getType(), op.getV().getType()});
  return success(succeeded(expectHeads(loc, op)) &&
                 succeeded(expectSame(loc, "dout", op.getQ(), op.getDout())));
}

LogicalResult CrossEntropyGradOp::inferReturnTypes(MLIRContext *, MaybeLoc loc, Adaptor op, Types &types) {
  types.push_back(op.getLogits().getType());
  if (ranked(op.getLogits()).getShape().drop_back() != ranked(op.getTargets()).getShape())
    return emitOptionalError(loc, "expected a target for every row of ", op.getLogits().getType(), ", got ",
                             op.getTargets().getType());
  return success();
}

LogicalResult CrossEntropyWithGradOp::inferReturnTypes(MLIRContext *context, MaybeLoc loc, Adaptor op,
                                                       Types &types) {
  types.push_back(f32Tensor(context, {}));
  types.push_back(op.getLogits().getType());
  if (ranked(op.getLogits()).getShape().drop_back() != ranked(op.getTargets()).getShape())
    return emitOptionalError(loc, "expected a target for every row of ", op.getLogits().getType(), ", got ",
                             op.getTargets().getType());
  return success();
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

bool LinearOp::isRowOperand(unsigned i) { return i == 0; }
bool LinearAddOp::isRowOperand(unsigned i) { return i < 2; }
bool BorderedLinearOp::isRowOperand(unsigned i) { return i < 2 || (getAcc() && i == getNumOperands() - 1); }
bool SplitColumnsOp::isRowOperand(unsigned) { return true; }
bool ConcatColumnsOp::isRowOperand(unsigned) { return true; }
bool ActivationOp::isRowOperand(unsigned) { return true; }
bool ActivationGradOp::isRowOperand(unsigned) { return true; }
bool ResidualOp::isRowOperand(unsigned) { return true; }
bool CastOp::isRowOperand(unsigned) { return true; }
bool CrossEntropyOp::isRowOperand(unsigned) { return true; }
bool CrossEntropyOp::isSumResult(unsigned i) { return i == 0; }
bool CrossEntropyGradOp::isRowOperand(unsigned i) { return i < 3; }
bool CrossEntropyWithGradOp::isRowOperand(unsigned i) { return i < 2; }
bool CrossEntropyWithGradOp::isSumResult(unsigned i) { return i == 0; }
bool LinearWeightGradOp::isRowOperand(unsigned) { return true; }
bool LinearWeightGradOp::isSumResult(unsigned) { return true; }
bool SumRowsOp::isRowOperand(unsigned) { return true; }
bool SumRowsOp::isSumResult(unsigned) { return true; }
