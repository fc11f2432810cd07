//===- GroupLinears.cpp - products of one value become one ----------------===//
//
// Assumes @loss before differentiation: pure ops in a straight line, one nn.get a parameter.
//
//===----------------------------------------------------------------------===//

#include "dialects/Peft/Peft.h"
#include "passes/Fuse/GroupCost.h"
#include "passes/Fuse/Passes.h"
#include "peft/Analysis/Columns.h"
#include "peft/Support/Locations.h"
#include "peft/runtime/abi.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

namespace peft {
#define GEN_PASS_DEF_GROUPLINEARSPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

namespace {

/// "h.0.attn.q_v.lora_A" of "h.0.attn.q.lora_A" and "h.0.attn.v.lora_A": what differs, side by side.
std::string joined(ArrayRef<StringRef> keys) {
  SmallVector<SmallVector<StringRef>> parts(keys.size());
  for (auto [key, list] : llvm::zip_equal(keys, parts))
    key.split(list, '.');
  std::string result;
  for (size_t i = 0; i < parts.front().size(); ++i) {
    SmallVector<StringRef> names;
    for (ArrayRef<StringRef> list : parts)
      if (i < list.size() && !llvm::is_contained(names, list[i]))
        names.push_back(list[i]);
    result += (i ? "." : "") + llvm::join(names, "_");
  }
  return result;
}

/// Columns of each result.
SmallVector<int64_t> widthsOf(ArrayRef<nn::LinearOp> linears) {
  return llvm::map_to_vector(linears, [](nn::LinearOp linear) {
    return cast<RankedTensorType>(linear->getResult(0).getType()).getShape().back();
  });
}

/// linear(x, a) of one x, first to last.
class Group {
public:
  Group(MutableArrayRef<nn::LinearOp> linears, SymbolTable &symbols) : linears(linears), symbols(symbols) {}

  void rewrite() {
    Value x = linears.front().getX();
    Operation *at = firstReader();
    SmallVector<Operation *> others;
    for (Operation *user : x.getUsers())
      if (isa<nn::LinearOp, adapter::QuantizedLinearOp>(user) && user->getBlock() == at->getBlock() &&
          at->isBeforeInBlock(user) && !llvm::is_contained(linears, user))
        others.push_back(user);
    llvm::sort(others, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    for (Operation *other : others)
      moveBefore(other, at);

    SmallVector<StringRef> keys;
    SmallVector<Location> locations;
    for (nn::LinearOp linear : linears) {
      keys.push_back(moduleKey(linear.getLoc()));
      locations.push_back(linear.getLoc());
    }
    OpBuilder builder(at);
    std::string key = joined(keys);
    Location loc =
        key.empty() ? linears.front().getLoc() : Location(NameLoc::get(builder.getStringAttr(key)));
    locations.insert(locations.begin(), loc); // partLocation's order
    nn::StackOp stack = stackWeights(loc);
    Value weight = builder.create<nn::GetOp>(loc, stack.getType(), FlatSymbolRefAttr::get(stack));
    auto type = cast<RankedTensorType>(stack.getType());
    if (Type element = cast<RankedTensorType>(x.getType()).getElementType(); element != type.getElementType())
      weight = builder.create<nn::CastOp>(loc, type.clone(element), weight);
    Value whole = builder.create<nn::LinearOp>(loc, x, weight);
    auto split = builder.create<nn::SplitColumnsOp>(builder.getFusedLoc(locations), whole, widthsOf(linears));
    for (auto [linear, part] : llvm::zip_equal(linears, split.getParts())) {
      Value old = linear.getWeight();
      linear.replaceAllUsesWith(part);
      linear.erase();
      while (Operation *def =
                 old && old.use_empty() ? old.getDefiningOp() : nullptr) { // the cast, then the get
        old = def->getNumOperands() ? def->getOperand(0) : Value();
        def->erase();
      }
    }
  }

private:
  Operation *firstReader() {
    Block *block = linears.front()->getBlock();
    Operation *first = nullptr;
    for (nn::LinearOp linear : linears)
      for (Operation *user : linear->getUsers())
        if (Operation *reader = block->findAncestorOpInBlock(*user); !first || reader->isBeforeInBlock(first))
          first = reader;
    return first;
  }

  /// With what it needs, if that is only weights.
  void moveBefore(Operation *op, Operation *at) {
    SmallVector<Operation *> moved;
    for (Value operand : op->getOperands())
      for (Operation *def = operand.getDefiningOp(); def && !def->isBeforeInBlock(at);
           def = def->getNumOperands() ? def->getOperand(0).getDefiningOp() : nullptr) {
        if (!isPure(def) || def->getNumOperands() > 1)
          return;
        moved.push_back(def);
      }
    for (Operation *def : llvm::reverse(moved))
      def->moveBefore(at);
    op->moveBefore(at);
  }

  nn::StackOp stackWeights(Location loc) {
    SmallVector<StringRef> keys;
    SmallVector<Attribute> names;
    nn::ParameterOp last;
    int64_t rows = 0;
    for (nn::LinearOp linear : linears) {
      auto parameter = symbols.lookup<nn::ParameterOp>(nn::readOf(linear.getWeight()).getParameter());
      keys.push_back(parameter.getSymName());
      names.push_back(FlatSymbolRefAttr::get(parameter));
      if (last)
        parameter->moveAfter(last);
      last = parameter;
      rows += parameter.getTensorType().getDimSize(0);
    }
    OpBuilder builder(linears.front()->getContext());
    builder.setInsertionPointAfter(last);
    RankedTensorType part = last.getTensorType();
    auto stack = builder.create<nn::StackOp>(loc, joined(keys), builder.getArrayAttr(names),
                                             part.clone({rows, part.getDimSize(1)}));
    symbols.insert(stack);
    return stack;
  }

  MutableArrayRef<nn::LinearOp> linears;
  SymbolTable &symbols;
};

struct GroupLinears : peft::impl::GroupLinearsPassBase<GroupLinears> {
  using GroupLinearsPassBase::GroupLinearsPassBase;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    reads.clear();
    getOperation().walk([&](nn::GetOp get) { ++reads[get.getParameter()]; });
    // The layers' own first: an adapter's group stands behind what reads its x.
    if (frozen)
      group(nn::ParameterState::frozen, symbols);
    group(nn::ParameterState::trainable, symbols);
  }

private:
  void group(nn::ParameterState state, SymbolTable &symbols) {
    llvm::DenseSet<Operation *> stacked; // a parameter has one place
    llvm::MapVector<std::pair<Value, Block *>, SmallVector<nn::LinearOp>> groups;
    getOperation().walk([&](nn::LinearOp linear) {
      if (nn::ParameterOp parameter = weightToStack(linear, symbols);
          parameter && parameter.getState() == state && stacked.insert(parameter).second)
        groups[{linear.getX(), linear->getBlock()}].push_back(linear);
    });
    for (auto &[_, linears] : groups)
      if (linears.size() > 1 && pays(linears))
        Group(linears, symbols).rewrite();
  }

  bool pays(MutableArrayRef<nn::LinearOp> linears) {
    GroupCost cost(cast<RankedTensorType>(linears.front().getX().getType()), widthsOf(linears));
    if (explain)
      linears.front().emitRemark() << linears.size() << " products of one x "
                                   << (cost.pays() ? "become one: it " : "stay apart: one product ")
                                   << cost.why();
    return cost.pays();
  }

  /// The parameter whose product with x may be part of a group; null if it may not.
  nn::ParameterOp weightToStack(nn::LinearOp linear, SymbolTable &symbols) const {
    nn::GetOp get = nn::readOf(linear.getWeight());
    auto parameter = get ? symbols.lookup<nn::ParameterOp>(get.getParameter()) : nullptr;
    if (!parameter || linear.getBias() || linear.getTransposed() || !linear.getAlpha().isExactlyValue(1.0) ||
        linear->use_empty())
      return nullptr;
    RankedTensorType type = parameter.getTensorType();
    if (type.getEncoding() || type.getNumElements() * type.getElementTypeBitWidth() / 8 % PEFT_ALIGNMENT)
      return nullptr;
    if (!parameter.isTrainable() && (reads.lookup(get.getParameter()) != 1 || layerOf(linear.getLoc()) < 0))
      return nullptr;
    // A layer's results are read by all sorts of ops; an adapter's inner ones by products, whose cotangents
    // are made by products too, in place.
    bool mayBeColumns = llvm::all_of(linear->getUses(), [&](OpOperand &use) {
      return takesColumns(use) &&
             (!parameter.isTrainable() || isa<nn::LinearOp, nn::LinearAddOp>(use.getOwner()));
    });
    return mayBeColumns ? parameter : nullptr;
  }

  llvm::StringMap<unsigned> reads; ///< nn.get of each parameter
};

} // namespace
