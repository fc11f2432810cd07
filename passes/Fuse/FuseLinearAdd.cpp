//===- FuseLinearAdd.cpp - products that add to what is there -------------===//

#include "dialects/Peft/Peft.h"
#include "passes/Fuse/Passes.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace peft {
#define GEN_PASS_DEF_FUSELINEARADDPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

namespace {

// a + linear(x, w) -> linear_add(a, x, w)
//
// Linear is a product, LinearAdd its form that adds: those of dense weights, or of encoded ones.
template <class Linear, class LinearAdd> struct AddOfLinear : OpRewritePattern<arith::AddFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::AddFOp add, PatternRewriter &rewriter) const override {
    auto linear = add.getRhs().getDefiningOp<Linear>();
    if (!linear || linear.getBias() || !linear->hasOneUse())
      return rewriter.notifyMatchFailure(add, "its right side is not a plain linear that only it reads");
    if (!add.getLhs().hasOneUse() || !add.getLhs().getDefiningOp())
      return rewriter.notifyMatchFailure(add, "its left side is read elsewhere, so it can't be added to in place");
    auto fused = rewriter.create<LinearAdd>(linear.getLoc(), add.getLhs(), linear.getX(), linear.getWeight(),
                                            linear.getTransposed(), linear.getAlpha());
    rewriter.replaceOp(add, fused);
    return success();
  }
};

// linear_add(linear(x, w), s, b) -> linear_add(linear(s, b), x, w), b being the thinner
//
// Adding costs another pass over the result: a large part of a thin product, as an adapter's, and hidden in a deep one.
template <class Linear, class LinearAdd> struct ThinProductFirst : OpRewritePattern<nn::LinearAddOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(nn::LinearAddOp add, PatternRewriter &rewriter) const override {
    auto linear = add.getAcc().getDefiningOp<Linear>();
    if (!linear || linear.getBias() || !linear->hasOneUse())
      return rewriter.notifyMatchFailure(add, "it adds to no plain linear that only it reads");
    auto depth = [](Value x) { return cast<RankedTensorType>(x.getType()).getShape().back(); };
    if (depth(add.getX()) >= depth(linear.getX()))
      return rewriter.notifyMatchFailure(add, "its own product is not the thinner");
    auto thin = rewriter.create<nn::LinearOp>(add.getLoc(), add.getX(), add.getWeight(), add.getTransposed(),
                                              add.getAlpha().convertToDouble());
    rewriter.replaceOpWithNewOp<LinearAdd>(add, thin, linear.getX(), linear.getWeight(), linear.getTransposed(),
                                           linear.getAlpha());
    return success();
  }
};

struct FuseLinearAdd : peft::impl::FuseLinearAddPassBase<FuseLinearAdd> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<AddOfLinear<nn::LinearOp, nn::LinearAddOp>, ThinProductFirst<nn::LinearOp, nn::LinearAddOp>,
                 AddOfLinear<adapter::QuantizedLinearOp, adapter::QuantizedLinearAddOp>,
                 ThinProductFirst<adapter::QuantizedLinearOp, adapter::QuantizedLinearAddOp>>(&getContext());
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
