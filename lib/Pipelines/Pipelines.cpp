//===- Pipelines.cpp - the levels as named pipelines ----------------------===//

#include "peft/Pipelines/Pipelines.h"

#include "passes/Adapt/Passes.h"
#include "passes/Budget/Passes.h"
#include "passes/Differentiate/Passes.h"
#include "passes/Emit/Passes.h"
#include "passes/Fuse/Passes.h"
#include "passes/Plan/Passes.h"

#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace peft;

//===----------------------------------------------------------------------===//
// peft-train: adapted -> training
//===----------------------------------------------------------------------===//

void peft::buildTrainPipeline(OpPassManager &pm, const TrainOptions &options) {
  // Reverse mode wants one reader to be one reader: merge what is equal first.
  pm.addPass(createCSEPass());
  // While what a group shares is still one value, and before its gradients are many.
  GroupLinearsPassOptions group;
  group.frozen = options.fuseProjections;
  pm.addPass(createGroupLinearsPass(group));
  if (options.fuseProjections) {
    BorderLinearsPassOptions border;
    border.f32 = true; // who asks for it there gets it
    pm.addPass(createBorderLinearsPass(border));
    pm.addPass(createMergeRopesPass());
  }
  pm.addPass(createDifferentiatePass());
  // From here on @loss is only what the other entry functions are made of.
  DeriveEntriesPassOptions derive;
  derive.optimizer = options.optimizer;
  pm.addPass(createDeriveEntriesPass(derive));
  // Drops forward values that only an unwanted cotangent would have read, so that
  // they are not taken for values to keep.
  pm.addPass(createCSEPass());
  // After CSE, which would undo it.
  RecomputePassOptions recompute;
  recompute.keepLayers = options.keepCheap;
  pm.addPass(createRecomputePass(recompute));
  pm.addPass(createVerifyTrainingPass());
}

//===----------------------------------------------------------------------===//
// peft-fuse: fewer passes over memory
//===----------------------------------------------------------------------===//

void peft::buildFusePipeline(OpPassManager &pm, const FuseOptions &options) {
  // First, while the head is still ops that work row by row.
  ChunkHeadPassOptions head;
  head.chunk = options.headChunk;
  pm.addPass(createChunkHeadPass(head));
  // Sums into products and norms, before what is left of the sums becomes elementwise.
  pm.addPass(createFuseLinearAddPass());
  pm.addPass(createFuseNormGradPass());
  pm.addPass(createFuseCrossEntropyPass());
  pm.addPass(createFuseElementwisePass());
  pm.addPass(createMergeElementwisePass());
}

//===----------------------------------------------------------------------===//
// peft-place: training -> scheduled
//===----------------------------------------------------------------------===//

void peft::buildPlanPipeline(OpPassManager &pm, const PlanOptions &options) {
  FitMemoryPassOptions fit;
  fit.memory = options.memory;
  fit.target = options.target;
  fit.offload = options.offload;
  fit.deterministic = options.deterministic;
  pm.addPass(createFitMemoryPass(fit));
  buildPlanningPasses(pm, options.target, options.deterministic);
  // While each entry function is one line: lifetimes can still be checked.
  pm.addPass(createVerifyScheduledPass());
}

void peft::buildEmitPipeline(OpPassManager &pm) {
  pm.addPass(createOutlinePass());
  pm.addPass(createEmitPass());
}

void peft::registerPipelines() {
  PassPipelineRegistration<TrainOptions>(
      "peft-train", "adapted -> training: differentiate, derive the entry functions", buildTrainPipeline);
  PassPipelineRegistration<FuseOptions>("peft-fuse", "within the training level: fewer passes over memory",
                                        buildFusePipeline);
  PassPipelineRegistration<PlanOptions>(
      "peft-place", "training -> scheduled: runtime calls, every buffer placed", buildPlanPipeline);
  PassPipelineRegistration<>("peft-finish", "scheduled -> emitted: outline equal layers, emitc",
                             [](OpPassManager &pm) { buildEmitPipeline(pm); });
}
