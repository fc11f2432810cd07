//===- BorderLinears.cpp - a layer's product takes its adapters in --------===//
//
// Assumes @loss before differentiation, as peft-group-linears leaves it.
//
//===----------------------------------------------------------------------===//

#include "dialects/Peft/Peft.h"
#include "passes/Fuse/BorderCost.h"
#include "passes/Fuse/Passes.h"
#include "peft/Analysis/Columns.h"
#include "peft/Support/Locations.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

namespace peft {
#define GEN_PASS_DEF_BORDERLINEARSPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

namespace {

/// A frozen product and what adapters add to it, or to columns of it.
struct Bordered {
  nn::LinearOp linear;
  nn::SplitColumnsOp split;          ///< of its result; null where that is added to as a whole
  SmallVector<nn::LinearAddOp> adds; ///< in the order of the rows that they add to
  SmallVector<int64_t> first;        ///< of those rows
  Value s;                           ///< their inner activations side by side
};

struct BorderLinears : peft::impl::BorderLinearsPassBase<BorderLinears> {
  using BorderLinearsPassBase::BorderLinearsPassBase;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    reads.clear();
    getOperation().walk([&](nn::GetOp get) { ++reads[get.getParameter()]; });
    DenseSet<Value> taken; // an x has one border
    SmallVector<nn::LinearOp> linears;
    getOperation().walk([&](nn::LinearOp linear) { linears.push_back(linear); });
    for (nn::LinearOp linear : linears) {
      std::optional<Bordered> found = match(linear, symbols);
      if (!found || !writesColumns(linear.getX()) || !pays(*found) || !taken.insert(linear.getX()).second)
        continue;
      rewrite(*found);
    }
  }

private:
  bool pays(const Bordered &bordered) {
    nn::LinearOp linear = bordered.linear;
    BorderCost cost(cast<RankedTensorType>(linear.getX().getType()),
                    cast<RankedTensorType>(linear->getResult(0).getType()),
                    cast<RankedTensorType>(bordered.s.getType()).getShape().back());
    if (explain)
      linear.emitRemark() << (cost.pays() ? "takes its adapters in: it "
                                          : "leaves its adapters apart: one product ")
                          << cost.why();
    return cost.pays();
  }

  /// get, or a cast of it, of a parameter or a stack that nothing else reads, and which so has one place;
  /// null otherwise.
  nn::ParameterOp parameterOf(Value weight, SymbolTable &symbols) const {
    nn::GetOp get = nn::readOf(weight);
    bool isOwn = get && weight.hasOneUse() && reads.lookup(get.getParameter()) == 1;
    return isOwn ? nn::firstParameter(symbols.lookup(get.getParameter())) : nullptr;
  }

  static bool isPlain(nn::LinearOp linear) {
    return !linear.getBias() && !linear.getTransposed() && linear.getAlpha().isExactlyValue(1.0);
  }

  /// linear_add(part, s, b), if that is all that becomes of the part.
  nn::LinearAddOp onlyAdd(Value part, SymbolTable &symbols) const {
    auto add = part.hasOneUse() ? dyn_cast<nn::LinearAddOp>(*part.user_begin()) : nullptr;
    if (!add || add.getAcc() != part || add.getTransposed())
      return nullptr;
    nn::ParameterOp b = parameterOf(add.getWeight(), symbols);
    return b && b.isTrainable() ? add : nullptr;
  }

  std::optional<Bordered> match(nn::LinearOp linear, SymbolTable &symbols) const {
    nn::ParameterOp weight = parameterOf(linear.getWeight(), symbols);
    auto type = cast<RankedTensorType>(linear.getX().getType());
    if (!weight || weight.isTrainable() || !linear.getWeight().getDefiningOp<nn::GetOp>() ||
        !isPlain(linear) || !linear->hasOneUse() || layerOf(linear.getLoc()) < 0 ||
        (!f32 && type.getElementType().isF32()))
      return std::nullopt;
    Bordered result{linear, dyn_cast<nn::SplitColumnsOp>(*linear->user_begin()), {}, {}, {}};
    SmallVector<Value> parts = {linear.getResult()};
    if (result.split)
      parts.assign(result.split.getParts().begin(), result.split.getParts().end());
    int64_t row = 0;
    for (Value part : parts) {
      if (nn::LinearAddOp add = onlyAdd(part, symbols)) {
        result.adds.push_back(add);
        result.first.push_back(row);
      }
      row += cast<RankedTensorType>(part.getType()).getShape().back();
    }
    if (result.adds.empty() || !(result.s = innerOf(result.adds, symbols)))
      return std::nullopt;
    // What reads parts that nothing is added to must not come before s.
    Operation *at = firstOf(result.adds);
    if (result.split &&
        llvm::any_of(result.split->getUsers(), [&](Operation *user) { return user->isBeforeInBlock(at); }))
      return std::nullopt;
    return result;
  }

  static Operation *firstOf(ArrayRef<nn::LinearAddOp> adds) {
    return *llvm::min_element(adds,
                              [](nn::LinearAddOp a, nn::LinearAddOp b) { return a->isBeforeInBlock(b); });
  }

  /// linear(x', a), of which the adds read all columns, in order; null otherwise.
  Value innerOf(ArrayRef<nn::LinearAddOp> adds, SymbolTable &symbols) const {
    Value s = nn::LinearAddOp(adds.front()).getX();
    if (auto split = s.getDefiningOp<nn::SplitColumnsOp>()) {
      if (!llvm::equal(split.getParts(),
                       llvm::map_range(adds, [](nn::LinearAddOp add) { return add.getX(); })))
        return Value();
      s = split.getX();
    } else if (adds.size() > 1) {
      return Value();
    }
    auto inner = s.getDefiningOp<nn::LinearOp>();
    nn::ParameterOp a = inner && isPlain(inner) ? parameterOf(inner.getWeight(), symbols) : nullptr;
    bool isAlone = a && a.isTrainable() && s.hasOneUse();
    return isAlone ? s : Value();
  }

  static void rewrite(Bordered &bordered) {
    nn::LinearOp linear = bordered.linear;
    Operation *at = firstOf(bordered.adds);
    SmallVector<Value> beside;
    SmallVector<double> scales;
    for (nn::LinearAddOp add : bordered.adds) {
      beside.push_back(add.getWeight());
      scales.push_back(add.getAlpha().convertToDouble());
      // The weights of adapters of later columns.
      SmallVector<Operation *> moved;
      for (Operation *def = add.getWeight().getDefiningOp(); def && at->isBeforeInBlock(def);
           def = def->getNumOperands() ? def->getOperand(0).getDefiningOp() : nullptr)
        moved.push_back(def);
      for (Operation *def : llvm::reverse(moved))
        def->moveBefore(at);
    }
    OpBuilder builder(at);
    Value y =
        builder.create<nn::BorderedLinearOp>(linear.getLoc(), linear.getX(), bordered.s, linear.getWeight(),
                                             beside, /*acc=*/Value(), bordered.first, scales,
                                             /*transposed=*/false);
    SmallVector<Value> parts = {y};
    if (nn::SplitColumnsOp split = bordered.split) {
      auto again = builder.create<nn::SplitColumnsOp>(split.getLoc(), y, split.getWidths());
      split->replaceAllUsesWith(again);
      parts.assign(again.getParts().begin(), again.getParts().end());
    } else {
      linear->replaceAllUsesWith(ValueRange(y));
    }
    for (nn::LinearAddOp add : bordered.adds) {
      auto inner = add.getX().getDefiningOp<nn::SplitColumnsOp>();
      add->replaceAllUsesWith(ValueRange(add.getAcc()));
      add.erase();
      if (inner && inner.use_empty())
        inner.erase();
    }
    if (bordered.split)
      bordered.split.erase();
    linear.erase();
  }

  llvm::StringMap<unsigned> reads; ///< nn.get of each parameter
};

} // namespace
