//===- NNGradients.cpp - vector-Jacobian products of the nn dialect -------===//
//
// One function an op. A cotangent that nobody wants is never built: that is how
// frozen weights cost nothing.
//
//===----------------------------------------------------------------------===//

#include "dialects/NN/NN.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace peft::nn;

using Wanted = ArrayRef<bool>;
using Cotangents = SmallVector<Value>;

static RankedTensorType ranked(Value value) { return cast<RankedTensorType>(value.getType()); }

// y = table[ids]:  dtable[ids] += dy
Cotangents EmbeddingOp::buildVJP(OpBuilder &builder, ValueRange dy, Wanted wanted) {
  Cotangents result(2);
  if (wanted[1])
    result[1] =
        builder.create<EmbeddingWeightGradOp>(getLoc(), dy[0], getIds(), ranked(getTable()).getDimSize(0));
  return result;
}

/// dW of alpha x Wᵀ is alpha dyᵀ x; of alpha x W, alpha xᵀ dy.
static Value weightGrad(OpBuilder &builder, Location loc, Value dy, Value x, bool transposed,
                        FloatAttr alpha) {
  return transposed ? builder.create<LinearWeightGradOp>(loc, x, dy, alpha)
                    : builder.create<LinearWeightGradOp>(loc, dy, x, alpha);
}

// y = alpha x Wᵀ + b:  dx = alpha dy W,  dW = alpha dyᵀ x,  db = sum of dy's rows
Cotangents LinearOp::buildVJP(OpBuilder &builder, ValueRange dy, Wanted wanted) {
  Cotangents result(getNumOperands());
  if (wanted[0])
    result[0] = builder.create<LinearOp>(getLoc(), dy[0], getWeight(), !getTransposed(),
                                         getAlpha().convertToDouble());
  if (wanted[1])
    result[1] = weightGrad(builder, getLoc(), dy[0], getX(), getTransposed(), getAlphaAttr());
  if (getBias() && wanted[2])
    result[2] = builder.create<SumRowsOp>(getLoc(), dy[0]);
  return result;
}

// y = acc + alpha x Wᵀ:  dacc = dy,  dx = alpha dy W,  dW = alpha dyᵀ x
Cotangents LinearAddOp::buildVJP(OpBuilder &builder, ValueRange dy, Wanted wanted) {
  Cotangents result(3);
  if (wanted[0])
    result[0] = dy[0];
  if (wanted[1])
    result[1] = builder.create<LinearOp>(getLoc(), dy[0], getWeight(), !getTransposed(),
                                         getAlpha().convertToDouble());
  if (wanted[2])
    result[2] = weightGrad(builder, getLoc(), dy[0], getX(), getTransposed(), getAlphaAttr());
  return result;
}

/// The columns from firsts[i] on, widths[i] of them; `x` itself where that is all.
static SmallVector<Value> columnsOf(OpBuilder &builder, Location loc, Value x, ArrayRef<int64_t> firsts,
                                    ArrayRef<int64_t> widths) {
  SmallVector<int64_t> parts;
  SmallVector<unsigned> wanted;
  int64_t end = 0, all = ranked(x).getShape().back();
  auto addPart = [&](int64_t width) {
    if (width)
      parts.push_back(width), end += width;
  };
  for (auto [first, width] : llvm::zip_equal(firsts, widths)) {
    addPart(first - end);
    wanted.push_back(parts.size());
    addPart(width);
  }
  addPart(all - end);
  if (parts.size() == 1)
    return {x};
  auto split = builder.create<SplitColumnsOp>(loc, x, parts);
  return llvm::map_to_vector(wanted, [&](unsigned i) { return Value(split.getResult(i)); });
}

// y = acc + x Wᵀ + s Bᵀ, B of blocks αᵢ bᵢ:  dacc = dy,  dx = dy W,  dsᵢ = αᵢ dyᵢ bᵢ,  dbᵢ = αᵢ dyᵢᵀ sᵢ
//
// yᵢ are the columns of y that are rows of bᵢ, sᵢ those of s that are its columns. Backwards, of y = x W + s
// A, the same with one block.
Cotangents BorderedLinearOp::buildVJP(OpBuilder &builder, ValueRange dy, Wanted wanted) {
  Cotangents result(getNumOperands());
  const unsigned s = 1, weight = 2, beside = 3;
  const bool transposed = getTransposed();
  if (wanted[0])
    result[0] = builder.create<LinearOp>(getLoc(), dy[0], getWeight(), !transposed);
  if (wanted[weight])
    result[weight] = weightGrad(builder, getLoc(), dy[0], getX(), transposed, builder.getF64FloatAttr(1.0));
  if (getAcc())
    result.back() = dy[0];
  SmallVector<int64_t> rows, ranks, begins;
  for (Value b : getBeside()) {
    begins.push_back(begins.empty() ? 0 : begins.back() + ranks.back());
    rows.push_back(ranked(b).getDimSize(transposed ? 1 : 0));
    ranks.push_back(ranked(b).getDimSize(transposed ? 0 : 1));
  }
  SmallVector<Value> dys = columnsOf(builder, getLoc(), dy[0], getFirst(), rows);
  if (wanted[s]) {
    SmallVector<Value> parts;
    for (auto [part, b, scale] : llvm::zip_equal(dys, getBeside(), getScales()))
      parts.push_back(builder.create<LinearOp>(getLoc(), part, b, !transposed, scale));
    result[s] = parts.size() == 1 ? parts[0] : Value(builder.create<ConcatColumnsOp>(getLoc(), parts));
  }
  if (llvm::none_of(wanted.slice(beside, getBeside().size()), [](bool w) { return w; }))
    return result;
  SmallVector<Value> ss = columnsOf(builder, getLoc(), getS(), begins, ranks);
  for (auto [i, part, inner] : llvm::enumerate(dys, ss))
    if (wanted[beside + i])
      result[beside + i] =
          weightGrad(builder, getLoc(), part, inner, transposed, builder.getF64FloatAttr(getScales()[i]));
  return result;
}

Cotangents RMSNormOp::buildVJP(OpBuilder &builder, ValueRange dy, Wanted wanted) {
  Cotangents result(2);
  if (wanted[0])
    result[0] = builder.create<RMSNormGradOp>(getLoc(), dy[0], getX(), getWeight(), /*residual=*/Value(),
                                              getEpsAttr());
  if (wanted[1])
    result[1] = builder.create<RMSNormWeightGradOp>(getLoc(), dy[0], getX(),
                                                    ranked(getWeight()).getDimSize(0), getEps());
  return result;
}

// A rotation's transpose is its inverse.
Cotangents RopeOp::buildVJP(OpBuilder &builder, ValueRange dy, Wanted wanted) {
  Cotangents result(2);
  if (wanted[0])
    result[0] = builder.create<RopeOp>(getLoc(), dy[0], getPositions(), getInvFreq(), getHeadDim(),
                                       getScale(), /*inverse=*/!getInverse());
  return result;
}

Cotangents AttentionOp::buildVJP(OpBuilder &builder, ValueRange dy, Wanted wanted) {
  Cotangents result(4);
  auto grad =
      builder.create<AttentionGradOp>(getLoc(), dy[0], getQ(), getK(), getV(), getOut(), getLse(),
                                      getSegments(), getHeadDimAttr(), getScaleAttr(), getWindowAttr());
  for (unsigned i = 0; i < 3; ++i)
    if (wanted[i])
      result[i] = grad.getResult(i);
  return result;
}

Cotangents ActivationOp::buildVJP(OpBuilder &builder, ValueRange dy, Wanted wanted) {
  Cotangents result(1);
  if (wanted[0])
    result[0] = builder.create<ActivationGradOp>(getLoc(), getX().getType(), getKindAttr(), dy[0], getX());
  return result;
}

// y = x + branch:  dx = dy,  dbranch = dy
Cotangents ResidualOp::buildVJP(OpBuilder &, ValueRange dy, Wanted wanted) {
  return {wanted[0] ? dy[0] : Value(), wanted[1] ? dy[0] : Value()};
}

// A float32 cotangent of a float32 master weight stays what it is.
Cotangents CastOp::buildVJP(OpBuilder &builder, ValueRange dy, Wanted wanted) {
  Cotangents result(1);
  if (wanted[0])
    result[0] = dy[0].getType() == getX().getType()
                    ? dy[0]
                    : builder.create<CastOp>(getLoc(), getX().getType(), dy[0]);
  return result;
}

// The same mask, made again from the same counters.
Cotangents DropoutOp::buildVJP(OpBuilder &builder, ValueRange dy, Wanted wanted) {
  Cotangents result(2);
  if (wanted[0])
    result[0] = builder.create<DropoutOp>(getLoc(), dy[0], getSeed(), getPAttr(), getSaltAttr());
  return result;
}

// (a, b) = columns of x:  dx = da and db side by side
Cotangents SplitColumnsOp::buildVJP(OpBuilder &builder, ValueRange dy, Wanted wanted) {
  SmallVector<Value> parts;
  for (auto [part, cotangent] : llvm::zip_equal(getParts(), dy)) {
    Value zero = cotangent;
    if (!zero)
      zero = builder.create<arith::ConstantOp>(getLoc(), builder.getZeroAttr(part.getType()));
    parts.push_back(zero);
  }
  return {wanted[0] ? Value(builder.create<ConcatColumnsOp>(getLoc(), parts)) : Value()};
}

// y = a and b side by side:  (da, db) = columns of dy
Cotangents ConcatColumnsOp::buildVJP(OpBuilder &builder, ValueRange dy, Wanted wanted) {
  SmallVector<int64_t> widths;
  for (Value part : getParts())
    widths.push_back(ranked(part).getShape().back());
  auto split = builder.create<SplitColumnsOp>(getLoc(), dy[0], widths);
  Cotangents result(wanted.size());
  for (unsigned i = 0; i < wanted.size(); ++i)
    if (wanted[i])
      result[i] = split.getResult(i);
  return result;
}

Cotangents CrossEntropyOp::buildVJP(OpBuilder &builder, ValueRange dy, Wanted wanted) {
  Cotangents result(2);
  if (wanted[0])
    result[0] = builder.create<CrossEntropyGradOp>(getLoc(), getLogits(), getLse(), getTargets(), dy[0]);
  return result;
}
