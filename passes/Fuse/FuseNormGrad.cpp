//===- FuseNormGrad.cpp - a norm's gradient that takes in a sum -----------===//

#include "passes/Fuse/Passes.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace peft {
#define GEN_PASS_DEF_FUSENORMGRADPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

namespace {

// a + rms_norm_grad(dy, x, w) -> rms_norm_grad(dy, x, w residual a), and the same of rms_norm_grad(dy, x, w)
// + a
struct AddOfNormGrad : OpRewritePattern<arith::AddFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::AddFOp add, PatternRewriter &rewriter) const override {
    for (unsigned side : {1, 0}) {
      auto grad = add->getOperand(side).getDefiningOp<nn::RMSNormGradOp>();
      if (!grad || grad.getResidual() || !grad->hasOneUse())
        continue;
      rewriter.replaceOp(add, rewriter.create<nn::RMSNormGradOp>(grad.getLoc(), grad.getDy(), grad.getX(),
                                                                 grad.getWeight(), add->getOperand(1 - side),
                                                                 grad.getEpsAttr()));
      return success();
    }
    return rewriter.notifyMatchFailure(add, "neither side is a norm's gradient that only it reads");
  }
};

struct FuseNormGrad : peft::impl::FuseNormGradPassBase<FuseNormGrad> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<AddOfNormGrad>(&getContext());
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
