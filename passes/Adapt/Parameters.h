//===- Parameters.h - adding and reading parameters, names of marks -*- C++ -*-===//
#ifndef PEFT_PASSES_ADAPT_PARAMETERS_H
#define PEFT_PASSES_ADAPT_PARAMETERS_H

#include "passes/Adapt/Passes.h"
#include "peft/Recipe/Matching.h"

namespace peft::adapt {

// Marks that peft-apply-recipe leaves, each removed by the pass that obeys it.
constexpr llvm::StringLiteral loraMark = "peft.lora";
constexpr llvm::StringLiteral tokensMark = "peft.trainable_tokens";
constexpr llvm::StringLiteral bottleneckMark = "peft.bottleneck";
constexpr llvm::StringLiteral promptMark = "peft.soft_prompt";
constexpr llvm::StringLiteral saveMark = "peft.modules_to_save";
constexpr llvm::StringLiteral quantizeMark = "peft.quantize";
constexpr llvm::StringLiteral trainMark = "peft.train";
// What stays on the module for later levels.
constexpr llvm::StringLiteral recipeAttr = "peft.recipe";
constexpr llvm::StringLiteral virtualTokensAttr = "nn.virtual_tokens";

/// The prefix that PEFT gives to the keys of what it wraps.
constexpr llvm::StringLiteral peftPrefix = "base_model.model.";

struct Initial {
  nn::Init init = nn::Init::zeros;
  std::optional<double> value = std::nullopt; ///< bound or deviation
};

/// Adds float32 parameters of adapters to a module, each marked to be trained.
class ParameterAdder {
public:
  explicit ParameterAdder(mlir::ModuleOp module);

  /// A new parameter in front of the functions; an error at `loc` if the name is taken
  /// by another than this adder made.
  nn::ParameterOp add(mlir::Location loc, const llvm::Twine &name, llvm::ArrayRef<int64_t> shape,
                      Initial initial);

  /// Its value, as elements of `element`.
  static mlir::Value read(mlir::OpBuilder &builder, mlir::Location loc, nn::ParameterOp parameter,
                          mlir::Type element);

private:
  mlir::SymbolTable symbols;
  mlir::OpBuilder builder;
  llvm::DenseSet<mlir::Operation *> added;
};

/// "model.layers.0.mlp" of "model.layers.0.mlp.weight".
llvm::StringRef parentName(llvm::StringRef name);

/// The module of the model that reads a parameter at this use: the op's own, or
/// that of the key.
llvm::StringRef readingModule(mlir::OpOperand &use);

/// The function's seed, its last argument; null after an error at `op`.
mlir::Value seedOf(mlir::Operation *op);

/// Element type and dimensions of a ranked tensor value.
mlir::RankedTensorType tensorType(mlir::Value value);

/// Attributes and modules of the IR, as recipes want them.
ModelInfo modelInfo(mlir::ModuleOp module);

} // namespace peft::adapt

#endif // PEFT_PASSES_ADAPT_PARAMETERS_H
