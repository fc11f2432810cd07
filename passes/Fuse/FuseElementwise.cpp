//===- FuseElementwise.cpp - trees of pointwise ops become one pass -------===//

#include "passes/Fuse/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

namespace peft {
#define GEN_PASS_DEF_FUSEELEMENTWISEPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

namespace {

bool isPointwise(Operation *op) {
  return op &&
         isa<arith::AddFOp, arith::MulFOp, nn::ActivationOp, nn::ActivationGradOp, nn::ResidualOp,
             nn::CastOp>(op) &&
         isa<RankedTensorType>(op->getResult(0).getType());
}

/// The scalar body of the tree under `root`, whose leaves become operands.
class Tree {
public:
  explicit Tree(Operation *root) : root(root) {}

  void fuse() {
    OpBuilder builder(root);
    auto fused = builder.create<train::ElementwiseOp>(root->getLoc(), root->getResultTypes(), ValueRange());
    Block &block = fused.getBody().emplaceBlock();
    body = OpBuilder::atBlockEnd(&block);
    Value result = scalar(root, block);
    body.create<train::YieldOp>(root->getLoc(), result);
    fused->setOperands(leaves);
    root->replaceAllUsesWith(fused);
    // The place where the backward pass begins moves with the op that marks it.
    if (llvm::any_of(absorbed, [](Operation *op) { return op->hasAttr("train.backward"); }))
      fused->setAttr("train.backward", builder.getUnitAttr());
    for (Operation *op : llvm::reverse(absorbed))
      if (op->use_empty())
        op->erase();
  }

private:
  Value scalar(Operation *op, Block &block) {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(scalarOf(operand, block));
    absorbed.insert(op);
    if (isa<nn::CastOp>(op)) // registers are f32 whatever memory holds
      return operands[0];
    if (isa<nn::ResidualOp>(op))
      return body.create<arith::AddFOp>(op->getLoc(), operands[0], operands[1]);
    IRMapping mapping;
    mapping.map(op->getOperands(), operands);
    Operation *clone = body.clone(*op, mapping);
    clone->removeAttr("train.backward");
    clone->getResult(0).setType(body.getF32Type());
    return clone->getResult(0);
  }

  Value scalarOf(Value value, Block &block) {
    Operation *def = value.getDefiningOp();
    DenseFPElementsAttr splat; // every scalar body has a constant of its own
    if (matchPattern(value, m_Constant(&splat)) && splat.isSplat())
      return body.create<arith::ConstantOp>(
          value.getLoc(), body.getF32FloatAttr(splat.getSplatValue<APFloat>().convertToDouble()));
    if (isPointwise(def) && value.hasOneUse() && def->getBlock() == root->getBlock())
      return scalar(def, block);
    for (auto [leaf, argument] : llvm::zip_equal(leaves, block.getArguments()))
      if (leaf == value)
        return argument;
    leaves.push_back(value);
    return block.addArgument(body.getF32Type(), value.getLoc());
  }

  Operation *root;
  OpBuilder body{root->getContext()};
  SmallVector<Value> leaves;
  // Operands are absorbed before their reader, so reverse order erases readers first.
  SetVector<Operation *> absorbed;
};

struct FuseElementwise : peft::impl::FuseElementwisePassBase<FuseElementwise> {
  void runOnOperation() override {
    SmallVector<Operation *> roots;
    getOperation().walk([&](Operation *op) {
      if (!isPointwise(op) || isa<train::ElementwiseOp>(op->getParentOp()))
        return;
      Value result = op->getResult(0);
      bool absorbed = result.hasOneUse() && isPointwise(*result.user_begin()) &&
                      (*result.user_begin())->getBlock() == op->getBlock();
      if (!absorbed)
        roots.push_back(op);
    });
    for (Operation *root : roots)
      Tree(root).fuse();
  }
};

} // namespace
