//===- MergeRopes.cpp - columns side by side are rotated at once ----------===//
//
// Assumes @loss before differentiation, as peft-group-linears leaves it.
//
//===----------------------------------------------------------------------===//

#include "dialects/NN/NN.h"
#include "passes/Fuse/Passes.h"
#include "peft/Support/Locations.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace peft {
#define GEN_PASS_DEF_MERGEROPESPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

namespace {

/// The rope that is all that becomes of a part.
nn::RopeOp ropeOf(Value part) {
  auto rope = part.hasOneUse() ? dyn_cast<nn::RopeOp>(*part.user_begin()) : nullptr;
  return rope && rope.getX() == part ? rope : nullptr;
}

// rope(a), rope(b) of neighbouring columns a, b -> split_columns(rope(a and b))
struct RopesOfNeighbours : OpRewritePattern<nn::SplitColumnsOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(nn::SplitColumnsOp split, PatternRewriter &rewriter) const override {
    auto parts = split.getParts();
    for (unsigned i = 0; i + 1 < parts.size(); ++i) {
      nn::RopeOp a = ropeOf(parts[i]), b = ropeOf(parts[i + 1]);
      if (a && b && a.getPositions() == b.getPositions() && a->getAttrDictionary() == b->getAttrDictionary())
        return merge(split, i, a, b, rewriter), success();
    }
    return rewriter.notifyMatchFailure(split, "no two neighbouring parts are rotated alike");
  }

private:
  static void merge(nn::SplitColumnsOp split, unsigned i, nn::RopeOp a, nn::RopeOp b,
                    PatternRewriter &rewriter) {
    const unsigned count = split.getNumResults();
    SmallVector<int64_t> widths(split.getWidths()), inner = {widths[i], widths[i + 1]};
    widths[i] += widths[i + 1];
    widths.erase(widths.begin() + i + 1);
    // partLocation's order; what is rotated goes by the name of the first of the two.
    auto fused = dyn_cast<FusedLoc>(split.getLoc());
    Location whole = fused ? fused.getLocations().front() : split.getLoc();
    SmallVector<Location> outerLocs = {whole}, innerLocs = {whole};
    for (unsigned k = 0; k < count; ++k) {
      Location loc = partLocation(split.getLoc(), k, count);
      if (k != i + 1)
        outerLocs.push_back(loc);
      if (k == i || k == i + 1)
        innerLocs.push_back(loc);
    }
    rewriter.setInsertionPoint(split);
    auto outer = rewriter.create<nn::SplitColumnsOp>(rewriter.getFusedLoc(outerLocs), split.getX(), widths);
    rewriter.setInsertionPoint(a->isBeforeInBlock(b) ? a : b);
    auto rope = rewriter.create<nn::RopeOp>(a.getLoc(), outer.getResult(i), a.getPositions(), a.getInvFreq(),
                                            a.getHeadDim(), a.getScale(), a.getInverse());
    auto rotated = rewriter.create<nn::SplitColumnsOp>(rewriter.getFusedLoc(innerLocs), rope, inner);
    rewriter.replaceOp(a, rotated.getResult(0));
    rewriter.replaceOp(b, rotated.getResult(1));
    SmallVector<Value> results;
    for (unsigned k = 0; k < count; ++k) // nothing reads the two any more
      results.push_back(outer.getResult(k <= i ? k : k - 1));
    for (auto [old, result] : llvm::zip_equal(split.getParts(), results))
      if (!old.use_empty())
        rewriter.replaceAllUsesWith(old, result);
    rewriter.eraseOp(split);
  }
};

struct MergeRopes : peft::impl::MergeRopesPassBase<MergeRopes> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<RopesOfNeighbours>(&getContext());
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
