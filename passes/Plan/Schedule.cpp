//===- Schedule.cpp - one function becomes a line of runtime calls --------===//
//
// The order of calls is the order of ops; fusion has made it what it should be.
//
//===----------------------------------------------------------------------===//

#include "passes/Plan/Schedule.h"

#include "llvm/ADT/TypeSwitch.h"

namespace peft {
#define GEN_PASS_DEF_SCHEDULEPASS
#include "passes/Plan/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

MemRefType peft::bufferType(RankedTensorType type) {
  if (auto nf4 = dyn_cast_or_null<adapter::NF4Attr>(type.getEncoding())) {
    // The byte layout of PEFT_NF4 in runtime/include/peft/runtime/abi.h.
    auto pad4 = [](int64_t n) { return (n + 3) / 4 * 4; };
    int64_t n = type.getNumElements(), blocks = (n + nf4.getBlock() - 1) / nf4.getBlock();
    int64_t bytes = pad4((n + 1) / 2);
    if (int64_t nested = nf4.getNested())
      bytes += pad4(blocks) + (blocks + nested - 1) / nested * 4 + 256 * 4 + 4;
    else
      bytes += blocks * 4;
    return MemRefType::get({bytes}, IntegerType::get(type.getContext(), 8));
  }
  return MemRefType::get(type.getShape(), type.getElementType());
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

Scheduler::Scheduler(func::FuncOp source, func::FuncOp target, ScalarBodies &bodies)
    : source(source), target(target), bodies(bodies), builder(target.getContext()) {
  builder.setInsertionPointToStart(target.addEntryBlock());
}

SmallVector<Value> Scheduler::places_(ValueRange values) {
  SmallVector<Value> result;
  for (Value value : values)
    result.push_back(place(value));
  return result;
}

Value Scheduler::argument(StringRef name, Type type) {
  Value &value = arguments[name];
  if (!value) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(&target.getBody().front());
    value = builder.create<exec::ArgumentOp>(source.getLoc(), type, name);
  }
  return value;
}

/// The last part of a checkpoint key: "q_proj" of model.layers.0.self_attn.q_proj.
static StringRef lastPart(Location loc) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return name.getName().strref().rsplit('.').second.empty() ? name.getName().strref()
                                                              : name.getName().strref().rsplit('.').second;
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location part : fused.getLocations())
      if (StringRef found = lastPart(part); !found.empty())
        return found;
  return "";
}

std::string Scheduler::nameOf(Value value) {
  Operation *op = value.getDefiningOp();
  StringRef part = lastPart(op->getLoc());
  std::string name = part.empty() ? op->getName().stripDialect().str() : part.str();
  if (auto attention = dyn_cast<nn::AttentionOp>(op))
    name = value == attention.getLse() ? "lse" : "attention";
  if (auto grad = dyn_cast<nn::AttentionGradOp>(op))
    return value == grad.getDq() ? "d_q" : value == grad.getDk() ? "d_k" : "d_v";
  if (isa<nn::CrossEntropyOp>(op))
    name = cast<OpResult>(value).getResultNumber() ? "head_lse" : "loss";
  if (isa<nn::ShiftLabelsOp>(op))
    name = "targets";
  if (isa<nn::SelectRowsOp>(op))
    name = "selected";
  if (isa<nn::RMSNormOp>(op) && name == "norm") // model.norm, which is behind the last layer
    name = "final_norm";
  if (isa<nn::RopeOp>(op) && op->getNumOperands())
    if (Operation *rotated = op->getOperand(0).getDefiningOp(); rotated && !lastPart(rotated->getLoc()).empty())
      name = (lastPart(rotated->getLoc()) + "_rope").str();
  auto rope = dyn_cast<nn::RopeOp>(op);
  bool gradient = op->getName().getStringRef().ends_with("_grad") ||
                  (backward && isa<nn::LinearOp, nn::LinearAddOp, adapter::QuantizedLinearOp>(op)) || (rope && rope.getInverse());
  if (!isalpha(name[0]))
    name = "t" + name;
  for (char &c : name)
    if (!isalnum(c))
      c = '_';
  return gradient ? "d_" + name : name;
}

Value Scheduler::allocate(Location loc, StringRef name, MemRefType type) {
  unsigned count = names[name]++;
  std::string unique = count ? (name + "_" + Twine(count + 1)).str() : name.str();
  return builder.create<exec::BufferOp>(loc, type, unique, IntegerAttr(), false);
}

Value Scheduler::allocate(Value value) {
  Value buffer = allocate(value.getLoc(), nameOf(value), bufferType(cast<RankedTensorType>(value.getType())));
  return places[value] = buffer;
}

/// Whether `op` is the last reader of `value`, in the block where it was made.
bool Scheduler::diesAt(Value value, Operation *op) {
  if (value.getParentBlock() != op->getBlock())
    return false;
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    Operation *ancestor = op->getBlock()->findAncestorOpInBlock(*user);
    return ancestor == op || (ancestor && ancestor->isBeforeInBlock(op));
  });
}

Value Scheduler::allocateInPlace(Operation *op, Value result, ValueRange candidates) {
  for (Value candidate : candidates) {
    Value buffer = place(candidate);
    bool isOwn = buffer && buffer.getDefiningOp<exec::BufferOp>();
    // Two values may share one buffer (in place); it is free when both are dead.
    bool dead = isOwn && llvm::all_of(places, [&](auto &entry) {
      return entry.second != buffer || entry.first.getParentBlock() != op->getBlock() || diesAt(entry.first, op);
    });
    if (dead && candidate.getParentBlock() == op->getBlock() &&
        buffer.getType() == bufferType(cast<RankedTensorType>(result.getType())))
      return places[result] = buffer;
  }
  return allocate(result);
}

Value Scheduler::sumTarget(Value sum) {
  if (sum.hasOneUse())
    if (auto accumulate = dyn_cast<train::AccumulateOp>(*sum.user_begin());
        accumulate && accumulate->getBlock() == sum.getParentBlock()) {
      done.insert(accumulate);
      return builder.create<exec::GradientOp>(accumulate.getLoc(), bufferType(cast<RankedTensorType>(sum.getType())),
                                              accumulate.getParameterAttr());
    }
  if (Value shared = place(sum)) // the result of a chunked region
    return shared;
  Value buffer = allocate(sum);
  builder.create<exec::ZeroOp>(sum.getLoc(), buffer);
  return buffer;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

LogicalResult Scheduler::run() {
  static constexpr StringLiteral batch[] = {"input_ids", "labels", "positions", "segments", "seed", "", ""};
  bool isForward = source.getName() == "forward";
  for (BlockArgument arg : source.getArguments()) {
    unsigned i = arg.getArgNumber();
    if (arg.use_empty())
      continue;
    StringRef name = i < 5 ? StringRef(batch[i]) : isForward ? "rows" : "loss_scale";
    auto tensor = dyn_cast<RankedTensorType>(arg.getType());
    Type type = !tensor ? arg.getType() : tensor.getRank() ? Type(bufferType(tensor)) : tensor.getElementType();
    places[arg] = argument(name, type);
  }
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
  for (Operation &op : block.without_terminator()) {
    bool begins = op.hasAttr("train.backward");
    Operation *before = builder.getInsertionBlock()->empty() ? nullptr : &builder.getInsertionBlock()->back();
    backward |= begins;
    if (!done.contains(&op) && failed(schedule(&op)))
      return failure();
    if (!begins)
      continue;
    // peft-plan tells what is kept for the backward part from what is not. A place has no moment: mark the call.
    Operation *first = before ? before->getNextNode() : &builder.getInsertionBlock()->front();
    while (first && !isa<exec::RuntimeCallOpInterface, exec::ChunksOp>(first))
      first = first->getNextNode();
    if (first)
      first->setAttr("exec.backward", builder.getUnitAttr());
  }
  return success();
}

LogicalResult Scheduler::schedule(Operation *op) {
  Location loc = op->getLoc();
  auto of = [&](Value value) { return place(value); };
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](nn::GetOp get) {
        auto type = bufferType(cast<RankedTensorType>(get.getType()));
        places[get] = builder.create<exec::ParameterOp>(loc, type, get.getParameterAttr());
        return success();
      })
      .Case([&](nn::LinearOp o) {
        builder.create<exec::LinearOp>(loc, allocate(o), of(o.getX()), of(o.getWeight()),
                                       o.getBias() ? of(o.getBias()) : Value(), o.getTransposed(), o.getAlpha());
        return success();
      })
      .Case([&](nn::LinearAddOp o) {
        // A product can't add to what it reads.
        Value acc = of(o.getAcc());
        bool reads = acc == of(o.getX()) || acc == of(o.getWeight());
        Value y = reads ? allocate(o) : allocateInPlace(o, o, o.getAcc());
        if (y != acc)
          builder.create<exec::CopyOp>(loc, y, acc);
        builder.create<exec::LinearAddOp>(loc, y, of(o.getX()), of(o.getWeight()), o.getTransposed(), o.getAlpha());
        return success();
      })
      .Case([&](nn::LinearWeightGradOp o) {
        Value sum = sumTarget(o);
        builder.create<exec::LinearWeightGradOp>(loc, sum, of(o.getDy()), of(o.getX()), o.getAlpha());
        return success();
      })
      .Case([&](nn::SumRowsOp o) {
        Value sum = sumTarget(o);
        builder.create<exec::SumRowsOp>(loc, sum, of(o.getDy()));
        return success();
      })
      .Case([&](nn::EmbeddingOp o) {
        builder.create<exec::EmbeddingOp>(loc, allocate(o), of(o.getIds()), of(o.getTable()));
        return success();
      })
      .Case([&](nn::EmbeddingWeightGradOp o) {
        Value sum = sumTarget(o);
        builder.create<exec::EmbeddingWeightGradOp>(loc, sum, of(o.getDy()), of(o.getIds()));
        return success();
      })
      .Case([&](nn::RMSNormOp o) {
        builder.create<exec::RMSNormOp>(loc, allocate(o), of(o.getX()), of(o.getWeight()), o.getEps());
        return success();
      })
      .Case([&](nn::RMSNormGradOp o) {
        builder.create<exec::RMSNormGradOp>(loc, allocate(o), of(o.getDy()), of(o.getX()), of(o.getWeight()), o.getEps());
        return success();
      })
      .Case([&](nn::RMSNormWeightGradOp o) {
        Value sum = sumTarget(o);
        builder.create<exec::RMSNormWeightGradOp>(loc, sum, of(o.getDy()), of(o.getX()), o.getEps());
        return success();
      })
      .Case([&](nn::RopeOp o) {
        Value y = allocateInPlace(o, o, o.getX());
        builder.create<exec::RopeOp>(loc, y, of(o.getX()), of(o.getPositions()), o.getInvFreq(), o.getHeadDim(),
                                     o.getScale(), o.getInverse());
        return success();
      })
      .Case([&](nn::AttentionOp o) {
        Value out = allocate(o.getOut()), lse = allocate(o.getLse());
        builder.create<exec::AttentionOp>(loc, out, lse, of(o.getQ()), of(o.getK()), of(o.getV()), of(o.getSegments()),
                                          o.getHeadDim(), o.getScale(), o.getWindow());
        return success();
      })
      .Case([&](nn::AttentionGradOp o) {
        Value dq = allocate(o.getDq()), dk = allocate(o.getDk()), dv = allocate(o.getDv());
        builder.create<exec::AttentionGradOp>(loc, dq, dk, dv, of(o.getDout()), of(o.getQ()), of(o.getK()),
                                              of(o.getV()), of(o.getOut()), of(o.getLse()), of(o.getSegments()),
                                              o.getHeadDim(), o.getScale(), o.getWindow());
        return success();
      })
      .Case([&](nn::DropoutOp o) {
        Value y = allocateInPlace(o, o, o.getX());
        builder.create<exec::DropoutOp>(loc, y, of(o.getX()), of(o.getSeed()), o.getP(), o.getSalt());
        return success();
      })
      .Case([&](nn::ShiftLabelsOp o) {
        builder.create<exec::ShiftLabelsOp>(loc, allocate(o), of(o.getLabels()), of(o.getSegments()));
        return success();
      })
      .Case([&](nn::CrossEntropyOp o) {
        Value sum = sumTarget(o.getLoss());
        builder.create<exec::CrossEntropyOp>(loc, sum, allocate(o.getLse()), of(o.getLogits()), of(o.getTargets()));
        return success();
      })
      .Case([&](nn::CrossEntropyGradOp o) {
        Value y = allocateInPlace(o, o, o.getLogits());
        builder.create<exec::CrossEntropyGradOp>(loc, y, of(o.getLogits()), of(o.getLse()), of(o.getTargets()),
                                                 of(o.getScale()));
        return success();
      })
      .Case([&](nn::SelectRowsOp o) {
        builder.create<exec::SelectRowsOp>(loc, allocate(o), of(o.getX()), of(o.getRows()));
        return success();
      })
      .Case([&](nn::PrependOp o) {
        builder.create<exec::PrependOp>(loc, allocate(o), of(o.getX()), o.getValue(), o.getPositions());
        return success();
      })
      .Case([&](adapter::SoftPromptOp o) {
        builder.create<exec::SoftPromptOp>(loc, allocate(o), of(o.getX()), of(o.getPrompt()));
        return success();
      })
      .Case([&](adapter::SoftPromptGradOp o) {
        builder.create<exec::SoftPromptGradOp>(loc, allocate(o), of(o.getDy()));
        return success();
      })
      .Case([&](adapter::SoftPromptWeightGradOp o) {
        Value sum = sumTarget(o);
        builder.create<exec::SoftPromptWeightGradOp>(loc, sum, of(o.getDy()));
        return success();
      })
      .Case([&](adapter::EmbeddingColumnsOp o) {
        builder.create<exec::EmbeddingColumnsOp>(loc, allocate(o), of(o.getIds()), of(o.getTable()));
        return success();
      })
      .Case([&](adapter::EmbeddingColumnsWeightGradOp o) {
        Value sum = sumTarget(o);
        builder.create<exec::EmbeddingColumnsWeightGradOp>(loc, sum, of(o.getDy()), of(o.getIds()));
        return success();
      })
      .Case([&](adapter::QuantizedLinearOp o) {
        // On a CPU: the dense weight in a temporary, then the product.
        Value y = allocate(o), dense = dequantize(loc, o.getWeight());
        builder.create<exec::LinearOp>(loc, y, of(o.getX()), dense, o.getBias() ? of(o.getBias()) : Value(),
                                       o.getTransposed(), o.getAlpha());
        return success();
      })
      .Case([&](adapter::OverrideRowsOp o) {
        Value y = allocateInPlace(o, o, o.getX());
        builder.create<exec::OverrideRowsOp>(loc, y, of(o.getX()), of(o.getIds()), of(o.getRows()), o.getIndices());
        return success();
      })
      .Case([&](adapter::OverrideRowsGradOp o) {
        Value y = allocateInPlace(o, o, o.getDy());
        builder.create<exec::OverrideRowsGradOp>(loc, y, of(o.getDy()), of(o.getIds()), o.getIndices());
        return success();
      })
      .Case([&](adapter::OverrideRowsWeightGradOp o) {
        Value sum = sumTarget(o);
        builder.create<exec::OverrideRowsWeightGradOp>(loc, sum, of(o.getDy()), of(o.getIds()), o.getIndices());
        return success();
      })
      .Case([&](adapter::DequantizeOp o) {
        places[o] = dequantize(loc, o.getEncoded());
        return success();
      })
      .Case([&](arith::ConstantOp o) {
        return o->use_empty() ? success() : o->emitOpError("has no runtime function: only elementwise ops take constants");
      })
      .Case([&](train::ElementwiseOp o) { return scheduleMap(o), success(); })
      .Case([&](train::AccumulateOp o) { return scheduleAccumulate(o), success(); })
      .Case([&](train::ChunkRowsOp o) { return scheduleChunks(o); })
      .Case<train::ClipNormOp, train::AdamWOp, train::SGDOp>([&](Operation *o) { return scheduleUpdate(o), success(); })
      .Default([](Operation *o) { return o->emitOpError("has no runtime function"); });
}

Value Scheduler::dequantize(Location loc, Value encoded) {
  auto type = cast<RankedTensorType>(encoded.getType());
  auto nf4 = cast<adapter::NF4Attr>(type.getEncoding());
  Value dense = allocate(loc, lastPart(loc).empty() ? "dense" : (lastPart(loc) + "_dense").str(),
                         MemRefType::get(type.getShape(), type.getElementType()));
  builder.create<exec::DequantizeNF4Op>(loc, dense, place(encoded), nf4.getBlock(), nf4.getNested());
  return dense;
}

void Scheduler::scheduleMap(train::ElementwiseOp op) {
  Value y = allocateInPlace(op, op, op.getInputs());
  builder.create<exec::MapOp>(op.getLoc(), bodies.get(op), y, places_(op.getInputs()));
}

// gradient += value, where the value could not be added while it was made.
void Scheduler::scheduleAccumulate(train::AccumulateOp op) {
  Value value = place(op.getGradient());
  Value gradient = builder.create<exec::GradientOp>(op.getLoc(), value.getType(), op.getParameterAttr());
  builder.create<exec::MapOp>(op.getLoc(), bodies.sum(op.getLoc()), gradient, ValueRange{gradient, value});
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
    Value buffer = allocate(loc, sum ? nameOf(value) : "d_hidden", bufferType(cast<RankedTensorType>(result.getType())));
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
  auto module = source->getParentOfType<ModuleOp>();
  int64_t floats = 0; // each parameter begins at a multiple of 16 floats, see Plan.cpp
  for (auto parameter : module.getOps<nn::ParameterOp>())
    if (parameter.isTrainable())
      floats += (parameter.getTensorType().getNumElements() + 15) / 16 * 16;
  auto type = MemRefType::get({floats}, builder.getF32Type());
  auto flat = [&](StringRef part) { return builder.create<exec::FlatOp>(loc, type, part); };
  Value update = argument("update", emitc::OpaqueType::get(op->getContext(), "peft_update_t"));
  if (auto clip = dyn_cast<train::ClipNormOp>(op)) {
    Value norm = allocate(loc, "grad_norm", MemRefType::get({}, builder.getF32Type()));
    places[clip.getNorm()] = norm;
    builder.create<exec::ClipNormOp>(loc, norm, flat("gradients"), update);
  } else if (isa<train::AdamWOp>(op)) {
    builder.create<exec::AdamWOp>(loc, flat("parameters"), flat("gradients"), flat("state.0"), flat("state.1"), update);
  } else {
    builder.create<exec::SGDOp>(loc, flat("parameters"), flat("gradients"), flat("state.0"), update);
  }
}

namespace {

struct Schedule : peft::impl::SchedulePassBase<Schedule> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    ScalarBodies bodies(module);
    SmallVector<func::FuncOp> entries(module.getOps<func::FuncOp>());
    for (func::FuncOp entry : entries) {
      auto target = func::FuncOp::create(entry.getLoc(), entry.getName(), FunctionType::get(&getContext(), {}, {}));
      module.push_back(target);
      if (failed(Scheduler(entry, target, bodies).run()))
        return signalPassFailure();
      entry.erase();
    }
  }
};

} // namespace
