//===- LoraConfig.cpp - PEFT's LoraConfig ---------------------------------===//
#include "Fields.h"

#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace llvm;
using namespace peft;

/// The keys of the object under `field` in the order in which the file has them,
/// which decides the first match of a pattern and which a JSON object forgets.
static std::vector<std::string> keysInOrder(const json::Object &object, StringRef field, StringRef text) {
  auto quoted = [](StringRef key) {
    std::string result;
    raw_string_ostream(result) << json::Value(key.str());
    return result;
  };
  size_t start = text.find(quoted(field));
  std::vector<std::pair<size_t, std::string>> keys;
  for (const auto &entry : object)
    keys.emplace_back(text.find(quoted(entry.first), start), entry.first.str());
  llvm::sort(keys);
  std::vector<std::string> result;
  for (auto &key : keys)
    result.push_back(std::move(key.second));
  return result;
}

/// rank_pattern or alpha_pattern: numbers by pattern, ranks above 0.
template <class Number>
static void readPattern(Fields &fields, StringRef field, StringRef text,
                        std::vector<std::pair<std::string, Number>> &result) {
  const json::Value *value = fields.raw(field);
  if (!value)
    return;
  const json::Object *object = value->getAsObject();
  if (!object)
    return fields.mismatch(field, "an object of numbers by pattern");
  for (const std::string &key : keysInOrder(*object, field, text)) {
    const json::Value &entry = *object->get(key);
    constexpr bool isRank = std::is_integral_v<Number>;
    std::optional<Number> number;
    if constexpr (isRank)
      number = entry.getAsInteger();
    else
      number = entry.getAsNumber();
    if (!number || !(std::fabs(*number) <= INT32_MAX) || (isRank && *number < 1))
      return fields.fail(field, (isRank ? "expected an integer from 1 for '" : "expected a number for '") +
                                    key + "', got " + shortText(entry));
    result.emplace_back(key, *number);
  }
}

static void readTrainableTokens(Fields &fields, LoraRecipe &lora) {
  const json::Value *value = fields.raw("trainable_token_indices");
  if (!value)
    return;
  auto add = [&](StringRef module, const json::Object &owner, StringRef key) {
    Fields entry(owner, "");
    std::vector<int64_t> ids = entry.integers(key);
    const json::Array *list = owner.getArray(key);
    if (!list || list->size() != ids.size())
      return fields.mismatch("trainable_token_indices", "lists of token ids");
    if (!ids.empty())
      lora.trainableTokens.emplace_back(module.str(), std::vector<int32_t>(ids.begin(), ids.end()));
  };
  if (const json::Object *layers = value->getAsObject()) {
    lora.tokensByName = true;
    std::vector<std::string> names;
    for (const auto &entry : *layers)
      names.push_back(entry.first.str());
    llvm::sort(names);
    for (const std::string &name : names)
      add(name, *layers, name);
    return;
  }
  json::Object one{{"ids", *value}};
  add("embed_tokens", one, "ids");
}

static void readInit(Fields &fields, LoraRecipe &lora) {
  const json::Value *value = fields.raw("init_lora_weights");
  if (!value)
    return;
  if (auto flag = value->getAsBoolean())
    lora.init = *flag ? LoraRecipe::Init::standard : LoraRecipe::Init::random;
  else if (auto text = value->getAsString(); text && text->equals_insensitive("gaussian"))
    lora.init = LoraRecipe::Init::gaussian;
  else
    fields.mismatch("init_lora_weights", "true, false or \"gaussian\" (others are not supported yet)");
}

static void readBias(Fields &fields, LoraRecipe &lora) {
  std::string bias = fields.text("bias", "none");
  if (bias == "all")
    lora.bias = LoraRecipe::Bias::all;
  else if (bias == "lora_only")
    lora.bias = LoraRecipe::Bias::loraOnly;
  else if (bias != "none")
    fields.mismatch("bias", "none, all or lora_only");
}

Expected<Recipe> peft::parseLoraConfig(const json::Object &object, StringRef text, StringRef where) {
  Fields fields(object, where);
  Recipe recipe;
  recipe.origin = where.str();
  LoraRecipe &lora = recipe.lora.emplace();
  lora.r = fields.integer("r", 8, 1);
  lora.alpha = fields.number("lora_alpha", 8.0);
  lora.dropout = fields.number("lora_dropout", 0.0);
  lora.rslora = fields.flag("use_rslora", false);
  lora.loraBias = fields.flag("lora_bias", false);
  lora.targets = fields.modules("target_modules");
  lora.exclude = fields.modules("exclude_modules");
  lora.layers = fields.integers("layers_to_transform");
  lora.layersPattern = fields.names("layers_pattern");
  lora.modulesToSave = fields.names("modules_to_save");
  readPattern(fields, "rank_pattern", text, lora.rankPattern);
  readPattern(fields, "alpha_pattern", text, lora.alphaPattern);
  readTrainableTokens(fields, lora);
  readInit(fields, lora);
  readBias(fields, lora);

  if (!(lora.dropout >= 0.0 && lora.dropout < 1.0))
    fields.mismatch("lora_dropout", "a number from 0 to below 1");
  if (lora.exclude.kind == ModulePattern::Kind::allLinear)
    fields.mismatch("exclude_modules", "names or a regular expression");
  if (fields.has("target_modules") && !lora.targets)
    fields.mismatch("target_modules", "names, or null for the model type's default");
  bool oneText =
      lora.targets.kind == ModulePattern::Kind::regex || lora.targets.kind == ModulePattern::Kind::allLinear;
  for (StringRef key : {"layers_to_transform", "layers_pattern"})
    if (oneText && fields.has(key))
      fields.fail(key,
                  "expected nothing beside a target_modules that is one string; a list of names can have it");
  if (!lora.layersPattern.empty() && !fields.has("layers_to_transform"))
    fields.fail("layers_pattern", "expected layers_to_transform beside it");
  if (lora.loraBias && lora.init == LoraRecipe::Init::gaussian)
    fields.fail("lora_bias", "expected init_lora_weights true or false beside it, got \"gaussian\"");
  if (fields.text("task_type", "CAUSAL_LM") != "CAUSAL_LM")
    fields.mismatch("task_type", "\"CAUSAL_LM\" (others are not supported yet)");

  // Extras of other initialisers: PEFT itself says that it ignores them.
  for (StringLiteral key : {StringLiteral("loftq_config"), StringLiteral("eva_config"),
                            StringLiteral("corda_config"), StringLiteral("lora_ga_config")}) {
    if (!fields.isNeutral(key))
      recipe.warnings.push_back(
          (where + ": " + key + " ignored, because init_lora_weights does not ask for it").str());
    fields.ignore({key});
  }
  if (fields.flag("fan_in_fan_out", false))
    recipe.warnings.push_back(
        (where + ": fan_in_fan_out ignored, because these weights are [out, in]").str());
  fields.ignore({"peft_type", "peft_version", "auto_mapping", "base_model_name_or_path", "inference_mode",
                 "revision", "megatron_core", "qalora_group_size", "runtime_config"});
  fields.refuse({"use_dora", "use_qalora", "use_bdlora", "layer_replication", "target_parameters",
                 "megatron_config", "velora_config", "alora_invocation_tokens", "monteclora_config",
                 "arrow_config", "kasa_config", "ensure_weight_tying"});
  if (Error error = fields.finish(recipe.warnings))
    return std::move(error);
  return recipe;
}
