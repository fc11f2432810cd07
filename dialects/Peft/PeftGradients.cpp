//===- PeftGradients.cpp - vector-Jacobian products of the peft ops -------===//
//
// Only of the nodes that live until differentiation: the others are decomposed to
// nn before. An encoded weight is frozen by construction and gets no cotangent.
//
//===----------------------------------------------------------------------===//
#include "dialects/Peft/Peft.h"

using namespace mlir;
using namespace peft::adapter;

/// y[b] = concat(prompt, x[b]): dx is the part behind the prompt, dprompt the sum
/// over the batch of the part in front.
SmallVector<Value> SoftPromptOp::buildVJP(OpBuilder &builder, ValueRange cotangents, ArrayRef<bool> wanted) {
  Value dy = cotangents[0];
  int64_t count = cast<RankedTensorType>(getPrompt().getType()).getDimSize(0);
  SmallVector<Value> grads(2);
  if (wanted[0])
    grads[0] = builder.create<SoftPromptGradOp>(getLoc(), dy, builder.getI64IntegerAttr(count));
  if (wanted[1])
    grads[1] = builder.create<SoftPromptWeightGradOp>(getLoc(), dy, builder.getI64IntegerAttr(count));
  return grads;
}

/// y[i] = rows[j] where ids[i] == indices[j], else x[i]: dy goes where y came from.
SmallVector<Value> OverrideRowsOp::buildVJP(OpBuilder &builder, ValueRange cotangents,
                                            ArrayRef<bool> wanted) {
  Value dy = cotangents[0];
  SmallVector<Value> grads(3);
  if (wanted[0])
    grads[0] = builder.create<OverrideRowsGradOp>(getLoc(), dy, getIds(), getIndicesAttr());
  if (wanted[2])
    grads[2] = builder.create<OverrideRowsWeightGradOp>(getLoc(), dy, getIds(), getIndicesAttr());
  return grads;
}

/// y[:, indices[j]] = columns[:, j], else x: dy goes where y came from. dx comes last, so that it can take
/// dy's place.
SmallVector<Value> OverrideColumnsOp::buildVJP(OpBuilder &builder, ValueRange cotangents,
                                               ArrayRef<bool> wanted) {
  Value dy = cotangents[0];
  SmallVector<Value> grads(2);
  if (wanted[1])
    grads[1] = builder.create<SelectColumnsOp>(getLoc(), dy, getIndicesAttr());
  if (wanted[0])
    grads[0] = builder.create<OverrideColumnsGradOp>(getLoc(), dy, getIndicesAttr());
  return grads;
}

/// y[i] = table[:, ids[i]]: dy[i] is added to that column.
SmallVector<Value> EmbeddingColumnsOp::buildVJP(OpBuilder &builder, ValueRange cotangents,
                                                ArrayRef<bool> wanted) {
  SmallVector<Value> grads(2);
  if (wanted[1])
    grads[1] = builder.create<EmbeddingColumnsWeightGradOp>(
        getLoc(), cotangents[0], getIds(),
        builder.getI64IntegerAttr(cast<RankedTensorType>(getTable().getType()).getDimSize(1)));
  return grads;
}

/// y = alpha x Wᵀ + bias: dx = alpha dy W reads the same encoded bytes, transposed.
SmallVector<Value> QuantizedLinearOp::buildVJP(OpBuilder &builder, ValueRange cotangents,
                                               ArrayRef<bool> wanted) {
  Value dy = cotangents[0];
  SmallVector<Value> grads(getOperation()->getNumOperands());
  if (wanted[0])
    grads[0] = builder.create<QuantizedLinearOp>(getLoc(), dy, getWeight(), /*bias=*/Value(),
                                                 !getTransposed(), getAlpha());
  if (getBias() && wanted[2])
    grads[2] = builder.create<nn::SumRowsOp>(getLoc(), dy);
  return grads;
}
