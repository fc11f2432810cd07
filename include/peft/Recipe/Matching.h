//===- Matching.h - which modules of a model a recipe meets -----*- C++ -*-===//
//
// PEFT's rules, with one difference: a listed name that matches nothing is an
// error that lists near names, where PEFT stays silent.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RECIPE_MATCHING_H
#define PEFT_RECIPE_MATCHING_H

#include "peft/Recipe/Recipe.h"

namespace peft {

enum class ModuleKind { container, linear, embedding, other };

struct ModelModule {
  std::string name;
  ModuleKind kind = ModuleKind::container;
  bool outputHead = false; ///< the linear that makes the logits
};

/// What recipes have to know of a model.
struct ModelInfo {
  std::string path; ///< base_model_name_or_path
  std::string modelType;
  int64_t hiddenSize = 0, layers = 0, heads = 0, vocabSize = 0;
  bool tied = false;                ///< the head reads the embedding's table
  std::vector<ModelModule> modules; ///< sorted by name; containers too
};

struct LoraTarget {
  std::string module;
  ModuleKind kind = ModuleKind::linear;
  int64_t r = 0;
  double scale = 0.0;
};

struct LoraMatch {
  std::vector<LoraTarget> targets;
  std::vector<std::string> save; ///< modules_to_save; never one inside another
  std::vector<std::pair<std::string, std::vector<int32_t>>> tokens; ///< embedding module -> token ids
  std::vector<std::string> warnings;
};

llvm::Expected<LoraMatch> matchLora(const LoraRecipe &recipe, const ModelInfo &model);

/// The targets with all-linear and the model type's default written out.
llvm::Expected<ModulePattern> resolveTargets(const LoraRecipe &recipe, const ModelInfo &model);

/// ", did you mean q_proj or k_proj?", or "" where no candidate is near.
std::string didYouMean(llvm::StringRef name, llvm::ArrayRef<llvm::StringRef> candidates);

/// The same of the model's modules, or which there are.
std::string nearNames(llvm::StringRef name, const ModelInfo &model);

} // namespace peft

#endif // PEFT_RECIPE_MATCHING_H
