//===- DecomposeAdapters.cpp - adapter nodes to what they are made of -----===//
#include "passes/Adapt/Parameters.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace peft {
#define GEN_PASS_DEF_DECOMPOSEADAPTERSPASS
#include "passes/Adapt/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;
using namespace peft::adapt;

namespace {

Value scaled(OpBuilder &builder, Location loc, Value value, double scale) {
  if (scale == 1.0)
    return value;
  RankedTensorType type = tensorType(value);
  auto splat = DenseElementsAttr::get(type, builder.getFloatAttr(type.getElementType(), scale));
  return builder.create<arith::MulFOp>(loc, value, builder.create<arith::ConstantOp>(loc, splat));
}

/// x Wᵀ + bias with a bias.
Value linear(OpBuilder &builder, Location loc, Value x, Value weight, Value bias) {
  return builder.create<nn::LinearOp>(loc, x, weight, bias, /*transposed=*/false, llvm::APFloat(1.0),
                                      /*module=*/StringAttr());
}

// Pattern: lora(y, x, a, b, s)    -> linear_add(y, linear(dropout(x), a), b, alpha = s)
// Pattern: lora(y, x, a, b, c, s) -> y + s * linear(linear(dropout(x), a), b, c)
struct DecomposeLora : OpRewritePattern<adapter::LoraOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(adapter::LoraOp op, PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value x = op.getX();
    if (!op.getDropout().isZero())
      x = rewriter.create<nn::DropoutOp>(loc, x, op.getSeed(), op.getDropoutAttr(), op.getSaltAttr());
    Value inner = rewriter.create<nn::LinearOp>(loc, x, op.getA());
    if (op.getBias()) {
      Value outer = linear(rewriter, loc, inner, op.getB(), op.getBias());
      outer = scaled(rewriter, loc, outer, op.getScale().convertToDouble());
      rewriter.replaceOpWithNewOp<arith::AddFOp>(op, op.getBase(), outer);
      return success();
    }
    rewriter.replaceOpWithNewOp<nn::LinearAddOp>(op, op.getBase(), inner, op.getB(), /*transposed=*/false,
                                                 op.getScale());
    return success();
  }
};

// Pattern: lora_embedding(y, ids, a, b, s) -> linear_add(y, embedding_columns(ids, a), b, alpha = s)
struct DecomposeLoraEmbedding : OpRewritePattern<adapter::LoraEmbeddingOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(adapter::LoraEmbeddingOp op, PatternRewriter &rewriter) const override {
    Value inner = rewriter.create<adapter::EmbeddingColumnsOp>(op.getLoc(), op.getIds(), op.getA());
    rewriter.replaceOpWithNewOp<nn::LinearAddOp>(op, op.getBase(), inner, op.getB(), /*transposed=*/false,
                                                 op.getScale());
    return success();
  }
};

// Pattern: bottleneck(h, x, down, c, up, d, s) -> h + s * linear(f(linear(x, down, c)), up, d)
struct DecomposeBottleneck : OpRewritePattern<adapter::BottleneckOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(adapter::BottleneckOp op, PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value inner = linear(rewriter, loc, op.getX(), op.getDown(), op.getDownBias());
    inner = rewriter.create<nn::ActivationOp>(loc, inner.getType(), op.getKind(), inner);
    Value outer = linear(rewriter, loc, inner, op.getUp(), op.getUpBias());
    outer = scaled(rewriter, loc, outer, op.getScale().convertToDouble());
    rewriter.replaceOpWithNewOp<arith::AddFOp>(op, op.getH(), outer);
    return success();
  }
};

struct DecomposeAdaptersPass : peft::impl::DecomposeAdaptersPassBase<DecomposeAdaptersPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<DecomposeLora, DecomposeLoraEmbedding, DecomposeBottleneck>(&getContext());
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
