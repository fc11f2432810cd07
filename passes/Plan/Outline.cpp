//===- Outline.cpp - equal layers become one function ---------------------===//
//
// Two runs of calls are equal if they make the same calls with the same attributes
// on buffers of the same types that are shared in the same way. Which buffers those
// are is the table that the function is called with.
//
//===----------------------------------------------------------------------===//

#include "passes/Plan/Schedule.h"
#include "peft/Support/Locations.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

namespace peft {
#define GEN_PASS_DEF_OUTLINEPASS
#include "passes/Plan/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

namespace {

/// Consecutive calls of one layer.
struct Run {
  SmallVector<Operation *> calls;
  SmallVector<Value> places; ///< distinct memrefs, in order of first use
  std::string signature;
  bool backward = false; ///< behind the forward part of @micro_step

  void describe() {
    llvm::raw_string_ostream os(signature);
    llvm::MapVector<Value, unsigned> numbers;
    for (Operation *op : calls) {
      os << op->getName() << '{';
      for (NamedAttribute attr : op->getAttrs())
        if (attr.getName() != "exec.backward")
          os << attr.getName().strref() << '=' << attr.getValue() << ',';
      os << '}';
      for (Value operand : op->getOperands()) {
        if (auto argument = operand.getDefiningOp<exec::ArgumentOp>()) {
          os << " $" << argument.getName();
          continue;
        }
        os << ' ' << numbers.insert({operand, numbers.size()}).first->second << ':' << operand.getType();
      }
      os << ';';
    }
    for (auto &entry : numbers)
      places.push_back(entry.first);
  }
};

/// "q_proj" of "q_proj_3".
std::string withoutNumber(StringRef name) {
  auto [base, number] = name.rsplit('_');
  return (!number.empty() && llvm::all_of(number, llvm::isDigit) ? base : name).str();
}

std::string nameOf(Value place) {
  Operation *def = place.getDefiningOp();
  if (auto slice = dyn_cast_or_null<exec::SliceOp>(def))
    return slice.getName().str();
  if (auto columns = dyn_cast_or_null<exec::ColumnsOp>(def))
    return withoutNumber(columns.getName());
  if (auto rows = dyn_cast_or_null<exec::RowsOp>(def))
    return rows.getName().str();
  if (auto buffer = def ? dyn_cast<exec::BufferOp>(def) : nullptr)
    return withoutNumber(buffer.getName());
  auto symbol = def->getAttrOfType<FlatSymbolRefAttr>("parameter");
  std::string name = parameterName(symbol.getValue());
  return isa<exec::GradientOp>(def) ? "grad_" + name : name;
}

struct Outline : peft::impl::OutlinePassBase<Outline> {
  void runOnOperation() override {
    functions.clear();
    SmallVector<func::FuncOp> entries;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isPrivate())
        entries.push_back(function);
    for (func::FuncOp entry : entries) {
      hoistPlaces(entry);
      outlineChunks(entry);
      outlineLayers(entry);
    }
  }

private:
  /// Places have no moment: they stand first, so that calls are consecutive.
  static void hoistPlaces(func::FuncOp function) {
    SmallVector<Operation *> places;
    function.walk([&](Operation *op) {
      if (exec::isPlace(op))
        places.push_back(op);
    });
    Block &body = function.getBody().front();
    for (Operation *place : llvm::reverse(places))
      place->moveBefore(&body, body.begin());
  }

  void outlineChunks(func::FuncOp function) {
    for (auto chunks : llvm::make_early_inc_range(function.getBody().front().getOps<exec::ChunksOp>())) {
      Run run;
      for (Operation &op : chunks.getBody().front())
        run.calls.push_back(&op);
      Value number = chunks.getBody().getArgument(0);
      OpBuilder builder(chunks);
      auto argument = builder.create<exec::ArgumentOp>(chunks.getLoc(), number.getType(), "chunk");
      number.replaceAllUsesWith(argument);
      run.describe();
      func::FuncOp callee = makeFunction((function.getName() + "_head").str(), run, chunks.getLoc());
      auto call = builder.create<exec::CallOp>(chunks.getLoc(), FlatSymbolRefAttr::get(callee), run.places,
                                               chunks.getCount(), chunks.getSizeAttr());
      if (llvm::any_of(run.calls, [](Operation *op) { return op->hasAttr("exec.backward"); }))
        call->setAttr("exec.backward", builder.getUnitAttr());
      chunks.erase();
      if (argument.use_empty())
        argument.erase();
    }
  }

  void outlineLayers(func::FuncOp function) {
    SmallVector<Run> runs;
    int64_t current = -1;
    bool backward = false;
    for (Operation &op : function.getBody().front()) {
      if (exec::isPlace(&op))
        continue;
      backward |= op.hasAttr("exec.backward");
      int64_t layer = isa<exec::CallOp>(op) ? -1 : layerOf(op.getLoc());
      if (layer >= 0 && (runs.empty() || layer != current))
        runs.emplace_back().backward = backward;
      if (layer >= 0)
        runs.back().calls.push_back(&op);
      current = layer;
    }
    llvm::StringMap<SmallVector<Run *>> equal;
    for (Run &run : runs) {
      run.describe();
      equal[run.signature].push_back(&run);
    }
    for (Run &run : runs) {
      if (equal[run.signature].size() < 2 || run.calls.size() < 4)
        continue;
      func::FuncOp &callee = functions[run.signature];
      if (!callee) {
        StringRef name = function.getName() != "micro_step" ? "inference_layer"
                         : run.backward                     ? "micro_step_layer_backward"
                                                            : "micro_step_layer";
        callee = makeFunction(name, run, run.calls.front()->getLoc());
      }
      OpBuilder builder(run.calls.front());
      Location loc = run.calls.front()->getLoc();
      builder.create<exec::CallOp>(loc, FlatSymbolRefAttr::get(callee), run.places, Value(), IntegerAttr());
      for (Operation *op : llvm::reverse(run.calls))
        op->erase();
    }
  }

  func::FuncOp makeFunction(StringRef name, Run &run, Location loc) {
    SmallVector<Type> types;
    for (Value place : run.places)
      types.push_back(place.getType());
    auto function = func::FuncOp::create(loc, name, FunctionType::get(&getContext(), types, {}));
    function.setPrivate();
    SymbolTable(getOperation()).insert(function, getOperation().getBody()->begin());
    Block *entry = function.addEntryBlock();
    auto builder = OpBuilder::atBlockEnd(entry);
    IRMapping mapping;
    llvm::StringMap<unsigned> names;
    for (auto [place, argument] : llvm::zip_equal(run.places, entry->getArguments())) {
      mapping.map(place, argument);
      std::string base = nameOf(place);
      unsigned count = names[base]++;
      function.setArgAttr(argument.getArgNumber(), "exec.name",
                          builder.getStringAttr(count ? base + "_" + std::to_string(count + 1) : base));
    }
    for (Operation *op : run.calls)
      for (Value operand : op->getOperands())
        if (auto argument = operand.getDefiningOp<exec::ArgumentOp>(); argument && !mapping.contains(operand))
          mapping.map(operand, builder.clone(*argument)->getResult(0));
    for (Operation *op : run.calls)
      builder.clone(*op, mapping)->removeAttr("exec.backward");
    builder.create<func::ReturnOp>(loc);
    return function;
  }

  /// By signature: @evaluate and @forward, which keep nothing, share their layers.
  llvm::StringMap<func::FuncOp> functions;
};

} // namespace
