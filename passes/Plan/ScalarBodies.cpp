//===- ScalarBodies.cpp - scalar functions, one for equal bodies ----------===//

#include "passes/Plan/Schedule.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace peft;

/// Ops and operand numbers as text: equal for equal bodies.
static std::string textOf(Block &block) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::DenseMap<Value, unsigned> numbers;
  for (BlockArgument argument : block.getArguments())
    numbers.try_emplace(argument, numbers.size());
  for (Operation &op : block) {
    os << op.getName() << op.getAttrDictionary();
    for (Value operand : op.getOperands())
      os << ' ' << numbers.lookup(operand);
    for (Value result : op.getResults())
      numbers.try_emplace(result, numbers.size());
    os << ';';
  }
  os << block.getNumArguments();
  return text;
}

/// "silu_mulf": what the body does, in order.
static std::string nameOf(Block &block) {
  std::string name;
  for (Operation &op : block.without_terminator()) {
    auto kind = op.getAttrOfType<nn::ActivationKindAttr>("kind");
    StringRef part = kind ? nn::stringifyActivationKind(kind.getValue()) : op.getName().stripDialect();
    part.consume_back("f");
    name += (name.empty() ? "" : "_") + part.str() + (isa<nn::ActivationGradOp>(op) ? "_grad" : "");
  }
  return name.empty() ? "identity" : name;
}

FlatSymbolRefAttr ScalarBodies::get(train::ElementwiseOp op) {
  Block &block = op.getBody().front();
  FlatSymbolRefAttr &symbol = byText[textOf(block)];
  if (symbol)
    return symbol;
  auto builder = OpBuilder::atBlockBegin(module.getBody());
  SmallVector<Type> inputs(block.getNumArguments(), builder.getF32Type()),
      results(op.getNumResults(), builder.getF32Type());
  auto function = func::FuncOp::create(op.getLoc(), nameOf(block), builder.getFunctionType(inputs, results));
  function.setPrivate();
  SymbolTable(module).insert(function, module.getBody()->begin());
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  IRMapping mapping;
  mapping.map(block.getArguments(), entry->getArguments());
  for (Operation &inner : block.without_terminator())
    builder.clone(inner, mapping);
  SmallVector<Value> returned;
  for (Value yielded : op.getYielded())
    returned.push_back(mapping.lookup(yielded));
  builder.create<func::ReturnOp>(op.getLoc(), returned);
  return symbol = FlatSymbolRefAttr::get(function);
}

/// The op that does what `make` adds to its body, for `count` operands. It stands nowhere, so that a body is
/// found if there is one already.
static OwningOpRef<train::ElementwiseOp> bodyOf(Location loc, unsigned count,
                                                llvm::function_ref<Value(OpBuilder &, ValueRange)> make) {
  OpBuilder builder(loc.getContext());
  Type f32 = builder.getF32Type();
  OwningOpRef<train::ElementwiseOp> op =
      builder.create<train::ElementwiseOp>(loc, TypeRange{RankedTensorType::get({}, f32)}, ValueRange());
  Block &block = op->getBody().emplaceBlock();
  for (unsigned i = 0; i < count; ++i)
    block.addArgument(f32, loc);
  builder.setInsertionPointToStart(&block);
  Value result = make(builder, block.getArguments());
  builder.create<train::YieldOp>(loc, result);
  return op;
}

FlatSymbolRefAttr ScalarBodies::sum(Location loc) {
  return get(*bodyOf(loc, 2, [&](OpBuilder &builder, ValueRange x) -> Value {
    return builder.create<arith::AddFOp>(loc, x[0], x[1]);
  }));
}

FlatSymbolRefAttr ScalarBodies::identity(Location loc) {
  return get(*bodyOf(loc, 1, [](OpBuilder &, ValueRange x) { return x[0]; }));
}
