//===- Search.cpp - which values to keep under a budget -------------------===//

#include "passes/Budget/Search.h"

#include "dialects/Peft/Peft.h"
#include "passes/Differentiate/Passes.h"
#include "passes/Plan/Passes.h"
#include "peft/Support/Locations.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

#include <tuple>

using namespace mlir;
using namespace peft;

void peft::buildPlanningPasses(OpPassManager &pm, StringRef target, bool deterministic) {
  pm.addPass(createRematerializePass());
  pm.addPass(createSchedulePass());
  AttachWeightGradsPassOptions grads;
  grads.target = target.str();
  pm.addPass(createAttachWeightGradsPass(grads));
  PlanPassOptions plan;
  plan.target = target.str();
  plan.deterministic = deterministic;
  pm.addPass(createPlanPass(plan));
}

OwningOpRef<ModuleOp> peft::planned(ModuleOp module, StringRef target, bool deterministic) {
  OwningOpRef<ModuleOp> copy = module.clone();
  PassManager pm(module.getContext());
  pm.enableVerifier(false); // of what these passes make; the real module is verified
  buildPlanningPasses(pm, target, deterministic);
  if (failed(pm.run(*copy)))
    return nullptr;
  return copy;
}

std::optional<uint64_t> peft::plannedArena(ModuleOp module, StringRef target, bool deterministic) {
  OwningOpRef<ModuleOp> copy = planned(module, target, deterministic);
  if (!copy)
    return std::nullopt;
  return uint64_t((*copy)->getAttrOfType<DictionaryAttr>("exec.layout").getAs<IntegerAttr>("arena").getInt());
}

/// Whether `op` is where a branch's products are added to the residual stream.
static bool makesHiddenState(Operation *op) {
  if (isa<train::ElementwiseOp>(op))
    return true;
  if (auto bordered = dyn_cast_or_null<nn::BorderedLinearOp>(op))
    return bordered.getAcc() != nullptr;
  Operation *first = op;
  while (isa_and_nonnull<nn::LinearAddOp, adapter::QuantizedLinearAddOp>(first))
    first = first->getOperand(0).getDefiningOp();
  return first != op && !isa_and_nonnull<nn::LinearOp, adapter::QuantizedLinearOp>(first);
}

/// The module of the model without what comes before its number in the stack of layers: "mlp.gate_proj" for
/// its output, "after mlp" for the hidden state.
static std::string nameInLayer(Operation *op) {
  StringRef key = moduleKey(op->getLoc());
  if (auto rope = dyn_cast<nn::RopeOp>(op))
    if (Operation *rotated = rope.getX().getDefiningOp()) {
      if (!isa<nn::SplitColumnsOp>(rotated))
        return nameInLayer(rotated);
      unsigned i = cast<OpResult>(rope.getX()).getResultNumber();
      key = moduleKey(partLocation(rotated->getLoc(), i, rotated->getNumResults()));
    }
  if (isa<nn::LinearOp, nn::LinearAddOp, nn::BorderedLinearOp>(
          op)) // by its weight: an adapter's products belong to the layer's module too
    if (auto get = op->getOperand(isa<nn::LinearOp>(op) ? 1 : 2).getDefiningOp<nn::GetOp>())
      key = get.getParameter().rsplit('.').first;
  StringRef inLayer = key.split("layers.").second.split('.').second;
  StringRef name = !inLayer.empty() ? inLayer : key.empty() ? op->getName().getStringRef() : key;
  if (makesHiddenState(op)) // behind the branch: "mlp" for its last product, mlp.down_proj
    return ("after " + (isa<train::ElementwiseOp>(op) ? name : name.rsplit('.').first)).str();
  return isa<nn::AttentionOp>(op) ? "attention" : name.str();
}

/// The product in whose result, split into columns, an adapter's is added to `op`'s, which may be rotated
/// then. Null if there is none; also where nothing is added: the product's own result is one value, of which
/// the rotated one is made again.
static Operation *wholeProduct(Operation *op) {
  bool isPart = false, isSum = false;
  for (; op; op = op->getOperand(0).getDefiningOp())
    if (isa<nn::SplitColumnsOp>(op))
      isPart = true;
    else if (isa<nn::LinearAddOp, adapter::QuantizedLinearAddOp>(op))
      isSum = true;
    else if (!isa<nn::RopeOp>(op))
      break;
  return isPart && isSum ? op : nullptr;
}

MemorySearch::MemorySearch(ModuleOp module, StringRef target, bool deterministic, bool mayOffload)
    : module(module), target(target), deterministic(deterministic), mayOffload(mayOffload),
      machine(Machine::of(target)), parts(module.lookupSymbol<func::FuncOp>(kMicroStep)) {
  // The n-th of the ops that belong to one module of a layer and have one name.
  llvm::StringMap<unsigned> seen;
  llvm::StringMap<unsigned> byKey;
  llvm::DenseMap<Operation *, unsigned> kindOf; // by product
  for (Operation *op : parts.backward)
    backwardSeconds += secondsOf(op, machine);
  for (Operation *op : parts.forward) {
    forwardSeconds += secondsOf(op, machine);
    std::string name = nameInLayer(op), key = name + ":" + op->getName().getStringRef().str();
    unsigned number = seen[key + "@" + std::to_string(layerOf(op->getLoc()))]++;
    if (!op->getNumResults() || parts.isFree(op->getResult(0)) || !parts.isSaved(op))
      continue;
    Operation *whole = wholeProduct(op);
    auto of = whole ? kindOf.find(whole) : kindOf.end();
    if (of == kindOf.end()) {
      auto [at, isNew] = byKey.try_emplace(key + "#" + std::to_string(number), kinds.size());
      if (isNew)
        kinds.emplace_back();
      kinds[at->second].layers.emplace_back();
      of = kindOf.try_emplace(whole ? whole : op, at->second).first;
    }
    Kind &kind = kinds[of->second];
    if (!llvm::is_contained(kind.names, name))
      kind.names.push_back(name);
    kind.layers.back().push_back(op);
    kind.bytes += parts.savedBytes(op);
  }
}

std::optional<uint64_t> MemorySearch::run(uint64_t budget) {
  std::optional<uint64_t> planned = plannedArena(module, target, deterministic);
  if (!planned)
    return std::nullopt;
  arena = *planned;
  while (arena > budget && step()) {
  }
  if (arena <= budget)
    for (Kind *kind : llvm::reverse(chosen))
      if (kind == chosen.back() || kind->choice == "recompute")
        trim(*kind, kind == chosen.back() ? 0 : kind->marked - 1, budget);
  return arena;
}

std::vector<MemorySearch::Move> MemorySearch::moves(bool mayChange) {
  std::vector<Move> found;
  double before = seconds();
  auto consider = [&](Kind &kind, StringRef choice, unsigned count) {
    auto [oldChoice, oldCount] = std::pair(kind.choice, kind.marked);
    mark(kind, choice, count);
    found.push_back(
        {(seconds() - before) / double(kind.bytes), unsigned(found.size()), &kind, choice, count});
    mark(kind, oldChoice, oldCount);
    return found.back().cost;
  };
  for (Kind &kind : kinds) {
    if (bool(kind.marked) != mayChange)
      continue;
    double again = kind.choice == "recompute" ? 0 : consider(kind, "recompute", kind.layers.size());
    // The last layer's is wanted again at once. Of what crosses the bus for nothing, first what is dear to
    // recompute.
    if (unsigned count = kind.layers.size() - 1; mayOffload && count && kind.choice != "offload") {
      consider(kind, "offload", count);
      found.back().cost -= again / 50;
    }
  }
  llvm::sort(found, [](const Move &a, const Move &b) {
    return std::tie(a.cost, a.number) < std::tie(b.cost, b.number);
  });
  return found;
}

bool MemorySearch::step() {
  for (bool mayChange : {false, true})
    for (const Move &move : moves(mayChange)) {
      auto [choice, count] = std::pair(move.kind->choice, move.kind->marked);
      mark(*move.kind, move.choice, move.count);
      if (std::optional<uint64_t> planned = plannedArena(module, target, deterministic);
          planned && *planned < arena) {
        arena = *planned;
        llvm::erase(chosen, move.kind);
        chosen.push_back(move.kind);
        return true;
      }
      mark(*move.kind, choice, count);
    }
  return false;
}

void MemorySearch::trim(Kind &kind, unsigned least, uint64_t budget) {
  unsigned enough = kind.marked;
  while (least < enough) {
    unsigned next = least + (enough - least) / 2;
    mark(kind, kind.choice, next);
    std::optional<uint64_t> planned = plannedArena(module, target, deterministic);
    if (planned && *planned <= budget) {
      enough = next;
      arena = *planned;
    } else {
      least = next + 1;
    }
  }
  mark(kind, kind.choice, enough);
}

void MemorySearch::mark(Kind &kind, StringRef choice, unsigned count) {
  kind.choice = choice;
  kind.marked = count;
  auto mark = StringAttr::get(module.getContext(), choice);
  for (auto [i, ops] : llvm::enumerate(kind.layers))
    for (Operation *op : ops)
      if (i < count)
        op->setAttr(kKeep, mark);
      else
        op->removeAttr(kKeep);
}

double MemorySearch::seconds() const {
  auto sum = [&](ArrayRef<Operation *> ops) {
    double seconds = 0;
    for (Operation *op : ops)
      seconds += secondsOf(op, machine);
    return seconds;
  };
  double again = sum(parts.recomputed()), copies = 0, bytes = 0;
  for (const Kind &kind : kinds)
    if (kind.choice == "offload") {
      bytes += double(kind.bytes) * kind.marked / double(kind.layers.size());
      copies += kind.marked;
    }
  // A copy is hidden as long as there is something to hide behind; it takes the memory's bandwidth all the
  // same, and other ops wait for it to begin and to end.
  double bus = bytes / machine.link + copies * machine.latency;
  double shown =
      std::max(0.0, bus - 0.9 * forwardSeconds) + std::max(0.0, bus - 0.9 * (backwardSeconds + again));
  return again + shown + 2 * bytes / machine.bandwidth + copies * machine.latency / 2;
}

std::vector<std::string> MemorySearch::describe() const {
  std::vector<std::pair<std::string, SmallVector<StringRef>>> byLayers; // "recomputed: layers 0-30"
  for (const Kind &kind : kinds) {
    if (!kind.marked)
      continue;
    auto layerAt = [&](unsigned i) { return layerOf(kind.layers[i].front()->getLoc()); };
    int64_t first = layerAt(0), last = layerAt(kind.marked - 1);
    std::string layers = kind.choice == "offload" ? "offloaded: " : "recomputed: ";
    layers += first < 0       ? "outside of layers"
              : first == last ? "layer " + std::to_string(first)
                              : "layers " + std::to_string(first) + "-" + std::to_string(last);
    auto at = llvm::find_if(byLayers, [&](auto &entry) { return entry.first == layers; });
    if (at == byLayers.end())
      at = byLayers.insert(at, {layers, {}});
    for (StringRef name : kind.names)
      if (!llvm::is_contained(at->second, name))
        at->second.push_back(name);
  }
  std::vector<std::string> lines;
  for (auto &[layers, names] : byLayers)
    lines.push_back(layers + ": " + llvm::join(names, ", "));
  return lines;
}
