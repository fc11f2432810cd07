//===- Pipeline.cpp - peft-adapt ------------------------------------------===//
#include "passes/Adapt/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;

void peft::buildAdaptPipeline(OpPassManager &pm, const AdaptOptions &options) {
  // The only pass that knows recipes; the others obey the marks it leaves.
  ApplyRecipePassOptions recipe;
  recipe.recipe = options.recipe;
  recipe.lora = options.lora;
  recipe.promptTuning = options.promptTuning;
  recipe.bottleneck = options.bottleneck;
  recipe.method = options.method;
  recipe.quantize = options.quantize;
  pm.addPass(createApplyRecipePass(recipe));

  // Copies first: what they redirect must still be the model's own ops.
  pm.addPass(createSaveModulesPass());
  pm.addPass(createInsertLoraPass());
  pm.addPass(createInsertTrainableTokensPass());
  pm.addPass(createInsertBottleneckPass());
  pm.addPass(createInsertSoftPromptPass());

  // Marks of trained parameters are still there: those stay dense.
  pm.addPass(createQuantizeBasePass());
  pm.addPass(createFreezePass());

  pm.addPass(createDecomposeAdaptersPass());
  if (options.fuseQuantized)
    pm.addPass(createFuseQuantizedLinearPass());
  pm.addPass(createVerifyAdaptedPass());
}

void peft::registerAdaptPipeline() {
  PassPipelineRegistration<AdaptOptions>("peft-adapt", "imported model to adapted model, by a recipe",
                                         buildAdaptPipeline);
}
