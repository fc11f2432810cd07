//===- InitAll.cpp - every dialect and pass of the project ----------------===//

#include "dialects/Exec/Exec.h"
#include "dialects/Peft/Peft.h"
#include "dialects/Train/Train.h"
#include "passes/Adapt/Passes.h"
#include "passes/Budget/Passes.h"
#include "passes/Differentiate/Passes.h"
#include "passes/Emit/Passes.h"
#include "passes/Fuse/Passes.h"
#include "passes/Plan/Passes.h"
#include "peft/Pipelines/Pipelines.h"

#include "mlir/Transforms/Passes.h"

using namespace mlir;

void peft::registerAllDialects(DialectRegistry &registry) {
  registry.insert<nn::NNDialect, adapter::PeftDialect, train::TrainDialect, exec::ExecDialect,
                  arith::ArithDialect, func::FuncDialect, emitc::EmitCDialect>();
  registerArithInterfaces(registry);
}

void peft::registerAllPasses() {
  registerPeftAdaptPasses();
  registerPeftDifferentiatePasses();
  registerPeftFusePasses();
  registerPeftBudgetPasses();
  registerPeftPlanPasses();
  registerPeftEmitPasses();
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  registerAdaptPipeline();
  registerPipelines();
}
