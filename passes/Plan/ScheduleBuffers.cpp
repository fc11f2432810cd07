//===- ScheduleBuffers.cpp - which buffer a value lies in -----------------===//
//
// A value gets a buffer of its own, or that of an operand which dies where it is
// made. Names come from the module of the model that an op belongs to.
//
//===----------------------------------------------------------------------===//

#include "passes/Plan/Schedule.h"
#include "peft/Analysis/Columns.h"
#include "peft/Support/Locations.h"

using namespace mlir;
using namespace peft;

MemRefType peft::bufferType(RankedTensorType type) {
  if (auto storage = dyn_cast_or_null<StorageEncodingInterface>(type.getEncoding()))
    return MemRefType::get({storage.storedBytes(type.getShape())}, IntegerType::get(type.getContext(), 8));
  auto space = type.getEncoding() ? IntegerAttr::get(IntegerType::get(type.getContext(), 64), 1)
                                  : IntegerAttr(); // "host"
  return MemRefType::get(type.getShape(), type.getElementType(), MemRefLayoutAttrInterface(), space);
}

Scheduler::Scheduler(func::FuncOp source, func::FuncOp target, ScalarBodies &bodies, const Borders &borders)
    : source(source), target(target), bodies(bodies), borders(borders),
      trainable(source->getParentOfType<ModuleOp>()), builder(target.getContext()) {
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
  StringRef key = moduleKey(loc), last = key.rsplit('.').second;
  return last.empty() ? key : last;
}

std::string Scheduler::nameOf(Value value) {
  Operation *op = value.getDefiningOp();
  StringRef part = lastPart(op->getLoc());
  std::string name = part.empty() ? op->getName().stripDialect().str() : part.str();
  if (auto attention = dyn_cast<nn::AttentionOp>(op))
    name = value == attention.getLse() ? "lse" : "attention";
  if (auto grad = dyn_cast<nn::AttentionGradOp>(op))
    return value == grad.getDq() ? "d_q" : value == grad.getDk() ? "d_k" : "d_v";
  if (isa<nn::CrossEntropyWithGradOp>(op))
    return cast<OpResult>(value).getResultNumber() ? "d_logits" : "loss";
  if (isa<nn::CrossEntropyOp>(op))
    name = cast<OpResult>(value).getResultNumber() ? "head_lse" : "loss";
  if (isa<train::OffloadOp>(op))
    return nameOf(op->getOperand(0)) + "_host";
  if (isa<train::FetchOp>(op)) // named as what it brings back, which is no gradient
    return place(op->getOperand(0)).getDefiningOp<exec::BufferOp>().getName().rsplit("_host").first.str();
  if (isa<nn::ShiftLabelsOp>(op))
    name = "targets";
  if (isa<nn::SelectRowsOp>(op))
    name = "selected";
  if (isa<nn::RMSNormOp>(op) && name == "norm") // model.norm, which is behind the last layer
    name = "final_norm";
  if (isa<nn::RopeOp>(op) && op->getNumOperands())
    if (Operation *rotated = op->getOperand(0).getDefiningOp();
        rotated && !lastPart(rotated->getLoc()).empty())
      name = (lastPart(rotated->getLoc()) + "_rope").str();
  auto rope = dyn_cast<nn::RopeOp>(op);
  // A forward value that the backward part makes once more.
  bool isAgain = op->hasAttr("train.again") || isa<nn::SplitColumnsOp>(op);
  if (isa<nn::SplitColumnsOp>(op))
    if (Location part =
            partLocation(op->getLoc(), cast<OpResult>(value).getResultNumber(), op->getNumResults());
        !lastPart(part).empty())
      name = lastPart(part).str();
  bool gradient =
      op->getName().getStringRef().ends_with("_grad") ||
      (backward && !isAgain &&
       isa<nn::LinearOp, nn::LinearAddOp, nn::BorderedLinearOp, nn::ConcatColumnsOp,
           adapter::QuantizedLinearOp, adapter::QuantizedLinearAddOp, adapter::SelectColumnsOp>(op)) ||
      (rope && rope.getInverse());
  if (!isalpha(name[0]))
    name = "t" + name;
  for (char &c : name)
    if (!isalnum(c))
      c = '_';
  return gradient ? "d_" + name : name;
}

std::string Scheduler::unique(StringRef name) {
  unsigned count = names[name]++;
  return count ? (name + "_" + Twine(count + 1)).str() : name.str();
}

Value Scheduler::allocate(Location loc, StringRef name, MemRefType type) {
  return builder.create<exec::BufferOp>(loc, type, unique(name), IntegerAttr(), false);
}

Value Scheduler::allocateRows(Location loc, StringRef name, Value value, int64_t columns) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = columns;
  return allocate(loc, name, MemRefType::get(shape, type.getElementType()));
}

void Scheduler::copy(Location loc, Value to, Value from) {
  builder.create<exec::MapOp>(loc, bodies.identity(loc), ValueRange{to, from}, builder.getI64IntegerAttr(1));
}

nn::ConcatColumnsOp Scheduler::concatOf(Value value) {
  if (value.hasOneUse() && isa<nn::RopeOp>(*value.user_begin())) // which works in place
    value = value.user_begin()->getResult(0);
  nn::ConcatColumnsOp concat;
  for (OpOperand &use : value.getUses()) {
    auto user = dyn_cast<nn::ConcatColumnsOp>(use.getOwner());
    if (user && (concat || user->getBlock() != value.getParentBlock()))
      return nullptr;
    if (user)
      concat = user;
    else if (!takesColumns(use))
      return nullptr;
  }
  return concat && writesColumns(value) ? concat : nullptr;
}

/// Where the part that `value` is, or becomes when it is rotated, begins in the whole.
static int64_t firstIn(nn::ConcatColumnsOp concat, Value value) {
  int64_t first = 0;
  for (Value part : concat.getParts()) {
    auto rope = part.getDefiningOp<nn::RopeOp>();
    if (part == value || (rope && rope.getX() == value))
      break;
    first += cast<RankedTensorType>(part.getType()).getShape().back();
  }
  return first;
}

Value Scheduler::allocate(Value value) {
  Location loc = value.getLoc();
  auto type = cast<RankedTensorType>(value.getType());
  const int64_t columns = type.getRank() ? type.getShape().back() : 1;
  if (besides.contains(value))
    return allocateInner(value);
  if (nn::ConcatColumnsOp concat = concatOf(value)) {
    Value whole = place(concat) ? place(concat) : allocate(concat.getResult());
    return places[value] = builder.create<exec::ColumnsOp>(loc, unique(nameOf(value)), whole,
                                                           firstIn(concat, value), columns);
  }
  if (int64_t width = widths.lookup(value)) {
    Value whole = allocateRows(loc, nameOf(value) + "_bordered", value, columns + width);
    return places[value] = builder.create<exec::ColumnsOp>(loc, unique(nameOf(value)), whole, 0, columns);
  }
  return places[value] = allocate(loc, nameOf(value), bufferType(type));
}

/// Whether columns `begin` to `end` of a buffer are read behind `op` as part of `value`, which begins at
/// column `first` of it. Of a value that is split, only what its parts are read for.
static bool isReadBehind(Operation *op, Value value, int64_t first, int64_t begin, int64_t end) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    Operation *ancestor = op->getBlock()->findAncestorOpInBlock(*user);
    if (ancestor && (ancestor == op || ancestor->isBeforeInBlock(op)))
      return false;
    auto split = dyn_cast<nn::SplitColumnsOp>(user);
    if (!split)
      return true;
    int64_t at = first;
    for (auto [part, width] : llvm::zip_equal(split.getParts(), split.getWidths())) {
      if (!part.use_empty() && at < end && begin < at + width)
        return true;
      at += width;
    }
    return false;
  });
}

bool Scheduler::isFree(Value view, Operation *op) {
  auto [begin, end] = columnsIn(view);
  return llvm::all_of(places, [&, begin = begin, end = end](auto &entry) {
    auto &[value, other] = entry;
    if (wholeOf(other) != wholeOf(view) || value.getParentBlock() != op->getBlock())
      return true;
    auto [first, last] = columnsIn(other);
    if (last <= begin || end <= first)
      return true;
    Operation *def = value.getDefiningOp();
    if (def == op)
      return false;
    return (def && op->isBeforeInBlock(def)) || // a concat's whole
           !isReadBehind(op, value, first, begin, end);
  });
}

Value Scheduler::allocateInPlace(Operation *op, Value result, ValueRange candidates) {
  auto type = cast<RankedTensorType>(result.getType());
  for (Value candidate : candidates) {
    Value view = place(candidate), whole = wholeOf(view);
    if (!isa_and_nonnull<exec::BufferOp>(whole ? whole.getDefiningOp() : nullptr) ||
        candidate.getParentBlock() != op->getBlock() || candidate.getType() != type)
      continue;
    auto columns = view.getDefiningOp<exec::ColumnsOp>();
    // What goes into a border's buffer, or is part of another value, has that place.
    if (int64_t width = widths.lookup(result)) {
      bool isAlike = columns && columns.getSource() == whole && columns.getFirst() == 0 &&
                     cast<MemRefType>(whole.getType()).getShape().back() == type.getShape().back() + width;
      if (!isAlike || !isFree(whole, op))
        continue;
    } else if (nn::ConcatColumnsOp concat = concatOf(result)) {
      if (!columns || columns.getSource() != place(concat) ||
          int64_t(columns.getFirst()) != firstIn(concat, result) || !isFree(view, op))
        continue;
    } else if (!isFree(view, op) || (columns && !llvm::all_of(result.getUses(), takesColumns))) {
      continue;
    }
    return places[result] = view;
  }
  return allocate(result);
}

std::string peft::parameterName(StringRef key) {
  auto [rest, last] = key.rsplit('.');
  auto [outer, before] =
      rest.contains('.') ? rest.rsplit('.') : std::pair(StringRef(), rest); // lm_head.weight
  std::string name = (before + "_" + last).str(), owner = outer.rsplit('.').second.str();
  if (last == "weight" && before.starts_with("lora_"))
    name = owner + "_" + before.str();
  else if (llvm::all_of(before, llvm::isDigit)) // a part of a sequence: adapter_down.0.weight
    name = owner + "_" + name;
  for (char &c : name)
    if (!isalnum(c))
      c = '_';
  return name;
}

/// From here on rounding a parameter costs its traffic and not its call, and a second copy of it costs
/// memory.
static constexpr int64_t largeParameter = int64_t(1) << 20;

Value Scheduler::roundedParameter(train::ElementwiseOp op) {
  Block &body = op.getBody().front();
  auto get = op.getInputs().size() == 1 ? op.getInputs().front().getDefiningOp<nn::GetOp>() : nullptr;
  if (!get || op.getNumResults() != 1 || body.getTerminator()->getOperand(0) != body.getArgument(0))
    return Value();
  nn::ParameterOp parameter =
      nn::firstParameter(SymbolTable::lookupNearestSymbolFrom(get, get.getParameterAttr()));
  auto type = bufferType(cast<RankedTensorType>(op->getResult(0).getType()));
  if (!parameter.isTrainable() || type.getElementType().isF32() || trainable.largest >= largeParameter)
    return Value();
  Value &part = roundedParts[get.getParameter()];
  if (part)
    return part;
  OpBuilder::InsertionGuard guard(builder);
  if (!rounded) {
    builder.setInsertionPointToStart(&target.getBody().front());
    rounded =
        allocate(source.getLoc(), "adapters", MemRefType::get({trainable.floats}, type.getElementType()));
    Value all = builder.create<exec::FlatOp>(
        source.getLoc(), MemRefType::get({trainable.floats}, builder.getF32Type()), "parameters");
    builder.create<exec::MapOp>(source.getLoc(), bodies.get(op), ValueRange{rounded, all},
                                builder.getI64IntegerAttr(1));
  }
  builder.setInsertionPointAfterValue(rounded);
  return part = builder.create<exec::SliceOp>(get.getLoc(), type, parameterName(get.getParameter()), rounded,
                                              trainable.first.lookup(get.getParameter()));
}

Value Scheduler::sumTarget(Value sum) {
  if (sum.hasOneUse())
    if (auto accumulate = dyn_cast<train::AccumulateOp>(*sum.user_begin());
        accumulate && accumulate->getBlock() == sum.getParentBlock()) {
      done.insert(accumulate);
      return builder.create<exec::GradientOp>(accumulate.getLoc(),
                                              bufferType(cast<RankedTensorType>(sum.getType())),
                                              accumulate.getParameterAttr());
    }
  if (Value shared = place(sum)) // the result of a chunked region
    return shared;
  Value buffer = allocate(sum);
  builder.create<exec::ZeroOp>(sum.getLoc(), buffer);
  return buffer;
}

Value Scheduler::addTarget(Operation *op, Value acc, ValueRange read) {
  Value from = place(acc), result = op->getResult(0);
  return llvm::is_contained(llvm::map_range(read, wholeOf), wholeOf(from)) ? allocate(result)
                                                                           : allocateInPlace(op, result, acc);
}

std::pair<Value, Value> Scheduler::quantizeRows(Location loc, Value x) {
  auto &[codes, scales] = quantized[x];
  if (!codes || codes.getParentBlock() != builder.getInsertionBlock()) {
    auto type = cast<RankedTensorType>(x.getType());
    std::string name = x.getDefiningOp() ? nameOf(x) : "x";
    codes = allocate(loc, name + "_codes", MemRefType::get(type.getShape(), builder.getI8Type()));
    scales =
        allocate(loc, name + "_scales", MemRefType::get(type.getShape().drop_back(), builder.getF32Type()));
    builder.create<exec::QuantizeRowsOp>(loc, codes, scales, place(x));
  }
  return {codes, scales};
}

Value Scheduler::dequantize(Location loc, Value encoded) {
  auto type = cast<RankedTensorType>(encoded.getType());
  auto nf4 = cast<adapter::NF4Attr>(type.getEncoding());
  Value dense = allocate(loc, lastPart(loc).empty() ? "dense" : (lastPart(loc) + "_dense").str(),
                         MemRefType::get(type.getShape(), type.getElementType()));
  builder.create<exec::DequantizeNF4Op>(loc, dense, place(encoded), nf4.getBlock(), nf4.getNested());
  return dense;
}
