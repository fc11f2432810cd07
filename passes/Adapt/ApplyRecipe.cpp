//===- ApplyRecipe.cpp - a recipe to marks on ops and parameters ----------===//
#include "passes/Adapt/Parameters.h"
#include "peft/Recipe/AdapterConfig.h"
#include "peft/Recipe/Regex.h"

namespace peft {
#define GEN_PASS_DEF_APPLYRECIPEPASS
#include "passes/Adapt/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;
using namespace peft::adapt;

namespace {

class RecipeMarker {
public:
  RecipeMarker(ModuleOp module, const Recipe &recipe)
      : module(module), recipe(recipe), info(modelInfo(module)), builder(module.getContext()) {}

  LogicalResult run() {
    LogicalResult marked = recipe.lora         ? markLora(*recipe.lora)
                           : recipe.prompt     ? markPrompt(*recipe.prompt)
                           : recipe.bottleneck ? markBottleneck(*recipe.bottleneck)
                                               : markTrain(*recipe.train);
    if (failed(marked))
      return failure();
    if (const auto &quantize = recipe.quantize) {
      MLIRContext *context = module.getContext();
      module->setAttr(quantizeMark,
                      quantize->kind == QuantizeRecipe::Kind::fp8
                          ? Attribute(adapter::FP8Attr::get(context))
                          : Attribute(adapter::NF4Attr::get(context, quantize->block, quantize->nested)));
    }
    llvm::Expected<std::string> text = adapterConfigJson(recipe, info);
    if (!text)
      return fail(text.takeError());
    if (!text->empty())
      module->setAttr(recipeAttr, builder.getStringAttr(*text));
    return success();
  }

private:
  LogicalResult fail(llvm::Error error) { return fail(llvm::toString(std::move(error))); }
  LogicalResult fail(const Twine &message) {
    return emitError(module.getLoc()) << recipe.origin << ": " << message;
  }

  LogicalResult markLora(const LoraRecipe &lora) {
    llvm::Expected<LoraMatch> match = matchLora(lora, info);
    if (!match)
      return fail(match.takeError());
    for (const std::string &warning : match->warnings)
      emitWarning(module.getLoc()) << recipe.origin << ": " << warning;

    llvm::StringMap<adapter::LoraAttr> targets;
    StringRef init = lora.init == LoraRecipe::Init::standard   ? "default"
                     : lora.init == LoraRecipe::Init::gaussian ? "gaussian"
                                                               : "random";
    for (const LoraTarget &target : match->targets) {
      bool linear = target.kind == ModuleKind::linear; // embeddings have no dropout and no bias in PEFT
      targets[target.module] =
          adapter::LoraAttr::get(module.getContext(), target.r, builder.getF64FloatAttr(target.scale),
                                 builder.getF64FloatAttr(linear ? lora.dropout : 0.0),
                                 linear && lora.loraBias, builder.getStringAttr(init));
    }
    module.walk([&](Operation *op) {
      auto name = op->getAttrOfType<StringAttr>("module");
      if (!name || !isa<nn::LinearOp, nn::EmbeddingOp>(op))
        return;
      if (auto found = targets.find(name.getValue()); found != targets.end())
        op->setAttr(loraMark, found->second);
      for (const auto &[owner, ids] : match->tokens)
        if (owner == name.getValue())
          op->setAttr(tokensMark, builder.getDenseI32ArrayAttr(ids));
    });
    if (!match->save.empty())
      module->setAttr(
          saveMark, builder.getStrArrayAttr(SmallVector<StringRef>(match->save.begin(), match->save.end())));
    markBiases(lora, targets);
    return success();
  }

  /// PEFT's bias = all | lora_only; a targeted module's own bias moves into its base_layer.
  void markBiases(const LoraRecipe &lora, const llvm::StringMap<adapter::LoraAttr> &targets) {
    if (lora.bias == LoraRecipe::Bias::none)
      return;
    for (auto parameter : module.getOps<nn::ParameterOp>()) {
      StringRef name = parameter.getSymName(), owner = parentName(name);
      if (!name.ends_with(".bias"))
        continue;
      if (targets.contains(owner))
        mark(parameter, peftPrefix + owner + ".base_layer.bias");
      else if (lora.bias == LoraRecipe::Bias::all)
        mark(parameter, peftPrefix + name);
    }
  }

  LogicalResult markPrompt(const PromptRecipe &prompt) {
    if (prompt.width != 0 && info.hiddenSize != 0 && prompt.width != info.hiddenSize)
      return fail("token_dim: expected the model's hidden size " + Twine(info.hiddenSize) + ", got " +
                  Twine(prompt.width));
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.getOps<nn::EmbeddingOp>().empty())
        function->setAttr(promptMark, builder.getI64IntegerAttr(prompt.tokens));
    return success();
  }

  LogicalResult markBottleneck(const BottleneckRecipe &bottleneck) {
    auto kind = llvm::StringSwitch<StringRef>(bottleneck.activation)
                    .Case("gelu", "gelu_erf")
                    .Case("gelu_new", "gelu_tanh")
                    .Case("swish", "silu")
                    .Default(bottleneck.activation);
    if (double(info.hiddenSize) / bottleneck.reduction > INT32_MAX)
      return fail("reduction_factor: expected a larger one for a hidden size of " + Twine(info.hiddenSize));
    bool any = false;
    module.walk([&](nn::ResidualOp op) {
      if (!op.getModule())
        return;
      // The adapter sits behind the feed-forward branch of a layer, not behind attention.
      StringRef block = parentName(*op.getModule()), branch = op.getModule()->rsplit('.').second;
      int64_t layer = 0;
      if (branch.contains("attn") || branch.contains("attention") ||
          block.rsplit('.').second.getAsInteger(10, layer) || llvm::is_contained(bottleneck.leaveOut, layer))
        return;
      any = true;
      // Rounded down and never below 1, as AdapterHub does it.
      int64_t hidden = tensorType(op.getX()).getShape().back();
      int64_t width = std::max<int64_t>(1, int64_t(double(hidden) / bottleneck.reduction));
      op->setAttr(bottleneckMark,
                  adapter::BottleneckAttr::get(
                      module.getContext(), width, builder.getStringAttr(kind),
                      builder.getF64FloatAttr(bottleneck.scale),
                      builder.getStringAttr(block + ".output_adapters.adapters." + bottleneck.name)));
    });
    return any ? success() : fail("no layer of the model has a feed-forward branch for a bottleneck adapter");
  }

  LogicalResult markTrain(const TrainRecipe &train) {
    std::optional<Regex> regex;
    if (train.kind == TrainRecipe::Kind::regex) {
      llvm::Expected<Regex> compiled = Regex::compile(train.regex);
      if (!compiled)
        return fail(compiled.takeError());
      regex = std::move(*compiled);
    }
    bool any = false;
    for (auto parameter : module.getOps<nn::ParameterOp>()) {
      StringRef name = parameter.getSymName();
      bool matched = train.kind == TrainRecipe::Kind::full || name.ends_with(".bias");
      if (regex) {
        llvm::Expected<bool> found = regex->search(name);
        if (!found)
          return fail(found.takeError());
        matched = *found;
      }
      if (matched)
        mark(parameter, name);
      any |= matched;
    }
    if (any)
      return success();
    return regex ? fail("regex '" + train.regex + "' is found in no parameter's name")
                 : fail("the model has no parameter whose name ends in .bias");
  }

  void mark(nn::ParameterOp parameter, const Twine &name) {
    parameter->setAttr(trainMark, builder.getStringAttr(name));
  }

  ModuleOp module;
  const Recipe &recipe;
  ModelInfo info;
  Builder builder;
};

struct ApplyRecipePass : peft::impl::ApplyRecipePassBase<ApplyRecipePass> {
  using Base::Base;

  void runOnOperation() override {
    llvm::Expected<Recipe> read = buildRecipe({recipe, lora, promptTuning, bottleneck, method, quantize});
    if (!read) {
      emitError(getOperation().getLoc()) << llvm::toString(read.takeError());
      return signalPassFailure();
    }
    for (const std::string &warning : read->warnings)
      emitWarning(getOperation().getLoc()) << warning;
    if (failed(RecipeMarker(getOperation(), *read).run()))
      signalPassFailure();
  }
};

} // namespace
