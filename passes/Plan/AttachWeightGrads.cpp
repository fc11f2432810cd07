//===- AttachWeightGrads.cpp - gradients where their operand is made ------===//
//
//   map                  t = f(x, ..)            map_weight_grads   t = f(x, ..)
//   linear_weight_grad   g += alpha tᵀ s    ->                      g += alpha tᵀ s
//
// The sums move up to the map. That changes nothing if what they read has its values there already and
// what they add to is of no use to anyone in between.
//
//===----------------------------------------------------------------------===//

#include "passes/Plan/Passes.h"
#include "passes/Plan/Places.h"
#include "peft/Analysis/Columns.h"

namespace peft {
#define GEN_PASS_DEF_ATTACHWEIGHTGRADSPASS
#include "passes/Plan/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

namespace {

using Op = exec::MapWeightGradsOp;

constexpr StringLiteral backwardMark = "exec.backward";

/// Whether sums are worth making with the map, by an estimate for a GPU of 132 processors. Each saves reading
/// a result again, 2 rows cols bytes.
bool isWorth(int64_t rows, int64_t cols) {
  // Smaller results are still in the cache when they are read again, and the second kernel, which adds up
  // what blocks have left, takes as long as reading them.
  if (rows * cols < int64_t(1) << 22)
    return false;
  // Where columns are few, rows are cut until each processor has work. Each cut leaves 16 cols floats of a
  // gradient: written and read, they are the bytes of 64 rows.
  return rows >= 128 * std::max<int64_t>(1, 132 / llvm::divideCeil(cols, 512));
}

/// What a result is summed to, and with what.
struct Sum {
  Value grad, thin;
  float scale;
};

MemRefType typeOf(Value place) { return cast<MemRefType>(place.getType()); }
int64_t columnsOf(Value place) { return typeOf(place).getShape().back(); }

/// Calls `use` for each call that uses a buffer, or part of it.
void forEachUser(Value buffer, llvm::function_ref<void(Operation *)> use) {
  SmallVector<Operation *> users(buffer.getUsers());
  llvm::SmallPtrSet<Operation *, 16> seen;
  for (size_t i = 0; i < users.size(); ++i) // which grows
    if (!seen.insert(users[i]).second)
      continue;
    else if (exec::isPlace(users[i]))
      llvm::append_range(users, users[i]->getUsers());
    else
      use(users[i]);
}

/// One map and the sums that go to it.
class SummingMap {
public:
  SummingMap(exec::MapOp map, const Places &places)
      : map(map), places(places), results(map.getTensors().take_front(map.getOutputs())),
        inputs(map.getTensors().drop_front(map.getOutputs())), sums(results.size()) {}

  /// Whether the runtime function takes such a map, and saves something.
  bool fits() const;
  void attach();

private:
  bool attach(exec::LinearWeightGradOp op);
  /// The result that `x` is, or none.
  std::optional<unsigned> resultOf(Value x) const;
  /// Whether `op`, which reads a result as `x`, may as well stand where the map does.
  bool canMove(Operation *op, Value x, Value grad, Value thin) const;
  bool isReadOn(Value result) const;
  /// Places that the map names from now on stand before it.
  void hoist(Value place);
  void replace();

  exec::MapOp map;
  const Places &places;
  ValueRange results, inputs;
  SmallVector<std::optional<Sum>> sums; ///< by result
  llvm::SetVector<Operation *> attached;
};

bool SummingMap::fits() const {
  llvm::SmallDenseSet<Value> distinct(inputs.begin(), inputs.end());
  MemRefType first = typeOf(results.front());
  if (results.size() > Op::maxResults || distinct.empty() || distinct.size() > Op::maxInputs ||
      first.getRank() < 2 ||
      !isWorth(first.getNumElements() / first.getShape().back(), first.getShape().back()))
    return false;
  // Sixteen bytes at a time.
  auto isAligned = [](Value place) {
    return columnsOf(place) % 8 == 0 && columnsIn(place).first % 8 == 0 &&
           exec::rowStride(typeOf(place)) % 8 == 0;
  };
  auto isLocal = [&](Value result) {
    auto buffer = wholeOf(result).getDefiningOp<exec::BufferOp>();
    return buffer && buffer->getBlock() == map->getBlock();
  };
  ValueRange tensors = map->getOperands();
  return llvm::all_of(tensors,
                      [&](Value place) {
                        return typeOf(place).getElementType().isBF16() &&
                               typeOf(place).getShape() == first.getShape() && isAligned(place);
                      }) &&
         llvm::all_of(results, isLocal);
}

std::optional<unsigned> SummingMap::resultOf(Value x) const {
  for (auto [i, result] : llvm::enumerate(results))
    if (wholeOf(result) == wholeOf(x) && columnsIn(result) == columnsIn(x) &&
        typeOf(result).getShape() == typeOf(x).getShape())
      return i;
  return std::nullopt;
}

bool SummingMap::canMove(Operation *op, Value x, Value grad, Value thin) const {
  for (Operation *at = op->getPrevNode(); at != map; at = at->getPrevNode())
    if (!exec::isPlace(at) && !attached.contains(at) &&
        (places.writes(at, thin) || places.writes(at, x) || places.touches(at, grad)))
      return false;
  auto isApart = [&](Operation *at) { return !places.writes(at, thin) && !places.touches(at, grad); };
  return isApart(map) && llvm::all_of(attached, isApart);
}

bool SummingMap::attach(exec::LinearWeightGradOp op) {
  for (auto [wide, thin] : {std::pair(op.getDy(), op.getX()), std::pair(op.getX(), op.getDy())}) {
    std::optional<unsigned> i = resultOf(wide);
    if (!i || columnsOf(thin) > Op::maxRank || sums[*i] || !canMove(op, wide, op.getSum(), thin))
      continue;
    hoist(op.getSum());
    hoist(thin);
    sums[*i] = {op.getSum(), thin, float(op.getAlpha().convertToDouble())};
    return true;
  }
  return false;
}

void SummingMap::attach() {
  SmallVector<exec::LinearWeightGradOp> candidates;
  for (Value result : results)
    forEachUser(wholeOf(result), [&](Operation *user) {
      auto op = dyn_cast<exec::LinearWeightGradOp>(user);
      if (op && op->getBlock() == map->getBlock() && map->isBeforeInBlock(op) &&
          !llvm::is_contained(candidates, op))
        candidates.push_back(op);
    });
  llvm::sort(candidates, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  for (exec::LinearWeightGradOp op : candidates)
    if (attach(op))
      attached.insert(op);
  if (!attached.empty())
    replace();
}

bool SummingMap::isReadOn(Value result) const {
  bool isRead = false;
  forEachUser(wholeOf(result), [&](Operation *user) {
    Operation *ancestor = map->getBlock()->findAncestorOpInBlock(*user);
    isRead |= !attached.contains(user) && map->isBeforeInBlock(ancestor) && places.touches(user, result);
  });
  return isRead;
}

void SummingMap::hoist(Value place) {
  Operation *def = place.getDefiningOp();
  if (!def || def->getBlock() != map->getBlock() || def->isBeforeInBlock(map))
    return;
  for (Value source : def->getOperands())
    hoist(source);
  def->moveBefore(map);
}

void SummingMap::replace() {
  SmallVector<Value> grads, stored, thins;
  SmallVector<int64_t> storedOf, gradOf;
  SmallVector<float> scales;
  for (auto [i, result] : llvm::enumerate(results)) {
    if (const auto &sum = sums[i])
      gradOf.push_back(i), grads.push_back(sum->grad), thins.push_back(sum->thin),
          scales.push_back(sum->scale);
    if (isReadOn(result))
      storedOf.push_back(i), stored.push_back(result);
  }
  OpBuilder builder(map);
  auto summing =
      builder.create<Op>(map.getLoc(), grads, stored, thins, inputs, map.getBody(), storedOf, gradOf, scales);
  if (map->hasAttr(backwardMark))
    summing->setAttr(backwardMark, builder.getUnitAttr());
  // Where the backward part began with a sum that has moved, it begins with what is next now.
  for (Operation *op : attached)
    if (op->hasAttr(backwardMark)) {
      Operation *next = op->getNextNode();
      while (next && (attached.contains(next) || !isa<exec::RuntimeCallOpInterface, exec::ChunksOp>(next)))
        next = next->getNextNode();
      (next ? next : summing)->setAttr(backwardMark, builder.getUnitAttr());
    }
  for (Operation *op : attached)
    op->erase();
  map.erase();
}

struct AttachWeightGrads : peft::impl::AttachWeightGradsPassBase<AttachWeightGrads> {
  using AttachWeightGradsPassBase::AttachWeightGradsPassBase;

  void runOnOperation() override {
    if (target != "cuda")
      return;
    const Places places(getOperation());
    SmallVector<exec::MapOp> maps;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isPrivate())
        function.walk([&](exec::MapOp map) { maps.push_back(map); });
    for (exec::MapOp map : maps)
      if (SummingMap summing(map, places); summing.fits())
        summing.attach();
  }
};

} // namespace
