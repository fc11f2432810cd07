//===- Recipe.h - what is to be trained, and how ----------------*- C++ -*-===//
//
// A recipe is the file that users already have (HF PEFT's adapter_config.json,
// AdapterHub's for bottleneck adapters) or a few flags. It names no tensor: which
// modules it meets is decided against a model, in Matching.h. Reading one never
// touches a model, a context or MLIR.
//
// Errors are one line: the file or flag, the key, what was expected, what was got.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RECIPE_RECIPE_H
#define PEFT_RECIPE_RECIPE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace peft {

/// How PEFT names modules: nothing, one regular expression for whole names, or a
/// list of names that match their own module and every one that ends in ".NAME".
struct ModulePattern {
  enum class Kind { none, regex, list, allLinear } kind = Kind::none;
  std::string regex;
  std::vector<std::string> names;

  explicit operator bool() const { return kind != Kind::none; }
};

struct LoraRecipe {
  enum class Bias { none, all, loraOnly };
  enum class Init { standard, gaussian, random }; ///< init_lora_weights true, "gaussian", false

  int64_t r = 8;
  double alpha = 8.0;
  double dropout = 0.0;
  bool rslora = false;   ///< scale alpha / sqrt(r) instead of alpha / r
  bool loraBias = false; ///< a bias in B
  Bias bias = Bias::none;
  Init init = Init::standard;
  ModulePattern targets; ///< none: the model type's default, as PEFT has it
  ModulePattern exclude;
  std::vector<int64_t> layers; ///< layers_to_transform; empty: all
  std::vector<std::string> layersPattern;
  std::vector<std::pair<std::string, int64_t>> rankPattern; ///< in the file's order: the first match counts
  std::vector<std::pair<std::string, double>> alphaPattern;
  std::vector<std::string> modulesToSave;
  /// Embedding (by a name that its module ends in) and the token ids that get rows of their own.
  std::vector<std::pair<std::string, std::vector<int32_t>>> trainableTokens;
  bool tokensByName = false; ///< the file names the embedding, rather than a mere list of ids
};

struct PromptRecipe {
  int64_t tokens = 0;
  int64_t width = 0; ///< token_dim; 0: the model's
};

/// AdapterHub's Pfeiffer adapter (seq_bn): after the feed-forward branch only.
struct BottleneckRecipe {
  double reduction = 16.0;
  std::string activation = "relu"; ///< relu, gelu, gelu_new, swish, silu or tanh
  double scale = 1.0;
  std::string name = "default"; ///< the adapter's, a part of its keys
  std::vector<int64_t> leaveOut;
};

struct QuantizeRecipe {
  enum class Kind { nf4, fp8 } kind = Kind::nf4;
  int64_t block = 64; ///< of nf4
  int64_t nested = 0; ///< 256 with double quantization
};

/// What is trained of the model itself, when no adapter is asked for.
struct TrainRecipe {
  enum class Kind { full, bias, regex } kind = Kind::full;
  std::string regex; ///< searched in parameter names
};

/// Exactly one of lora, prompt, bottleneck and train is set.
struct Recipe {
  std::optional<LoraRecipe> lora;
  std::optional<PromptRecipe> prompt;
  std::optional<BottleneckRecipe> bottleneck;
  std::optional<TrainRecipe> train;
  std::optional<QuantizeRecipe> quantize;
  std::string origin;                ///< the file or flag, for messages
  std::vector<std::string> warnings; ///< what was ignored, one line each
};

/// The command line's form of a recipe; empty strings were not given.
struct RecipeFlags {
  std::string file; ///< PATH of an adapter_config.json, or of its folder
  std::string lora; ///< r=16,alpha=32,targets=all-linear|q_proj+v_proj|/regex/,dropout=0.05,rslora,bias=none
  std::string promptTuning; ///< tokens=8
  std::string bottleneck;   ///< reduction=16,activation=relu
  std::string method;       ///< full | bias | regex:PATTERN
  std::string quantize;     ///< nf4 | nf4,double | fp8 | none
};

llvm::Expected<Recipe> buildRecipe(const RecipeFlags &flags);

/// PEFT's LORA and PROMPT_TUNING, AdapterHub's bottleneck. `where` names the text in messages.
llvm::Expected<Recipe> parseRecipeFile(llvm::StringRef path);
llvm::Expected<Recipe> parseRecipeText(llvm::StringRef text, llvm::StringRef where);

llvm::Expected<LoraRecipe> parseLoraFlag(llvm::StringRef text);
llvm::Expected<PromptRecipe> parsePromptTuningFlag(llvm::StringRef text);
llvm::Expected<BottleneckRecipe> parseBottleneckFlag(llvm::StringRef text);
llvm::Expected<TrainRecipe> parseMethodFlag(llvm::StringRef text);
llvm::Expected<std::optional<QuantizeRecipe>> parseQuantizeFlag(llvm::StringRef text);

} // namespace peft

#endif // PEFT_RECIPE_RECIPE_H
