//===- Pipelines.h - the levels as named pipelines ------------------------===//
//
// One pipeline a level. peftc runs them one after another on one module; peft-opt
// runs any of them on a file: the same passes in the same order.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_PIPELINES_PIPELINES_H
#define PEFT_PIPELINES_PIPELINES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace peft {

struct TrainOptions : mlir::PassPipelineOptions<TrainOptions> {
  Option<std::string> optimizer{*this, "optimizer", llvm::cl::desc("adamw or sgd"), llvm::cl::init("adamw")};
  Option<int64_t> keepCheap{
      *this, "keep-cheap",
      llvm::cl::desc("in how many layers, from the first on, cheap values are kept if it costs a pass to "
                     "compute them again"),
      llvm::cl::init(0)};
  Option<bool> fuseProjections{*this, "fuse-projections",
                               llvm::cl::desc("q, k and v as one product, gate and up, and adapters within"),
                               llvm::cl::init(false)};
};

struct FuseOptions : mlir::PassPipelineOptions<FuseOptions> {
  Option<int64_t> headChunk{*this, "head-chunk", llvm::cl::desc("labelled rows of the head at a time"),
                            llvm::cl::init(256)};
};

struct PlanOptions : mlir::PassPipelineOptions<PlanOptions> {
  Option<std::string> target{*this, "target", llvm::cl::desc("cpu or cuda"), llvm::cl::init("cpu")};
  Option<bool> deterministic{*this, "deterministic", llvm::cl::desc("on a gpu: the same bits in every run"),
                             llvm::cl::init(true)};
  Option<std::string> offload{*this, "offload", llvm::cl::desc("auto, on or off"), llvm::cl::init("auto")};
  Option<std::string> memory{*this, "memory", llvm::cl::desc("budget of the arena: 24GiB, 800MiB or bytes"),
                             llvm::cl::init("")};
};

/// adapted -> training: the joint graph, the entry functions.
void buildTrainPipeline(mlir::OpPassManager &pm, const TrainOptions &options);
/// Within the training level: fewer passes over memory.
void buildFusePipeline(mlir::OpPassManager &pm, const FuseOptions &options);
/// training -> scheduled: runtime calls, every buffer placed.
void buildPlanPipeline(mlir::OpPassManager &pm, const PlanOptions &options);
/// scheduled -> emitted: equal layers are one function; emitc.
void buildEmitPipeline(mlir::OpPassManager &pm);

/// For TrainOptions::keepCheap: in how many layers `plan.memory` has room for what is computed again
/// otherwise though it costs little (norms). `train` is tried out. Planned for each answer that is weighed:
/// some 0.2 s for 8B. On a CPU 0, as nothing is gained.
int64_t layersToKeep(mlir::ModuleOp adapted, TrainOptions &train, FuseOptions &fuse, const PlanOptions &plan);

void registerPipelines();
void registerAllPasses();
void registerAllDialects(mlir::DialectRegistry &registry);

} // namespace peft

#endif // PEFT_PIPELINES_PIPELINES_H
