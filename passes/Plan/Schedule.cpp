//===- Schedule.cpp - one function becomes a line of runtime calls --------===//
//
// The order of calls is the order of ops; fusion has made it what it should be.
//
//===----------------------------------------------------------------------===//

#include "passes/Plan/Schedule.h"
#include "peft/Analysis/Columns.h"
#include "peft/runtime/abi.h"

namespace peft {
#define GEN_PASS_DEF_SCHEDULEPASS
#include "passes/Plan/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

TrainableRun::TrainableRun(ModuleOp module) {
  constexpr int64_t step = PEFT_ALIGNMENT / sizeof(float);
  for (auto parameter : module.getOps<nn::ParameterOp>())
    if (parameter.isTrainable()) {
      first[parameter.getSymName()] = floats;
      largest = std::max(largest, parameter.getTensorType().getNumElements());
      floats += int64_t(llvm::alignTo(uint64_t(parameter.getTensorType().getNumElements()), uint64_t(step)));
    }
  for (auto stack : module.getOps<nn::StackOp>())
    first[stack.getSymName()] = first.lookup(nn::firstParameter(stack).getSymName());
}

LogicalResult Scheduler::run() {
  static constexpr StringLiteral batch[] = {"input_ids", "labels", "positions", "segments", "seed", "", ""};
  bool isForward = source.getName() == "forward";
  for (BlockArgument arg : source.getArguments()) {
    unsigned i = arg.getArgNumber();
    if (arg.use_empty())
      continue;
    StringRef name = i < 5 ? StringRef(batch[i]) : isForward ? "rows" : "loss_scale";
    auto tensor = dyn_cast<RankedTensorType>(arg.getType());
    Type type = !tensor            ? arg.getType()
                : tensor.getRank() ? Type(bufferType(tensor))
                                   : tensor.getElementType();
    places[arg] = argument(name, type);
  }
  findBorders();
  if (failed(schedule(source.getBody().front())))
    return failure();
  Operation *terminator = source.getBody().front().getTerminator();
  StringRef output = isForward ? "logits" : source.getName() == "update" ? "grad_norm" : "loss_sum";
  Value result = place(terminator->getOperand(0));
  if (!result)
    return source.emitError("expected @") << source.getName() << " to return what it computes";
  builder.create<exec::OutputOp>(terminator->getLoc(), output, result);
  builder.create<func::ReturnOp>(terminator->getLoc());
  return success();
}

LogicalResult Scheduler::schedule(Block &block) {
  bool begins = false; // the backward part; the op that is marked may have no call of its own
  for (Operation &op : block.without_terminator()) {
    begins |= op.hasAttr("train.backward");
    backward |= begins;
    Operation *before = builder.getInsertionBlock()->empty() ? nullptr : &builder.getInsertionBlock()->back();
    if (!done.contains(&op) && failed(schedule(&op)))
      return failure();
    if (!begins)
      continue;
    // peft-plan tells what is kept for the backward part from what is not. A place has no moment: mark the
    // call.
    Block &target = *builder.getInsertionBlock();
    Operation *first = before ? before->getNextNode() : target.empty() ? nullptr : &target.front();
    while (first && !isa<exec::RuntimeCallOpInterface, exec::ChunksOp>(first))
      first = first->getNextNode();
    if (first) {
      first->setAttr("exec.backward", builder.getUnitAttr());
      begins = false;
    }
  }
  return success();
}

void Scheduler::scheduleMap(train::ElementwiseOp op) {
  if (isInBorder(op))
    return;
  if (Value part = roundedParameter(op)) {
    places[op.getResult(0)] = part;
    return;
  }
  SmallVector<Value> tensors, inputs = places_(op.getInputs());
  takeHomes(op);
  // Parts of one matrix have one place; what is left of the operands' is for the others.
  for (bool isPart : {true, false})
    for (Value result : op.getResults())
      if (isPart == bool(concatOf(result)))
        allocateInPlace(op, result, op.getInputs());
  tensors.append(places_(op.getResults()));
  tensors.append(inputs);
  builder.create<exec::MapOp>(op.getLoc(), bodies.get(op), tensors,
                              builder.getI64IntegerAttr(op.getNumResults()));
}

// gradient += value, where the value could not be added while it was made.
void Scheduler::scheduleAccumulate(train::AccumulateOp op) {
  Value value = place(op.getGradient());
  Value gradient = builder.create<exec::GradientOp>(op.getLoc(), value.getType(), op.getParameterAttr());
  builder.create<exec::MapOp>(op.getLoc(), bodies.sum(op.getLoc()), ValueRange{gradient, gradient, value},
                              builder.getI64IntegerAttr(1));
}

LogicalResult Scheduler::scheduleChunks(train::ChunkRowsOp op) {
  Location loc = op.getLoc();
  auto i32 = builder.getI32Type();
  int64_t total = cast<RankedTensorType>(op.getTargets().getType()).getNumElements();
  Value rows = allocate(loc, "labelled_rows", MemRefType::get({total}, i32));
  Value count = allocate(loc, "labelled_count", MemRefType::get({1}, i32));
  builder.create<exec::LabelledRowsOp>(loc, rows, count, place(op.getTargets()));

  Block &body = op.getBody().front();
  auto yield = cast<train::YieldOp>(body.getTerminator());
  for (auto [result, value, sum] : llvm::zip_equal(op.getResults(), yield.getValues(), op.getSums())) {
    backward |= !sum;
    Value buffer =
        allocate(loc, sum ? nameOf(value) : "d_hidden", bufferType(cast<RankedTensorType>(result.getType())));
    places[result] = buffer;
    builder.create<exec::ZeroOp>(loc, buffer);
    if (sum)
      places[value] = buffer;
  }

  auto chunks = builder.create<exec::ChunksOp>(loc, count, op.getChunk());
  OpBuilder::InsertionGuard guard(builder);
  Block &target = chunks.getBody().emplaceBlock();
  Value chunk = target.addArgument(builder.getI64Type(), loc);
  builder.setInsertionPointToStart(&target);
  for (auto [operand, argument] : llvm::zip_equal(op.getRows(), body.getArguments())) {
    auto type = bufferType(cast<RankedTensorType>(argument.getType()));
    std::string base = operand == op.getTargets() ? "targets" : "rows";
    Value buffer = allocate(loc, "chunk_" + base, type);
    places[argument] = buffer;
    if (type.getElementType().isInteger())
      builder.create<exec::GatherTargetsOp>(loc, buffer, place(operand), rows, count, chunk);
    else
      builder.create<exec::GatherRowsOp>(loc, buffer, place(operand), rows, count, chunk);
  }
  if (failed(schedule(body)))
    return failure();
  for (auto [result, value, sum] : llvm::zip_equal(op.getResults(), yield.getValues(), op.getSums()))
    if (!sum)
      builder.create<exec::ScatterRowsOp>(loc, place(result), place(value), rows, count, chunk);
  return success();
}

void Scheduler::scheduleUpdate(Operation *op) {
  Location loc = op->getLoc();
  auto type = MemRefType::get({trainable.floats}, builder.getF32Type());
  auto flat = [&](StringRef part) { return builder.create<exec::FlatOp>(loc, type, part); };
  Value update = argument("update", emitc::OpaqueType::get(op->getContext(), "peft_update_t"));
  if (auto clip = dyn_cast<train::ClipNormOp>(op)) {
    Value norm = allocate(loc, "grad_norm", MemRefType::get({}, builder.getF32Type()));
    places[clip.getNorm()] = norm;
    builder.create<exec::ClipNormOp>(loc, norm, flat("gradients"), update);
  } else if (isa<train::AdamWOp>(op)) {
    builder.create<exec::AdamWOp>(loc, flat("parameters"), flat("gradients"), flat("state.0"),
                                  flat("state.1"), update);
  } else {
    builder.create<exec::SGDOp>(loc, flat("parameters"), flat("gradients"), flat("state.0"), update);
  }
}

// Columns have no call of their own: who reads or writes them finds them where the whole is.
LogicalResult Scheduler::scheduleSplit(nn::SplitColumnsOp op) {
  Value whole = place(op.getX());
  if (!whole || !isa_and_nonnull<exec::BufferOp, exec::ColumnsOp>(whole.getDefiningOp()))
    return op.emitOpError("expected x to lie in a buffer");
  int64_t first = 0;
  for (auto [i, part] : llvm::enumerate(op.getParts())) {
    for (OpOperand &use : part.getUses())
      if (!takesColumns(use))
        return op.emitOpError("has no runtime function: its results are columns of x where that lies, which ")
               << use.getOwner()->getName() << " does not read";
    int64_t width = op.getWidths()[i];
    places[part] = builder.create<exec::ColumnsOp>(op.getLoc(), unique(nameOf(part)), whole, first, width);
    first += width;
  }
  return success();
}

// What could not be made where it belongs is copied there.
void Scheduler::scheduleConcat(nn::ConcatColumnsOp op) {
  if (wholeInners.contains(op))
    return scheduleOneInner(op);
  Value whole = place(op) ? place(op) : allocate(op.getResult());
  int64_t first = 0;
  for (Value part : op.getParts()) {
    int64_t width = cast<RankedTensorType>(part.getType()).getShape().back();
    auto columns = place(part).getDefiningOp<exec::ColumnsOp>();
    if (!columns || columns.getSource() != whole || int64_t(columns.getFirst()) != first) {
      Value to =
          builder.create<exec::ColumnsOp>(op.getLoc(), unique(nameOf(op) + "_part"), whole, first, width);
      copy(op.getLoc(), to, place(part));
    }
    first += width;
  }
}

namespace {

struct Schedule : peft::impl::SchedulePassBase<Schedule> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    ScalarBodies bodies(module);
    const Borders borders(module);
    borders.mark(module);
    SmallVector<func::FuncOp> entries(module.getOps<func::FuncOp>());
    for (func::FuncOp entry : entries) {
      auto target =
          func::FuncOp::create(entry.getLoc(), entry.getName(), FunctionType::get(&getContext(), {}, {}));
      module.push_back(target);
      if (failed(Scheduler(entry, target, bodies, borders).run()))
        return signalPassFailure();
      entry.erase();
    }
  }
};

} // namespace
