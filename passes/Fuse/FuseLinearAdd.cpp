//===- FuseLinearAdd.cpp - products that add to what is there -------------===//

#include "dialects/Peft/Peft.h"
#include "passes/Fuse/Passes.h"
#include "peft/Analysis/Columns.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace peft {
#define GEN_PASS_DEF_FUSELINEARADDPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

namespace {

int64_t depthOf(Value x) { return cast<RankedTensorType>(x.getType()).getShape().back(); }

/// The product that makes `value`, if only one op reads it and if it has a form that adds.
template <class Linear> Linear plainLinear(Value value) {
  auto linear = value.getDefiningOp<Linear>();
  return linear && !linear.getBias() && linear->hasOneUse() ? linear : nullptr;
}

/// Whether `value` is a line of products, each added to the one before, which has no other reader.
bool isLineOfProducts(Value value) {
  while (value.hasOneUse() &&
         isa_and_nonnull<nn::LinearAddOp, adapter::QuantizedLinearAddOp>(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  return plainLinear<nn::LinearOp>(value) || plainLinear<adapter::QuantizedLinearOp>(value);
}

/// Whether the sum's own product is thinner than the one that it adds to: ThinProductFirst takes those.
bool wantsThinFirst(nn::LinearAddOp add) {
  Operation *first = add.getAcc().getDefiningOp();
  return (plainLinear<nn::LinearOp>(add.getAcc()) || plainLinear<adapter::QuantizedLinearOp>(add.getAcc())) &&
         depthOf(add.getX()) < depthOf(first->getOperand(0));
}

// a + linear(x, w) -> linear_add(a, x, w)
//
// Sum is one of cotangents or a residual. Linear is a product, LinearAdd its form that adds: those of dense
// weights, or of encoded ones.
template <class Sum, class Linear, class LinearAdd> struct AddOfLinear : OpRewritePattern<Sum> {
  using OpRewritePattern<Sum>::OpRewritePattern;

  LogicalResult matchAndRewrite(Sum sum, PatternRewriter &rewriter) const override {
    Linear linear = plainLinear<Linear>(sum->getOperand(1));
    if (!linear)
      return rewriter.notifyMatchFailure(sum, "its right side is not a plain linear that only it reads");
    auto fused = rewriter.create<LinearAdd>(linear.getLoc(), sum->getOperand(0), linear.getX(),
                                            linear.getWeight(), linear.getTransposed(), linear.getAlpha());
    rewriter.replaceOp(sum, fused);
    return success();
  }
};

// a + linear_add(c, x, w) -> linear_add(a + c, x, w), c being a line of products
//
// So the first of them takes `a` in: with an adapter that is the adapter's, and the layer's adds to both. Not
// where sums are rounded to less than float32: a + c lies on the grid of `a`, and of a small c nothing would
// be left.
template <class Sum, class LinearAdd> struct AddOfLinearAdd : OpRewritePattern<Sum> {
  using OpRewritePattern<Sum>::OpRewritePattern;

  LogicalResult matchAndRewrite(Sum sum, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(sum->getResult(0).getType()).isF32())
      return rewriter.notifyMatchFailure(sum,
                                         "its left side alone is too coarse for a part of its right side");
    auto last = sum->getOperand(1).template getDefiningOp<LinearAdd>();
    if (!last || !isLineOfProducts(last))
      return rewriter.notifyMatchFailure(sum, "its right side is not a line of products that only it reads");
    if (auto add = dyn_cast<nn::LinearAddOp>(*last); add && wantsThinFirst(add))
      return rewriter.notifyMatchFailure(sum, "its right side has the thinner product behind the other yet");
    Operation *inner = rewriter.clone(*sum);
    inner->setOperand(1, last.getAcc());
    rewriter
        .replaceOpWithNewOp<LinearAdd>(sum, inner->getResult(0), last.getX(), last.getWeight(),
                                       last.getTransposed(), last.getAlpha())
        ->setLoc(last.getLoc());
    return success();
  }
};

// linear_add(linear(x, w), s, b) -> linear_add(linear(s, b), x, w), b being the thinner
//
// Adding costs another pass over the result: a large part of a thin product, as an adapter's, and hidden in a
// deep one.
template <class Linear, class LinearAdd> struct ThinProductFirst : OpRewritePattern<nn::LinearAddOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(nn::LinearAddOp add, PatternRewriter &rewriter) const override {
    Linear linear = plainLinear<Linear>(add.getAcc());
    if (!linear)
      return rewriter.notifyMatchFailure(add, "it adds to no plain linear that only it reads");
    if (!wantsThinFirst(add))
      return rewriter.notifyMatchFailure(add, "its own product is not the thinner");
    auto thin = rewriter.create<nn::LinearOp>(add.getLoc(), add.getX(), add.getWeight(), add.getTransposed(),
                                              add.getAlpha().convertToDouble());
    rewriter.replaceOpWithNewOp<LinearAdd>(add, thin, linear.getX(), linear.getWeight(),
                                           linear.getTransposed(), linear.getAlpha());
    return success();
  }
};

// a + bordered_linear(x, s, w beside b) -> bordered_linear(x, s, w beside b, acc a)
template <class Sum> struct AddOfBordered : OpRewritePattern<Sum> {
  using OpRewritePattern<Sum>::OpRewritePattern;

  LogicalResult matchAndRewrite(Sum sum, PatternRewriter &rewriter) const override {
    auto bordered = sum->getOperand(1).template getDefiningOp<nn::BorderedLinearOp>();
    if (!bordered || bordered.getAcc() || !bordered->hasOneUse())
      return rewriter.notifyMatchFailure(sum, "its right side is not a bordered product that only it reads");
    auto fused = rewriter.create<nn::BorderedLinearOp>(
        bordered.getLoc(), bordered.getX(), bordered.getS(), bordered.getWeight(), bordered.getBeside(),
        sum->getOperand(0), bordered.getFirst(), bordered.getScales(), bordered.getTransposed());
    rewriter.replaceOp(sum, fused);
    return success();
  }
};

/// Of each frozen weight with a border, the parameter (or stack) whose product with x gives s.
using InnerWeights = DenseMap<StringAttr, StringAttr>;

StringAttr weightName(Value weight) {
  nn::GetOp get = nn::readOf(weight);
  return get ? get.getParameterAttr().getAttr() : StringAttr();
}

// linear_add(linear(ds, a, transposed), dy, w, transposed) -> bordered_linear(dy, ds, w beside a, transposed)
struct BorderedGradient : OpRewritePattern<nn::LinearAddOp> {
  BorderedGradient(MLIRContext *context, const InnerWeights &inner)
      : OpRewritePattern(context), inner(inner) {}

  LogicalResult matchAndRewrite(nn::LinearAddOp add, PatternRewriter &rewriter) const override {
    StringAttr weight = weightName(add.getWeight());
    nn::LinearOp thin = plainLinear<nn::LinearOp>(add.getAcc());
    if (!weight || !thin || !add.getTransposed() || !thin.getTransposed())
      return rewriter.notifyMatchFailure(add, "it adds to no transposed product as it is one");
    StringAttr a = weightName(thin.getWeight());
    if (!a || inner.lookup(weight) != a)
      return rewriter.notifyMatchFailure(add, "its weight has no border that holds the thin product's");
    if (!add.getAlpha().isExactlyValue(1.0) || !thin.getAlpha().isExactlyValue(1.0))
      return rewriter.notifyMatchFailure(add, "its products have factors");
    Value dy = add.getX();
    bool hasBorder = llvm::any_of(dy.getUses(), [](OpOperand &use) {
      return isa<nn::BorderedLinearOp>(use.getOwner()) && use.getOperandNumber() == 0;
    });
    if (hasBorder || !writesColumns(dy))
      return rewriter.notifyMatchFailure(add, "dy can't lie beside ds");
    rewriter.replaceOpWithNewOp<nn::BorderedLinearOp>(add, dy, thin.getX(), add.getWeight(), thin.getWeight(),
                                                      /*acc=*/Value(), ArrayRef<int64_t>{0},
                                                      ArrayRef<double>{1.0},
                                                      /*transposed=*/true);
    return success();
  }

private:
  const InnerWeights &inner;
};

struct FuseLinearAdd : peft::impl::FuseLinearAddPassBase<FuseLinearAdd> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    add<nn::LinearOp, nn::LinearAddOp>(patterns);
    add<adapter::QuantizedLinearOp, adapter::QuantizedLinearAddOp>(patterns);
    InnerWeights inner;
    getOperation().walk([&](nn::BorderedLinearOp bordered) {
      auto linear = bordered.getS().getDefiningOp<nn::LinearOp>();
      if (linear && !bordered.getTransposed())
        inner[weightName(bordered.getWeight())] = weightName(linear.getWeight());
    });
    patterns.add<AddOfBordered<arith::AddFOp>, AddOfBordered<nn::ResidualOp>>(&getContext());
    patterns.add<BorderedGradient>(&getContext(), inner);
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }

private:
  template <class Linear, class LinearAdd> void add(RewritePatternSet &patterns) {
    patterns.add<AddOfLinear<arith::AddFOp, Linear, LinearAdd>,
                 AddOfLinear<nn::ResidualOp, Linear, LinearAdd>, AddOfLinearAdd<arith::AddFOp, LinearAdd>,
                 AddOfLinearAdd<nn::ResidualOp, LinearAdd>, ThinProductFirst<Linear, LinearAdd>>(
        &getContext());
  }
};

} // namespace
