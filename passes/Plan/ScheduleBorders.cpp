//===- ScheduleBorders.cpp - products that take adapters in ---------------===//
//
//   x [.., in]  s [.., width]        W [out, in]   B [out, width]
//                                    A [width, in]
//
// y = x Wᵀ + s Bᵀ is one product of the buffer that x and s are columns of and the weight with what lies
// right of it; dx = dy W + ds A one of dy beside ds and the weight with what lies below. s has fewer columns
// than a border is wide, and B and A as many zeros: what makes s writes all of the width, so that no column
// is left to chance.
//
//===----------------------------------------------------------------------===//

#include "passes/Differentiate/Passes.h"
#include "passes/Fuse/BorderCost.h"
#include "passes/Plan/Schedule.h"

using namespace mlir;
using namespace peft;

static int64_t columnsOf(Value value) { return cast<RankedTensorType>(value.getType()).getShape().back(); }

/// The matrix whose columns one pointwise op reads where it makes all of `concat`'s parts: of gate and up,
/// where it makes their cotangents. Null if there is none.
static Value homeOf(nn::ConcatColumnsOp concat) {
  auto maker = concat.getParts().front().getDefiningOp<train::ElementwiseOp>();
  if (!maker || llvm::any_of(concat.getParts(), [&](Value part) { return part.getDefiningOp() != maker; }))
    return Value();
  for (Value input : maker.getInputs())
    if (auto split = input.getDefiningOp<nn::SplitColumnsOp>();
        split && split.getX().getType() == concat.getType() &&
        llvm::equal(split.getResultTypes(), concat->getOperandTypes()) &&
        split.getX().getDefiningOp<nn::BorderedLinearOp>())
      return split.getX();
  return Value();
}

/// The column of `whole` at which `part` begins: it was taken from there, or put there.
static std::optional<int64_t> columnOf(Value part, Value whole) {
  if (part == whole)
    return 0;
  auto columnAmong = [&](ValueRange parts) -> std::optional<int64_t> {
    int64_t column = 0;
    for (Value other : parts) {
      if (other == part)
        return column;
      column += columnsOf(other);
    }
    return std::nullopt;
  };
  if (auto split = part.getDefiningOp<nn::SplitColumnsOp>(); split && split.getX() == whole)
    return columnAmong(split.getParts());
  auto concat = whole.getDefiningOp<nn::ConcatColumnsOp>();
  return concat ? columnAmong(concat.getParts()) : std::nullopt;
}

bool Scheduler::isOneInner(nn::BorderedLinearOp op) {
  auto concat = op.getS().getDefiningOp<nn::ConcatColumnsOp>();
  StringRef weight = symbolOf(op.getWeight());
  if (!concat || !op.getTransposed())
    return false;
  int64_t column = borders.weight(weight)->columns;
  for (Value part : concat.getParts()) {
    auto linear = part.getDefiningOp<nn::LinearOp>();
    const BorderPlace *b = linear && part.hasOneUse() ? borders.place(symbolOf(linear.getWeight())) : nullptr;
    if (!b || b->weight != weight || b->column != column || !linear.getTransposed() || linear.getBias() ||
        !linear.getAlpha().isExactlyValue(b->scale) || columnOf(linear.getX(), op.getX()) != b->row)
      return false;
    column += columnsOf(part);
  }
  return true;
}

void Scheduler::scheduleOneInner(nn::ConcatColumnsOp op) {
  Value dy = besides[op].front();
  allocate(op.getResult());
  StringRef symbol = wholeInners.lookup(op);
  const BorderedWeight &weight = *borders.weight(symbol);
  Value &border = parts[(symbol + " border").str()];
  if (!border) {
    Value rows = weightItself(symbol).getDefiningOp<exec::ColumnsOp>().getSource();
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointAfterValue(rows);
    border = builder.create<exec::ColumnsOp>(rows.getLoc(), peft::parameterName(symbol) + "_border", rows,
                                             weight.columns, weight.width);
  }
  builder.create<exec::LinearOp>(op.getLoc(), padded.lookup(op), place(dy), border, Value(),
                                 /*transposed=*/true, llvm::APFloat(1.0));
}

void Scheduler::findBorders() {
  bool any = false;
  source.walk([&](nn::BorderedLinearOp op) {
    if (!borders.weight(symbolOf(op.getWeight())))
      return;
    any = true;
    widths[op.getX()] = borderWidth(columnsOf(op.getS()));
    SmallVector<Value, 1> &xs = besides[op.getS()];
    if (!llvm::is_contained(xs, op.getX()))
      xs.push_back(op.getX());
    if (isOneInner(op)) {
      wholeInners[op.getS()] = symbolOf(op.getWeight());
      for (Value part : op.getS().getDefiningOp<nn::ConcatColumnsOp>().getParts())
        done.insert(part.getDefiningOp());
    }
    if (auto concat = op.getX().getDefiningOp<nn::ConcatColumnsOp>())
      if (Value home = homeOf(concat)) { // which gets the border that its cotangent will want
        homes[concat] = home;
        widths[home] = widths.lookup(concat);
      }
  });
  if (any)
    builder.create<exec::FillBordersOp>(source.getLoc(), borders.attribute(builder.getContext()),
                                        TypeAttr::get(getElementTypeOrSelf(widths.begin()->first.getType())));
}

void Scheduler::takeHomes(train::ElementwiseOp op) {
  for (Value result : op.getResults()) {
    nn::ConcatColumnsOp concat = concatOf(result);
    Value home = concat && !place(concat) ? homes.lookup(concat) : Value();
    auto columns = home && place(home) ? place(home).getDefiningOp<exec::ColumnsOp>() : nullptr;
    if (columns && columns.getSource().getDefiningOp<exec::BufferOp>() && isFree(columns.getSource(), op))
      places[concat] = columns;
  }
}

/// Whether s is read in the backward part and x is not: there it would keep x alive.
static bool outlives(Value s, Value x) {
  Block *block = x.getParentBlock();
  auto backward = llvm::find_if(*block, [](Operation &op) { // or the chunked head, which has both parts
    return op.walk([](Operation *inner) { return WalkResult(failure(inner->hasAttr(kBackward))); })
        .wasInterrupted();
  });
  if (backward == block->end() || !x.getDefiningOp()->isBeforeInBlock(&*backward))
    return false;
  auto isReadBackward = [&](Value value) {
    return llvm::any_of(value.getUsers(), [&](Operation *user) {
      Operation *ancestor = block->findAncestorOpInBlock(*user);
      return !ancestor || !ancestor->isBeforeInBlock(&*backward);
    });
  };
  return isReadBackward(s) && !isReadBackward(x);
}

Value Scheduler::allocateInner(Value s) {
  ArrayRef<Value> xs = besides[s];
  Value x = xs.front(), view;
  if (auto columns = xs.size() == 1 && !outlives(s, x) && place(x) ? place(x).getDefiningOp<exec::ColumnsOp>()
                                                                   : nullptr) {
    view = builder.create<exec::ColumnsOp>(s.getLoc(), unique(nameOf(s) + "_border"), columns.getSource(),
                                           columnsOf(x), widths.lookup(x));
  } else {
    view = allocateRows(s.getLoc(), nameOf(s) + "_border", s, widths.lookup(x));
  }
  padded[s] = view;
  return places[s] = builder.create<exec::ColumnsOp>(s.getLoc(), unique(nameOf(s)), view, 0, columnsOf(s));
}

Value Scheduler::wholeWeight(StringRef symbol) {
  Value &whole = wholes[symbol];
  if (!whole) {
    const BorderedWeight &weight = *borders.weight(symbol);
    Type element = getElementTypeOrSelf(widths.begin()->first.getType());
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(&target.getBody().front());
    whole = builder.create<exec::ParameterOp>(source.getLoc(),
                                              MemRefType::get({weight.allRows(), weight.pitch()}, element),
                                              FlatSymbolRefAttr::get(builder.getContext(), symbol));
  }
  return whole;
}

Value Scheduler::weightItself(StringRef symbol) {
  Value &part = parts[symbol];
  if (!part) {
    const BorderedWeight &weight = *borders.weight(symbol);
    Value whole = wholeWeight(symbol);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointAfterValue(whole);
    std::string name = peft::parameterName(symbol);
    Value rows = builder.create<exec::RowsOp>(whole.getLoc(), name + "_B", whole, 0, weight.rows);
    part = builder.create<exec::ColumnsOp>(whole.getLoc(), name, rows, 0, weight.columns);
  }
  return part;
}

std::pair<Value, double> Scheduler::weightPlace(Value weight, bool padded) {
  StringRef symbol = symbolOf(weight);
  const BorderPlace *border = borders.place(symbol);
  if (!border)
    return {place(weight), 1.0};
  Value &part = parts[(symbol + (padded ? " padded" : "")).str()];
  if (!part) {
    const BorderedWeight &whole = *borders.weight(border->weight);
    const bool isBelow = border->row == whole.rows;
    Value all = wholeWeight(border->weight);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointAfterValue(all);
    std::string name = peft::parameterName(symbol);
    int64_t rows = padded && isBelow ? whole.width : border->rows,
            columns = padded && !isBelow ? whole.pitch() - border->column : border->columns;
    Value strip = builder.create<exec::RowsOp>(all.getLoc(), name + "_rows", all, border->row, rows);
    part = builder.create<exec::ColumnsOp>(all.getLoc(), name, strip, border->column, columns);
  }
  return {part, border->scale};
}

bool Scheduler::isInBorder(train::ElementwiseOp op) {
  return op.getNumResults() == 1 && borders.place(symbolOf(op->getResult(0))) &&
         llvm::all_of(op->getUses(), [](OpOperand &use) {
           unsigned i = use.getOperandNumber();
           return (isa<nn::LinearOp>(use.getOwner()) && i == 1) ||
                  (isa<nn::LinearAddOp>(use.getOwner()) && i == 2) ||
                  (isa<nn::BorderedLinearOp>(use.getOwner()) && i >= 3);
         });
}

void Scheduler::scheduleLinear(nn::LinearOp op) {
  Value y = allocate(op), bias = op.getBias() ? place(op.getBias()) : Value();
  // What fills a border fills all of it: its last part takes the columns that are left.
  bool fills = false;
  if (Value view = padded.lookup(op)) {
    y = view, fills = true;
  } else if (nn::ConcatColumnsOp concat = concatOf(op)) {
    Value view = padded.lookup(concat);
    if (view && concat.getParts().back() == op.getResult()) {
      int64_t first = columnsOf(concat) - columnsOf(op),
              width = cast<MemRefType>(view.getType()).getShape().back();
      y = builder.create<exec::ColumnsOp>(op.getLoc(), unique(nameOf(op) + "_border"), view, first,
                                          width - first);
      fills = true;
    }
  }
  auto [weight, scale] = weightPlace(op.getWeight(), fills);
  builder.create<exec::LinearOp>(op.getLoc(), y, place(op.getX()), weight, bias, op.getTransposed(),
                                 llvm::APFloat(op.getAlpha().convertToDouble() / scale));
}

/// Products that add to each other, where the weight has no border: it is trained, or no parameter.
void Scheduler::scheduleApart(nn::BorderedLinearOp op) {
  Location loc = op.getLoc();
  Value x = place(op.getX()), s = place(op.getS()), w = place(op.getWeight()), y;
  if (op.getAcc()) {
    y = addTarget(op, op.getAcc(), {x, w, s});
    builder.create<exec::LinearAddOp>(loc, y, place(op.getAcc()), x, w, op.getTransposed(),
                                      llvm::APFloat(1.0));
  } else {
    y = allocate(op);
    builder.create<exec::LinearOp>(loc, y, x, w, Value(), op.getTransposed(), llvm::APFloat(1.0));
  }
  int64_t column = 0;
  for (auto [beside, first, scale] : llvm::zip_equal(op.getBeside(), op.getFirst(), op.getScales())) {
    auto type = cast<RankedTensorType>(beside.getType());
    int64_t rows = type.getDimSize(op.getTransposed() ? 1 : 0),
            rank = type.getDimSize(op.getTransposed() ? 0 : 1);
    Value part = builder.create<exec::ColumnsOp>(loc, unique(nameOf(op) + "_part"), y, first, rows),
          inner = builder.create<exec::ColumnsOp>(loc, unique(nameOf(op.getS()) + "_part"), s, column, rank);
    builder.create<exec::LinearAddOp>(loc, part, part, inner, place(beside), op.getTransposed(),
                                      llvm::APFloat(scale));
    column += rank;
  }
}

/// x and s side by side: where they lie, or in a copy if they were brought back from the host's memory.
Value Scheduler::besideOf(nn::BorderedLinearOp op) {
  Location loc = op.getLoc();
  const int64_t columns = columnsOf(op.getX()), width = widths.lookup(op.getX());
  auto x = place(op.getX()).getDefiningOp<exec::ColumnsOp>();
  Value whole = x ? x.getSource() : Value();
  if (!whole || !whole.getDefiningOp<exec::BufferOp>() ||
      cast<MemRefType>(whole.getType()).getShape().back() != columns + width) {
    whole = allocateRows(loc, nameOf(op.getX()) + "_bordered", op.getX(), columns + width);
    copy(loc, builder.create<exec::ColumnsOp>(loc, unique(nameOf(op.getX())), whole, 0, columns),
         place(op.getX()));
  }
  Value s = padded.lookup(op.getS());
  auto inBorder = s ? s.getDefiningOp<exec::ColumnsOp>() : nullptr;
  if (inBorder && inBorder.getSource() == whole)
    return whole;
  Value border =
      builder.create<exec::ColumnsOp>(loc, unique(nameOf(op.getX()) + "_border"), whole, columns, width);
  if (s) {
    copy(loc, border, s);
    return whole;
  }
  builder.create<exec::ZeroOp>(loc, border);
  copy(loc, builder.create<exec::ColumnsOp>(loc, unique(nameOf(op.getS())), border, 0, columnsOf(op.getS())),
       place(op.getS()));
  return whole;
}

void Scheduler::scheduleBordered(nn::BorderedLinearOp op) {
  if (!borders.weight(symbolOf(op.getWeight())))
    return scheduleApart(op);
  Location loc = op.getLoc();
  Value whole = besideOf(op);
  StringRef symbol = symbolOf(op.getWeight());
  const BorderedWeight &bordered = *borders.weight(symbol);
  Value weight = weightItself(symbol).getDefiningOp<exec::ColumnsOp>().getSource(); // with B
  if (op.getTransposed()) {
    Value &part = parts[(symbol + " with A").str()];
    if (!part) {
      Value all = wholeWeight(symbol);
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointAfterValue(all);
      part = builder.create<exec::ColumnsOp>(all.getLoc(), peft::parameterName(symbol) + "_A", all, 0,
                                             bordered.columns);
    }
    weight = part;
  }
  if (!op.getAcc()) {
    builder.create<exec::LinearOp>(loc, allocate(op), whole, weight, Value(), op.getTransposed(),
                                   llvm::APFloat(1.0));
    return;
  }
  Value y = addTarget(op, op.getAcc(), {whole});
  builder.create<exec::LinearAddOp>(loc, y, place(op.getAcc()), whole, weight, op.getTransposed(),
                                    llvm::APFloat(1.0));
}
