//===- KeepCheap.cpp - what a budget has room for -------------------------===//

#include "passes/Budget/Search.h"
#include "peft/Pipelines/Pipelines.h"
#include "peft/Support/Bytes.h"
#include "peft/Support/Locations.h"

using namespace mlir;
using namespace peft;

int64_t peft::layersToKeep(ModuleOp adapted, TrainOptions &train, FuseOptions &fuse,
                           const PlanOptions &plan) {
  if (plan.memory.empty() || plan.target != "cuda")
    return 0;
  llvm::Expected<uint64_t> budget = parseBytes(plan.memory);
  if (!budget)
    return llvm::consumeError(budget.takeError()), 0; // peft-fit-memory says why
  auto fits = [&](int64_t layers) {
    OwningOpRef<ModuleOp> module = adapted.clone();
    train.keepCheap = layers;
    PassManager pm(module->getContext());
    buildTrainPipeline(pm, train);
    buildFusePipeline(pm, fuse);
    if (failed(pm.run(*module)))
      return false;
    std::optional<uint64_t> arena = plannedArena(*module, plan.target, plan.deterministic);
    return arena && *arena <= *budget;
  };
  int64_t layers = 1;
  adapted.walk([&](Operation *op) { layers = std::max(layers, layerOf(op->getLoc()) + 1); });
  if (fits(layers))
    return layers;
  if (!fits(1))
    return 0;
  int64_t most = 1; // that fits
  while (layers - most > 1) {
    int64_t between = most + (layers - most) / 2;
    (fits(between) ? most : layers) = between;
  }
  return most;
}
