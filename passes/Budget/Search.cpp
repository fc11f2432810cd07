//===- Search.cpp - which values to keep under a budget -------------------===//

#include "passes/Budget/Search.h"

#include "passes/Differentiate/Passes.h"
#include "passes/Plan/Passes.h"
#include "peft/Support/Locations.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace peft;

std::optional<uint64_t> peft::plannedArena(ModuleOp module, StringRef target) {
  OwningOpRef<ModuleOp> copy = module.clone();
  PassManager pm(module.getContext());
  pm.enableVerifier(false); // of what these passes make; the real module is verified
  pm.addPass(createRematerializePass());
  pm.addPass(createSchedulePass());
  PlanPassOptions plan;
  plan.target = target.str();
  pm.addPass(createPlanPass(plan));
  if (failed(pm.run(*copy)))
    return std::nullopt;
  return uint64_t((*copy)->getAttrOfType<DictionaryAttr>("exec.layout").getAs<IntegerAttr>("arena").getInt());
}

/// The module of the model without what comes before its number in the stack of layers.
static std::string nameInLayer(Operation *op) {
  StringRef key = moduleKey(op->getLoc()), after = key.split("layers.").second;
  after = after.split('.').second;
  return (after.empty() ? key.empty() ? op->getName().getStringRef() : key : after).str();
}

MemorySearch::MemorySearch(ModuleOp module, StringRef target)
    : module(module), target(target), machine(Machine::of(target)), parts(module.lookupSymbol<func::FuncOp>(kMicroStep)) {
  // The n-th of the ops that belong to one module of a layer and have one name.
  llvm::StringMap<unsigned> seen;
  llvm::StringMap<unsigned> byKey;
  for (Operation *op : parts.forward) {
    std::string name = nameInLayer(op), key = name + ":" + op->getName().getStringRef().str();
    unsigned number = seen[key + "@" + std::to_string(layerOf(op->getLoc()))]++;
    if (!op->getNumResults() || parts.isFree(op->getResult(0)) || !parts.isSaved(op))
      continue;
    auto [at, isNew] = byKey.try_emplace(key + "#" + std::to_string(number), kinds.size());
    if (isNew)
      kinds.emplace_back().name = name;
    kinds[at->second].ops.push_back(op);
    kinds[at->second].bytes += resultBytes(op);
  }
}

std::optional<uint64_t> MemorySearch::run(uint64_t budget) {
  std::optional<uint64_t> planned = plannedArena(module, target);
  if (!planned)
    return std::nullopt;
  arena = *planned;
  while (arena > budget && step()) {
  }
  if (arena <= budget)
    for (Kind *kind : llvm::reverse(chosen))
      trim(*kind, kind == chosen.back() ? 0 : kind->marked - 1, budget);
  return arena;
}

bool MemorySearch::step() {
  double before = seconds();
  std::vector<std::pair<double, Kind *>> order;
  for (Kind &kind : kinds) {
    if (kind.marked)
      continue;
    mark(kind, kind.ops.size());
    kind.seconds = seconds() - before;
    order.push_back({kind.seconds / double(kind.bytes), &kind});
    mark(kind, 0);
  }
  llvm::sort(order); // of two equal ones the one that is computed first
  for (auto [cost, kind] : order) {
    mark(*kind, kind->ops.size());
    if (std::optional<uint64_t> planned = plannedArena(module, target); planned && *planned < arena) {
      arena = *planned;
      chosen.push_back(kind);
      return true;
    }
    mark(*kind, 0);
  }
  return false;
}

void MemorySearch::trim(Kind &kind, unsigned least, uint64_t budget) {
  unsigned enough = kind.marked;
  while (least < enough) {
    unsigned next = least + (enough - least) / 2;
    mark(kind, next);
    std::optional<uint64_t> planned = plannedArena(module, target);
    if (planned && *planned <= budget) {
      enough = next;
      arena = *planned;
    } else {
      least = next + 1;
    }
  }
  mark(kind, enough);
}

void MemorySearch::mark(Kind &kind, unsigned count) {
  kind.marked = count;
  auto choice = StringAttr::get(module.getContext(), "recompute");
  for (auto [i, op] : llvm::enumerate(kind.ops))
    if (i < count)
      op->setAttr(kKeep, choice);
    else
      op->removeAttr(kKeep);
}

double MemorySearch::seconds() const {
  double seconds = 0;
  for (Operation *op : parts.recomputed())
    seconds += secondsOf(op, machine);
  return seconds;
}

std::vector<std::string> MemorySearch::describe() const {
  std::vector<std::pair<std::string, SmallVector<StringRef>>> byLayers; // "layers 0-30"
  for (const Kind &kind : kinds) {
    if (!kind.marked)
      continue;
    int64_t first = layerOf(kind.ops.front()->getLoc()), last = layerOf(kind.ops[kind.marked - 1]->getLoc());
    std::string layers = first < 0       ? "outside of layers"
                         : first == last ? "layer " + std::to_string(first)
                                         : "layers " + std::to_string(first) + "-" + std::to_string(last);
    auto at = llvm::find_if(byLayers, [&](auto &entry) { return entry.first == layers; });
    if (at == byLayers.end())
      at = byLayers.insert(at, {layers, {}});
    if (!llvm::is_contained(at->second, kind.name))
      at->second.push_back(kind.name);
  }
  std::vector<std::string> lines;
  for (auto &[layers, names] : byLayers)
    lines.push_back(layers + ": " + llvm::join(names, ", "));
  return lines;
}
