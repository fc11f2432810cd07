//===- AdapterConfig.cpp - writes adapter_config.json ---------------------===//
#include "peft/Recipe/AdapterConfig.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <map>
#include <set>

using namespace llvm;
using namespace peft;

namespace {

// Values as Python's json.dumps(indent=2, sort_keys=True) writes them. LLVM's own
// writer has no sorted keys and prints 0.05 with 17 digits.

std::string quote(StringRef text) {
  std::string result;
  raw_string_ostream(result) << json::Value(text.str());
  return result;
}

/// The shortest digits that read back as `value`; an integer where it is one.
std::string number(double value) {
  if (std::fabs(value) < 1e15 && value == double(int64_t(value)))
    return std::to_string(int64_t(value));
  for (int digits = 1; digits <= 17; ++digits) {
    std::string text;
    raw_string_ostream(text) << format("%.*g", digits, value);
    double back = 0;
    if (!StringRef(text).getAsDouble(back) && back == value)
      return text;
  }
  return "null";
}

/// Python's repr of a float: 1.0, not 1.
std::string floating(double value) {
  std::string text = number(value);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

std::string boolean(bool value) { return value ? "true" : "false"; }

template <class Items, class Text> std::string list(const Items &items, Text text) {
  std::string result;
  for (const auto &item : items)
    result += (result.empty() ? "\n    " : ",\n    ") + text(item);
  return result.empty() ? "[]" : "[" + result + "\n  ]";
}

using Object = std::map<std::string, std::string>;

std::string render(const Object &fields, StringRef indent = "") {
  std::string result;
  for (const auto &[key, value] : fields)
    result += (result.empty() ? "\n" : ",\n") + indent.str() + "  " + quote(key) + ": " + value;
  return result.empty() ? "{}" : "{" + result + "\n" + indent.str() + "}";
}

std::string names(const std::vector<std::string> &items) {
  return list(items, [](StringRef name) { return quote(name); });
}

std::string namesOrNull(const std::vector<std::string> &items) {
  return items.empty() ? "null" : names(items);
}

std::string pattern(const ModulePattern &modules) {
  if (!modules)
    return "null";
  return modules.kind == ModulePattern::Kind::regex ? quote(modules.regex) : names(modules.names);
}

/// PEFT shortens lists of 20 names or more to the suffixes that tell them from the others.
std::vector<std::string> shortened(std::vector<std::string> targets, const ModelInfo &model) {
  constexpr size_t shortest = 20;
  llvm::sort(targets);
  targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
  if (targets.size() < shortest)
    return targets;
  auto suffixes = [](StringRef name) { // the shortest first
    std::vector<std::string> result;
    for (size_t at = name.rfind('.'); at != StringRef::npos; at = name.rfind('.', at))
      result.push_back(name.substr(at + 1).str());
    result.push_back(name.str());
    return result;
  };
  std::set<std::string> others, required;
  for (const ModelModule &module : model.modules) {
    StringRef name = module.name;
    bool isTarget = any_of(
        targets, [&](const std::string &target) { return name == target || name.ends_with("." + target); });
    if (!isTarget)
      for (std::string &suffix : suffixes(name))
        others.insert(std::move(suffix));
  }
  std::vector<std::pair<std::vector<std::string>, StringRef>> order;
  for (const std::string &target : targets)
    order.emplace_back(suffixes(target), target);
  llvm::sort(order);
  for (const auto &[candidates, target] : order) {
    StringRef name = target;
    for (const std::string &suffix : candidates) {
      if (required.count(suffix) || others.count(suffix))
        continue;
      if (none_of(required, [&](const std::string &found) { return name.ends_with("." + found); })) {
        required.insert(suffix);
        break;
      }
    }
  }
  if (required.empty() || required.size() >= targets.size())
    return targets;
  return {required.begin(), required.end()};
}

template <class Entries> std::string patternTable(const Entries &entries) {
  Object object;
  for (const auto &[key, value] : entries)
    object[key] = number(value);
  return render(object, "  ");
}

std::string tokenIndices(const LoraRecipe &lora) {
  auto ids = [](const std::vector<int32_t> &values, StringRef indent) {
    std::string result;
    for (int32_t id : values)
      result += (result.empty() ? "\n" : ",\n") + indent.str() + "  " + std::to_string(id);
    return "[" + result + "\n" + indent.str() + "]";
  };
  if (lora.trainableTokens.empty())
    return "null";
  if (!lora.tokensByName)
    return ids(lora.trainableTokens[0].second, "  ");
  Object object;
  for (const auto &[name, values] : lora.trainableTokens)
    object[name] = ids(values, "    ");
  return render(object, "  ");
}

Object commonFields(const ModelInfo &model, StringRef type) {
  return {{"auto_mapping", "null"},          {"base_model_name_or_path", quote(model.path)},
          {"inference_mode", "true"},        {"peft_type", quote(type)},
          {"peft_version", quote("0.21.0")}, {"revision", "null"},
          {"task_type", quote("CAUSAL_LM")}};
}

Expected<std::string> loraJson(const LoraRecipe &lora, const ModelInfo &model) {
  Expected<ModulePattern> targets = resolveTargets(lora, model);
  if (!targets)
    return targets.takeError();
  targets->names = shortened(targets->names, model);
  Object fields = commonFields(model, "LORA");
  for (const char *key : {"alora_invocation_tokens", "arrow_config", "corda_config", "eva_config",
                          "kasa_config", "layer_replication", "lora_ga_config", "megatron_config",
                          "monteclora_config", "target_parameters", "use_bdlora", "velora_config"})
    fields[key] = "null";
  for (const char *key : {"ensure_weight_tying", "fan_in_fan_out", "use_dora", "use_qalora"})
    fields[key] = "false";
  fields["loftq_config"] = "{}";
  fields["megatron_core"] = quote("megatron.core");
  fields["qalora_group_size"] = "16";
  fields["r"] = std::to_string(lora.r);
  fields["lora_alpha"] = number(lora.alpha);
  fields["lora_dropout"] = floating(lora.dropout);
  fields["lora_bias"] = boolean(lora.loraBias);
  fields["use_rslora"] = boolean(lora.rslora);
  fields["bias"] = quote(lora.bias == LoraRecipe::Bias::all        ? "all"
                         : lora.bias == LoraRecipe::Bias::loraOnly ? "lora_only"
                                                                   : "none");
  fields["init_lora_weights"] = lora.init == LoraRecipe::Init::gaussian
                                    ? quote("gaussian")
                                    : boolean(lora.init == LoraRecipe::Init::standard);
  fields["target_modules"] = pattern(*targets);
  fields["exclude_modules"] = pattern(lora.exclude);
  fields["modules_to_save"] = namesOrNull(lora.modulesToSave);
  fields["layers_pattern"] = namesOrNull(lora.layersPattern);
  fields["layers_to_transform"] =
      lora.layers.empty() ? "null" : list(lora.layers, [](int64_t layer) { return std::to_string(layer); });
  fields["rank_pattern"] = patternTable(lora.rankPattern);
  fields["alpha_pattern"] = patternTable(lora.alphaPattern);
  fields["trainable_token_indices"] = tokenIndices(lora);
  return render(fields);
}

std::string promptJson(const PromptRecipe &prompt, const ModelInfo &model) {
  Object fields = commonFields(model, "PROMPT_TUNING");
  for (const char *key :
       {"modules_to_save", "prompt_tuning_init_text", "tokenizer_kwargs", "tokenizer_name_or_path"})
    fields[key] = "null";
  fields["num_attention_heads"] = std::to_string(model.heads);
  fields["num_layers"] = std::to_string(model.layers);
  fields["num_transformer_submodules"] = "1";
  fields["num_virtual_tokens"] = std::to_string(prompt.tokens);
  fields["prompt_tuning_init"] = quote("RANDOM");
  fields["token_dim"] = std::to_string(model.hiddenSize);
  return render(fields);
}

std::string bottleneckJson(const BottleneckRecipe &bottleneck, const ModelInfo &model) {
  Object config;
  for (const char *key : {"adapter_residual_before_ln", "cross_adapter", "factorized_phm_rule", "is_parallel",
                          "ln_after", "ln_before", "mh_adapter", "phm_layer", "shared_W_phm", "use_gating"})
    config[key] = "false";
  for (const char *key : {"factorized_phm_W", "learn_phm", "original_ln_after", "original_ln_before",
                          "output_adapter", "phm_bias", "residual_before_ln", "shared_phm_rule"})
    config[key] = "true";
  for (const char *key : {"init_weights_seed", "inv_adapter", "inv_adapter_reduction_factor"})
    config[key] = "null";
  config["dropout"] = config["stochastic_depth"] = "0.0";
  config["hypercomplex_nonlinearity"] = quote("glorot-uniform");
  config["init_weights"] = quote("bert");
  config["phm_c_init"] = quote("normal");
  config["phm_dim"] = "4";
  config["phm_init_range"] = "0.0001";
  config["phm_rank"] = "1";
  config["non_linearity"] = quote(bottleneck.activation);
  config["reduction_factor"] = number(bottleneck.reduction);
  config["scaling"] = floating(bottleneck.scale);
  std::string layers;
  for (int64_t layer : bottleneck.leaveOut)
    layers += (layers.empty() ? "\n      " : ",\n      ") + std::to_string(layer);
  config["leave_out"] = layers.empty() ? "[]" : "[" + layers + "\n    ]";

  std::string modelClass = model.modelType;
  for (auto [type, name] : {std::pair<StringRef, StringRef>{"llama", "LlamaForCausalLM"},
                            {"mistral", "MistralForCausalLM"},
                            {"qwen2", "Qwen2ForCausalLM"},
                            {"qwen3", "Qwen3ForCausalLM"}})
    if (model.modelType == type)
      modelClass = name.str();
  return render({{"config", render(config, "  ")},
                 {"hidden_size", std::to_string(model.hiddenSize)},
                 {"model_class", quote(modelClass)},
                 {"model_name", quote(model.path)},
                 {"model_type", quote(model.modelType)},
                 {"name", quote(bottleneck.name)},
                 {"version", quote("adapters.1.3.0")}});
}

} // namespace

Expected<std::string> peft::adapterConfigJson(const Recipe &recipe, const ModelInfo &model) {
  if (recipe.lora)
    return loraJson(*recipe.lora, model);
  if (recipe.prompt)
    return promptJson(*recipe.prompt, model);
  if (recipe.bottleneck)
    return bottleneckJson(*recipe.bottleneck, model);
  return std::string();
}
