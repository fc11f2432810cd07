//===- Passes.h - from an imported model to an adapted one ------*- C++ -*-===//
#ifndef PEFT_PASSES_ADAPT_PASSES_H
#define PEFT_PASSES_ADAPT_PASSES_H

#include "dialects/NN/NN.h"
#include "dialects/Peft/Peft.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassOptions.h"

namespace peft {

#define GEN_PASS_DECL
#include "passes/Adapt/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/Adapt/Passes.h.inc"

/// What `peft-adapt` takes: the options of peft-apply-recipe, and how the base is read.
struct AdaptOptions : mlir::PassPipelineOptions<AdaptOptions> {
  Option<std::string> recipe{*this, "recipe", llvm::cl::desc("adapter_config.json or its folder")};
  Option<std::string> lora{*this, "lora", llvm::cl::desc("r=16,alpha=32,targets=all-linear")};
  Option<std::string> promptTuning{*this, "prompt-tuning", llvm::cl::desc("tokens=8")};
  Option<std::string> bottleneck{*this, "bottleneck", llvm::cl::desc("reduction=16,activation=relu")};
  Option<std::string> method{*this, "method", llvm::cl::desc("full, bias or regex:PATTERN")};
  Option<std::string> quantize{*this, "quantize", llvm::cl::desc("nf4, nf4,double, fp8 or none")};
  Option<bool> fuseQuantized{*this, "fuse-quantized", llvm::cl::desc("form peft.quantized_linear"),
                             llvm::cl::init(true)};
};

/// Imported level to adapted level, see README.md.
void buildAdaptPipeline(mlir::OpPassManager &pm, const AdaptOptions &options);
void registerAdaptPipeline();

} // namespace peft

#endif // PEFT_PASSES_ADAPT_PASSES_H
