//===- Offload.cpp - values that wait in the host's memory ----------------===//
//
// saved x -> h = offload x; ...; await x; ...; y = fetch h; ...; await y
//
// One copy crosses the bus at a time. Forwards, `await x` stands where the copy has ended by
// the clock of the cost model, at the end of its layer at the latest: the buffer is free from
// there. Backwards, `fetch` stands as late as lets the copy end before the first reader, at
// the begin of the layer that runs before at the earliest. Layers that cost the same get the
// same places, and stay equal.
//
//===----------------------------------------------------------------------===//

#include "passes/Budget/Offload.h"

#include "passes/Differentiate/Passes.h"
#include "peft/Support/Locations.h"

using namespace mlir;
using namespace peft;

namespace {

class Offloading {
public:
  Offloading(func::FuncOp step, const Machine &machine) : parts(step), machine(machine) {
    double clock = 0;
    for (Operation &op : step.getBody().front()) {
      if (op.getNumResults() && parts.isFree(op.getResult(0)))
        continue;
      start[&op] = clock;
      clock += secondsOf(&op, machine);
    }
    backward.insert(parts.backward.begin(), parts.backward.end());
  }

  void run() {
    SmallVector<Crossing> crossings;
    for (Operation *op : parts.forward) {
      if (!isMarked(op, "offload"))
        continue;
      op->removeAttr(kKeep);
      for (Value value : op->getResults())
        if (Operation *reader = firstReader(value))
          crossings.push_back({value, store(value), reader, unsigned(crossings.size())});
    }
    // The last one needed is placed first: it may begin before the others only if they leave it no time.
    llvm::sort(crossings, [](auto &a, auto &b) {
      return a.reader == b.reader ? a.number > b.number : b.reader->isBeforeInBlock(a.reader);
    });
    for (Crossing &crossing : crossings)
      fetch(crossing);
  }

private:
  struct Crossing {
    Value value, host;
    Operation *reader;
    unsigned number;
  };

  double seconds(Value value) const { return double(valueBytes(value)) / machine.link + machine.latency; }

  /// The next op that takes time.
  Operation *next(Operation *op) const {
    do
      op = op->getNextNode();
    while (op && !start.contains(op) && !op->hasTrait<OpTrait::IsTerminator>());
    return op;
  }
  Operation *previous(Operation *op) const {
    do
      op = op->getPrevNode();
    while (op && !start.contains(op));
    return op;
  }

  Operation *ancestor(Operation *user) const {
    return parts.backward.front()->getBlock()->findAncestorOpInBlock(*user);
  }

  Operation *firstReader(Value value) const {
    Operation *first = nullptr;
    for (Operation *user : value.getUsers())
      if (Operation *reader = ancestor(user);
          backward.contains(reader) && (!first || reader->isBeforeInBlock(first)))
        first = reader;
    return first;
  }

  Value store(Value value) {
    Operation *op = value.getDefiningOp(), *at = next(op);
    Location loc = parts.isForward(at) ? at->getLoc() : op->getLoc();
    auto type = cast<RankedTensorType>(value.getType());
    OpBuilder builder(op->getContext());
    builder.setInsertionPointAfter(op);
    auto offload = builder.create<train::OffloadOp>(
        loc, RankedTensorType::get(type.getShape(), type.getElementType(), builder.getStringAttr("host")),
        value);

    double done = std::max(start[op] + secondsOf(op, machine) + stalled, busFree) + seconds(value);
    busFree = done;
    int64_t layer = layerOf(loc);
    while (parts.isForward(at) && layerOf(at->getLoc()) == layer && start[at] + stalled < done) {
      loc = at->getLoc();
      at = next(at);
    }
    if (start.contains(at))
      stalled = std::max(stalled, done - start[at]);
    builder.setInsertionPoint(at);
    builder.create<train::AwaitOp>(loc, value);
    return offload;
  }

  void fetch(Crossing &crossing) {
    double begin = std::min(start[crossing.reader], busNeeded) - seconds(crossing.value);
    busNeeded = begin;
    Operation *at = crossing.reader;
    int64_t layer = layerOf(at->getLoc());
    for (int others = 0; start[at] > begin;) {
      Operation *before = previous(at);
      if (!before || !backward.contains(before) || (layerOf(before->getLoc()) != layer && others++))
        break;
      at = before;
      layer = layerOf(at->getLoc());
    }
    OpBuilder builder(at);
    auto fetch = builder.create<train::FetchOp>(at->getLoc(), crossing.value.getType(), crossing.host);
    if (at->hasAttr(kBackward)) {
      at->removeAttr(kBackward);
      fetch->setAttr(kBackward, builder.getUnitAttr());
    }
    builder.setInsertionPoint(crossing.reader);
    Value back = builder.create<train::AwaitOp>(crossing.reader->getLoc(), fetch);
    crossing.value.replaceUsesWithIf(
        back, [&](OpOperand &use) { return backward.contains(ancestor(use.getOwner())); });
  }

  StepParts parts;
  Machine machine;
  llvm::DenseSet<Operation *> backward;
  llvm::DenseMap<Operation *, double> start;
  double busFree = 0;       ///< forwards: from when on the next copy can cross
  double stalled = 0;       ///< forwards: for how long ops have waited for copies
  double busNeeded = 1e300; ///< backwards: when the bus must be free for the copies that are placed
};

} // namespace

void peft::offloadMarked(func::FuncOp step, const Machine &machine) { Offloading(step, machine).run(); }
