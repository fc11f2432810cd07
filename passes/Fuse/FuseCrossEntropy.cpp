//===- FuseCrossEntropy.cpp - the loss and its gradient at once -----------===//

#include "passes/Fuse/Passes.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace peft {
#define GEN_PASS_DEF_FUSECROSSENTROPYPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

namespace {

// loss, lse = cross_entropy(x, t); dx = cross_entropy_grad(x, lse, t, s) -> loss, dx =
// cross_entropy_with_grad(x, t, s)
struct LossWithGradient : OpRewritePattern<nn::CrossEntropyGradOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(nn::CrossEntropyGradOp grad, PatternRewriter &rewriter) const override {
    auto loss = grad.getLse().getDefiningOp<nn::CrossEntropyOp>();
    if (!loss || loss->getBlock() != grad->getBlock() || !loss.getLse().hasOneUse() ||
        loss.getLogits() != grad.getLogits() || loss.getTargets() != grad.getTargets())
      return rewriter.notifyMatchFailure(grad, "its lse is not that of a loss which only it reads");
    if (llvm::any_of(loss.getLoss().getUsers(), [&](Operation *user) {
          Operation *ancestor = grad->getBlock()->findAncestorOpInBlock(*user);
          return ancestor && ancestor->isBeforeInBlock(grad);
        }))
      return rewriter.notifyMatchFailure(grad, "the loss is read before it");
    auto both = rewriter.create<nn::CrossEntropyWithGradOp>(loss.getLoc(), grad.getLogits(),
                                                            grad.getTargets(), grad.getScale());
    both->setDiscardableAttrs(grad->getDiscardableAttrDictionary()); // where the backward part begins
    rewriter.replaceAllUsesWith(loss.getLoss(), both.getLoss());
    rewriter.replaceOp(grad, both.getDlogits());
    rewriter.eraseOp(loss);
    return success();
  }
};

struct FuseCrossEntropy : peft::impl::FuseCrossEntropyPassBase<FuseCrossEntropy> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<LossWithGradient>(&getContext());
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
