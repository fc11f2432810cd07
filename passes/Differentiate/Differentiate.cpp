//===- Differentiate.cpp - reverse-mode differentiation of @loss ----------===//
//
// Assumes a straight-line function whose last result is the loss, and that every
// op in a gradient's way implements DifferentiableOpInterface.
//
//===----------------------------------------------------------------------===//

#include "passes/Differentiate/Passes.h"
#include "peft/Analysis/Activity.h"

namespace peft {
#define GEN_PASS_DEF_DIFFERENTIATEPASS
#include "passes/Differentiate/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

namespace {

/// The reverse sweep over one function. Cotangents are added as they come, which
/// fixes the order of summation.
class ReverseSweep {
public:
  ReverseSweep(func::FuncOp function, Value loss, Value seed)
      : activity(function, loss), builder(function.getBody().front().getTerminator()) {
    cotangents[loss] = seed;
    for (Operation &op : function.getBody().front().without_terminator())
      forward.push_back(&op);
  }

  LogicalResult run() {
    for (Operation *op : llvm::reverse(forward)) {
      if (auto get = dyn_cast<nn::GetOp>(op)) {
        if (Value gradient = cotangents.lookup(get.getValue()))
          builder.create<train::AccumulateOp>(op->getLoc(), get.getParameterAttr(), gradient);
        continue;
      }
      if (failed(visit(op)))
        return failure();
    }
    return success();
  }

private:
  LogicalResult visit(Operation *op) {
    SmallVector<Value> results;
    for (Value result : op->getResults())
      results.push_back(cotangents.lookup(result));
    SmallVector<bool> wanted;
    for (Value operand : op->getOperands())
      wanted.push_back(activity.isActive(operand));
    if (llvm::none_of(results, [](Value v) { return bool(v); }) || !llvm::is_contained(wanted, true))
      return success();

    auto differentiable = dyn_cast<DifferentiableOpInterface>(op);
    if (!differentiable)
      return op->emitOpError("stands between a trainable parameter and the loss, but has no gradient");
    SmallVector<Value> gradients = differentiable.buildVJP(builder, results, wanted);
    for (auto [operand, gradient] : llvm::zip_equal(op->getOperands(), gradients))
      if (gradient)
        add(operand, gradient, op->getLoc());
    return success();
  }

  void add(Value value, Value gradient, Location loc) {
    Value &sum = cotangents[value];
    sum = sum ? builder.create<arith::AddFOp>(loc, sum, gradient) : gradient;
  }

  Activity activity;
  OpBuilder builder;
  SmallVector<Operation *> forward;
  llvm::DenseMap<Value, Value> cotangents;
};

struct Differentiate : peft::impl::DifferentiatePassBase<Differentiate> {
  void runOnOperation() override {
    auto loss = getOperation().lookupSymbol<func::FuncOp>(kLoss);
    if (!loss) {
      getOperation().emitError("expected a function @loss to differentiate");
      return signalPassFailure();
    }
    func::FuncOp step = loss.clone();
    step.setName(kMicroStep);
    SymbolTable(getOperation()).insert(step, std::next(loss->getIterator()));

    // The seed of the sweep is the batch's 1 / labelled tokens.
    auto scalar = RankedTensorType::get({}, Float32Type::get(&getContext()));
    step.insertArgument(step.getNumArguments(), scalar, {}, step.getLoc());
    Block &body = step.getBody().front();
    Operation *lastForward = body.getTerminator()->getPrevNode();
    Value value = body.getTerminator()->getOperand(0);
    if (failed(ReverseSweep(step, value, body.getArguments().back()).run()))
      return signalPassFailure();
    if (Operation *backward = lastForward->getNextNode(); !isa<func::ReturnOp>(backward))
      backward->setAttr(kBackward, UnitAttr::get(&getContext()));
    else {
      step.emitError("nothing to train: the loss depends on no trainable parameter");
      return signalPassFailure();
    }
  }
};

} // namespace
