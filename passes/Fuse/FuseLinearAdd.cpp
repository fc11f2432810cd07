//===- FuseLinearAdd.cpp - products that add to what is there -------------===//

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
struct AddOfLinear : OpRewritePattern<arith::AddFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::AddFOp add, PatternRewriter &rewriter) const override {
    auto linear = add.getRhs().getDefiningOp<nn::LinearOp>();
    if (!linear || linear.getBias() || !linear->hasOneUse())
      return rewriter.notifyMatchFailure(add, "its right side is not a plain linear that only it reads");
    if (!add.getLhs().hasOneUse() || !add.getLhs().getDefiningOp())
      return rewriter.notifyMatchFailure(add, "its left side is read elsewhere, so it can't be added to in place");
    auto fused = rewriter.create<nn::LinearAddOp>(linear.getLoc(), add.getLhs(), linear.getX(), linear.getWeight(),
                                                  linear.getTransposed(), linear.getAlpha());
    rewriter.replaceOp(add, fused);
    return success();
  }
};

struct FuseLinearAdd : peft::impl::FuseLinearAddPassBase<FuseLinearAdd> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<AddOfLinear>(&getContext());
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
