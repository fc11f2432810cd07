//===- FuseQuantizedLinear.cpp - products that read encoded weights -------===//
#include "passes/Adapt/Parameters.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace peft {
#define GEN_PASS_DEF_FUSEQUANTIZEDLINEARPASS
#include "passes/Adapt/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

namespace {

// Pattern: linear(x, dequantize(w), bias) -> quantized_linear(x, w, bias)
struct ReadEncodedWeight : OpRewritePattern<nn::LinearOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(nn::LinearOp op, PatternRewriter &rewriter) const override {
    auto dense = op.getWeight().getDefiningOp<adapter::DequantizeOp>();
    if (!dense)
      return rewriter.notifyMatchFailure(op, "weight is not a peft.dequantize");
    auto fused = rewriter.create<adapter::QuantizedLinearOp>(op.getLoc(), op.getX(), dense.getEncoded(),
                                                             op.getBias(), op.getTransposed(), op.getAlpha());
    rewriter.replaceOp(op, fused);
    return success();
  }
};

struct FuseQuantizedLinearPass : peft::impl::FuseQuantizedLinearPassBase<FuseQuantizedLinearPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ReadEncodedWeight>(&getContext());
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
