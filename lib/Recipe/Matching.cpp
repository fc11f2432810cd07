//===- Matching.cpp - PEFT's rules of which module is meant ---------------===//
#include "peft/Recipe/Matching.h"
#include "peft/Recipe/Regex.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace llvm;
using namespace peft;

namespace {

/// A name equals the entry or ends in ".ENTRY".
bool isNamed(StringRef module, StringRef entry) {
  return module == entry || (module.ends_with(entry) && module.drop_back(entry.size()).ends_with("."));
}

bool isInList(StringRef module, const std::vector<std::string> &names) {
  return any_of(names, [&](StringRef entry) { return isNamed(module, entry); });
}

Error unmatched(StringRef key, StringRef name, const ModelInfo &model) {
  return createStringError(key + ": '" + name + "' matches no module of the model" + nearNames(name, model));
}

/// Every listed name must match a module.
Error checkNames(StringRef key, const std::vector<std::string> &names, const ModelInfo &model) {
  for (const std::string &name : names)
    if (none_of(model.modules, [&](const ModelModule &module) { return isNamed(module.name, name); }))
      return unmatched(key, name, model);
  return Error::success();
}

/// layers_to_transform: which layer a module is of, by the first number in its name.
class LayerFilter {
public:
  static Expected<LayerFilter> create(const LoraRecipe &recipe) {
    LayerFilter filter;
    filter.layers = recipe.layers;
    std::vector<std::string> patterns;
    for (const std::string &name : recipe.layersPattern)
      patterns.push_back("(?:^|.*?\\.)" + name + "\\.(?P<idx>\\d+)\\.");
    if (patterns.empty())
      patterns.push_back(".*?\\.[^.]*\\.(?P<idx>\\d+)\\.");
    for (const std::string &pattern : patterns) {
      Expected<Regex> regex = Regex::compile(pattern);
      if (!regex)
        return regex.takeError();
      filter.patterns.push_back(std::move(*regex));
    }
    return filter;
  }

  Expected<bool> accepts(StringRef module) {
    if (layers.empty())
      return true;
    for (const Regex &pattern : patterns) {
      Expected<std::optional<int64_t>> index = pattern.matchNumber(module, "idx");
      if (!index)
        return index.takeError();
      if (*index) {
        met.push_back(**index);
        return is_contained(layers, **index);
      }
    }
    return false;
  }

  /// Layers that no target was of.
  void warn(std::vector<std::string> &warnings) const {
    for (int64_t layer : layers)
      if (!is_contained(met, layer))
        warnings.push_back("layers_to_transform: layer " + std::to_string(layer) + " has no target module");
  }

private:
  std::vector<int64_t> layers, met;
  std::vector<Regex> patterns;
};

/// What to say where layers_to_transform left no target.
std::string noLayer(const LoraRecipe &recipe, const ModelInfo &model) {
  auto numbers = map_range(recipe.layers, [](int64_t layer) { return std::to_string(layer); });
  std::string text = "layers_to_transform: no target module is of layer " + join(numbers, ", ");
  if (!recipe.layersPattern.empty())
    text += " of layers_pattern '" + join(recipe.layersPattern, "' or '") + "'";
  return text + "; the model has " + std::to_string(model.layers) + " layers, model.layers.0 and so on";
}

/// The value of the first pattern that a module's name ends in.
template <class Number> class PatternTable {
public:
  static Expected<PatternTable> create(const std::vector<std::pair<std::string, Number>> &entries) {
    PatternTable table;
    for (const auto &[pattern, value] : entries) {
      Expected<Regex> regex = Regex::compile("(.*\\.)?(" + pattern + ")$");
      if (!regex)
        return regex.takeError();
      table.rows.push_back({std::move(*regex), value, pattern, false});
    }
    return table;
  }

  Expected<Number> lookUp(StringRef module, Number fallback) {
    for (Row &row : rows) {
      Expected<bool> matched = row.regex.match(module);
      if (!matched)
        return matched.takeError();
      if (*matched) {
        row.met = true;
        return row.value;
      }
    }
    return fallback;
  }

  void warn(StringRef key, std::vector<std::string> &warnings) const {
    for (const Row &row : rows)
      if (!row.met)
        warnings.push_back((key + ": '" + row.pattern + "' decides for no target module").str());
  }

private:
  struct Row {
    Regex regex;
    Number value;
    std::string pattern;
    bool met;
  };
  std::vector<Row> rows;
};

/// modules_to_save: PEFT wraps whatever name ENDS in an entry, dot or not; a module
/// inside another that is saved comes with it.
Error matchSaved(const LoraRecipe &recipe, const ModelInfo &model, LoraMatch &match) {
  for (const std::string &name : recipe.modulesToSave)
    if (none_of(model.modules,
                [&](const ModelModule &module) { return StringRef(module.name).ends_with(name); }))
      return unmatched("modules_to_save", name, model);
  for (const ModelModule &module : model.modules) {
    StringRef name = module.name;
    if (none_of(recipe.modulesToSave, [&](StringRef entry) { return name.ends_with(entry); }))
      continue;
    if (none_of(match.save, [&](const std::string &outer) { return name.starts_with(outer + "."); }))
      match.save.push_back(module.name); // sorted names: the outer one comes first
  }
  return Error::success();
}

/// PEFT never puts an adapter on or in a module that modules_to_save names.
bool isOfSaved(StringRef module, const std::vector<std::string> &names) {
  return any_of(names, [&](StringRef entry) {
    for (size_t at = module.find(entry); at != StringRef::npos; at = module.find(entry, at + 1)) {
      size_t end = at + entry.size();
      if ((at == 0 || module[at - 1] == '.') && (end == module.size() || module[end] == '.'))
        return true;
    }
    return false;
  });
}

const ModelModule *tiedHead(const ModelInfo &model) {
  auto head = find_if(model.modules, [](const ModelModule &module) { return module.outputHead; });
  return model.tied && head != model.modules.end() ? &*head : nullptr;
}

Error matchTokens(const LoraRecipe &recipe, const ModelInfo &model, LoraMatch &match) {
  const ModelModule *head = tiedHead(model);
  for (const auto &[name, ids] : recipe.trainableTokens) {
    StringRef entry = name;
    const ModelModule *found = nullptr;
    for (const ModelModule &module : model.modules)
      if ((module.kind == ModuleKind::embedding || module.outputHead) &&
          StringRef(module.name).ends_with(entry))
        found = &module;
    if (!found)
      return createStringError("trainable_token_indices: '" + entry +
                               "' is neither an embedding of the model nor its head" +
                               nearNames(entry, model));
    if (is_contained(match.save, found->name))
      return createStringError("trainable_token_indices: modules_to_save trains all of " + found->name +
                               " already");
    // The rows are the tied head's too, so they can't be where it has a table of its own.
    if (head && is_contained(match.save, head->name))
      return createStringError("trainable_token_indices: expected " + head->name +
                               ", which shares the table of " + found->name +
                               ", not to be in modules_to_save");
    for (int32_t id : ids)
      if (id >= model.vocabSize || count(ids, id) > 1)
        return createStringError("trainable_token_indices: expected each token below " +
                                 Twine(model.vocabSize) + " once, got " + Twine(id));
    match.tokens.emplace_back(found->name, ids);
  }
  // A tied head follows the embedding, but where it is given other tokens.
  auto own = find_if(match.tokens, [&](const auto &entry) { return head && entry.first == head->name; });
  if (own != match.tokens.end() && any_of(match.tokens, [&](const auto &other) {
        return other.first != own->first && other.second == own->second;
      }))
    match.tokens.erase(own);
  return Error::success();
}

} // namespace

Expected<ModulePattern> peft::resolveTargets(const LoraRecipe &recipe, const ModelInfo &model) {
  ModulePattern targets = recipe.targets;
  if (targets.kind == ModulePattern::Kind::allLinear) {
    targets = {ModulePattern::Kind::list, "", {}};
    for (const ModelModule &module : model.modules)
      if (module.kind == ModuleKind::linear && !module.outputHead)
        targets.names.push_back(module.name);
    if (targets.names.empty())
      return createStringError("target_modules: the model has no linear module");
  } else if (!targets) {
    // TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING of the families that can be imported.
    bool known =
        StringSwitch<bool>(model.modelType).Cases("llama", "mistral", "qwen2", "qwen3", true).Default(false);
    if (!known)
      return createStringError("target_modules: expected names, because model type '" + model.modelType +
                               "' has no default");
    targets = {ModulePattern::Kind::list, "", {"q_proj", "v_proj"}};
  }
  return targets;
}

Expected<LoraMatch> peft::matchLora(const LoraRecipe &recipe, const ModelInfo &model) {
  LoraMatch match;
  Expected<ModulePattern> targets = resolveTargets(recipe, model);
  if (!targets)
    return targets.takeError();
  if (targets->kind == ModulePattern::Kind::list)
    if (Error error = checkNames("target_modules", targets->names, model))
      return std::move(error);
  if (recipe.exclude.kind == ModulePattern::Kind::list)
    if (Error error = checkNames("exclude_modules", recipe.exclude.names, model))
      return std::move(error);
  if (Error error = matchSaved(recipe, model, match))
    return std::move(error);
  if (Error error = matchTokens(recipe, model, match))
    return std::move(error);

  auto optionalRegex = [](const ModulePattern &pattern) -> Expected<std::optional<Regex>> {
    if (pattern.kind != ModulePattern::Kind::regex)
      return std::nullopt;
    Expected<Regex> regex = Regex::compile(pattern.regex);
    if (!regex)
      return regex.takeError();
    return std::move(*regex);
  };
  Expected<std::optional<Regex>> target = optionalRegex(*targets), exclude = optionalRegex(recipe.exclude);
  if (!target || !exclude)
    return joinErrors(target.takeError(), exclude.takeError());
  auto layers = LayerFilter::create(recipe);
  if (!layers)
    return layers.takeError();
  auto ranks = PatternTable<int64_t>::create(recipe.rankPattern);
  if (!ranks)
    return ranks.takeError();
  auto alphas = PatternTable<double>::create(recipe.alphaPattern);
  if (!alphas)
    return alphas.takeError();

  bool anyExcluded = false;
  for (const ModelModule &module : model.modules) {
    Expected<bool> matched = false;
    if (*exclude) {
      matched = (*exclude)->fullMatch(module.name);
      if (!matched)
        return matched.takeError();
    }
    bool excluded = *matched || isInList(module.name, recipe.exclude.names) ||
                    isOfSaved(module.name, recipe.modulesToSave);
    if (*target)
      matched = (*target)->fullMatch(module.name);
    else if (isInList(module.name, targets->names))
      matched = layers->accepts(module.name);
    else
      matched = false;
    if (!matched)
      return matched.takeError();
    if (is_contained(targets->names, module.name))
      matched = true; // an exact name is not filtered by layer
    if (!*matched)
      continue;
    if (excluded) {
      anyExcluded = true;
      continue;
    }
    if (module.kind != ModuleKind::linear && module.kind != ModuleKind::embedding)
      return createStringError("target_modules: expected linear or embedding modules, got " + module.name);
    if (any_of(match.tokens, [&](auto &entry) { return entry.first == module.name; }) ||
        (!match.tokens.empty() && &module == tiedHead(model)))
      return createStringError("target_modules: LoRA and trainable_token_indices both on " + module.name +
                               "; as in PEFT, a module takes one of them");
    if (recipe.loraBias && module.kind == ModuleKind::embedding)
      return createStringError("lora_bias: expected linear modules only, got the embedding " + module.name);
    Expected<int64_t> rank = ranks->lookUp(module.name, recipe.r);
    if (!rank)
      return rank.takeError();
    Expected<double> alpha = alphas->lookUp(module.name, recipe.alpha);
    if (!alpha)
      return alpha.takeError();
    match.targets.push_back({module.name, module.kind, *rank,
                             *alpha / (recipe.rslora ? std::sqrt(double(*rank)) : double(*rank))});
  }
  if (match.targets.empty())
    return createStringError(anyExcluded ? "target_modules: every module that matches is excluded"
                             : recipe.layers.empty()
                                 ? "target_modules: '" + targets->regex + "' matches no module of the model"
                                 : noLayer(recipe, model));
  layers->warn(match.warnings);
  ranks->warn("rank_pattern", match.warnings);
  alphas->warn("alpha_pattern", match.warnings);
  return match;
}
