//===- Flags.cpp - recipes from the command line --------------------------===//
#include "Fields.h"
#include "peft/Recipe/Regex.h"

#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace llvm;
using namespace peft;

namespace {

/// `key=value,word,…` of one flag, read key by key; what is left over is an error.
class FlagText {
public:
  FlagText(StringRef flag, StringRef text, StringRef known) : flag(flag), known(known) {
    while (!text.empty()) {
      size_t end = text.find(',');
      if (size_t at = text.find("=/"); at < end) { // a regular expression may hold commas
        size_t close = text.find("/,", at + 2);
        end = close == StringRef::npos ? close : close + 1;
      }
      auto [key, value] = text.take_front(end).split('=');
      if (!key.empty() && !values.try_emplace(key, value).second)
        fail(key + " is given twice");
      text = end == StringRef::npos ? "" : text.drop_front(end + 1);
    }
  }

  std::optional<StringRef> take(StringRef key) {
    auto found = values.find(key);
    if (found == values.end())
      return std::nullopt;
    StringRef value = found->second;
    values.erase(found);
    return value;
  }

  /// `rslora` or `rslora=true`.
  bool word(StringRef key) {
    auto value = take(key);
    if (value && !value->empty() && *value != "true" && *value != "false")
      fail(key + ": expected true or false, got '" + *value + "'");
    return value && *value != "false";
  }

  void integer(StringRef key, int64_t &result) {
    auto value = take(key);
    if (value && (value->getAsInteger(10, result) || result < 1 || result > INT32_MAX))
      fail(key + ": expected an integer from 1, got '" + *value + "'");
  }

  void number(StringRef key, double &result) {
    auto value = take(key);
    if (value && (value->getAsDouble(result) || !std::isfinite(result)))
      fail(key + ": expected a number, got '" + *value + "'");
  }

  std::vector<std::string> names(StringRef key) {
    hint = "; names are joined by +";
    SmallVector<StringRef> parts;
    auto value = take(key);
    value.value_or("").split(parts, '+', -1, /*KeepEmpty=*/false);
    if (value && parts.empty())
      fail(key + ": expected names joined by +, got nothing");
    return {parts.begin(), parts.end()};
  }

  /// `q_proj+v_proj`, `all-linear` or `/regular expression/`.
  ModulePattern modules(StringRef key) {
    ModulePattern pattern;
    if (StringRef value = values.lookup(key); value.consume_front("/")) {
      if (!value.consume_back("/"))
        fail(key + ": expected a / behind the regular expression, got '/" + value + "'");
      pattern.kind = ModulePattern::Kind::regex;
      pattern.regex = value.str();
      values.erase(key);
      return pattern;
    }
    pattern.names = names(key);
    if (pattern.names.size() == 1 && StringRef(pattern.names[0]).equals_insensitive("all-linear"))
      return {ModulePattern::Kind::allLinear, "", {}};
    if (!pattern.names.empty())
      pattern.kind = ModulePattern::Kind::list;
    return pattern;
  }

  void fail(const Twine &what) {
    if (error.empty())
      error = (flag + ": " + what).str();
  }

  Error finish() {
    if (!values.empty())
      fail("unknown word '" + values.begin()->first() + "', expected " + known +
           (values.begin()->second.empty() ? hint : ""));
    return error.empty() ? Error::success() : createStringError(error);
  }

private:
  StringRef flag, known, hint;
  StringMap<StringRef> values;
  std::string error;
};

} // namespace

Expected<LoraRecipe> peft::parseLoraFlag(StringRef text) {
  FlagText flag("--lora", text, "r, alpha, targets, exclude, dropout, rslora, bias, init or save");
  LoraRecipe lora;
  flag.integer("r", lora.r);
  flag.number("alpha", lora.alpha);
  flag.number("dropout", lora.dropout);
  lora.rslora = flag.word("rslora");
  lora.targets = flag.modules("targets");
  lora.exclude = flag.modules("exclude");
  lora.modulesToSave = flag.names("save");

  StringRef bias = flag.take("bias").value_or("none"), init = flag.take("init").value_or("true");
  if (bias == "all")
    lora.bias = LoraRecipe::Bias::all;
  else if (bias == "lora_only")
    lora.bias = LoraRecipe::Bias::loraOnly;
  else if (bias != "none")
    flag.fail("bias: expected none, all or lora_only, got '" + bias + "'");
  if (init == "gaussian")
    lora.init = LoraRecipe::Init::gaussian;
  else if (init == "false")
    lora.init = LoraRecipe::Init::random;
  else if (init != "true")
    flag.fail("init: expected true, false or gaussian, got '" + init + "'");
  if (lora.exclude.kind == ModulePattern::Kind::allLinear)
    flag.fail("exclude: expected names joined by + or a /regular expression/, got all-linear");
  if (!(lora.dropout >= 0.0 && lora.dropout < 1.0))
    flag.fail("dropout: expected a number from 0 to below 1");
  if (Error error = flag.finish())
    return std::move(error);
  return lora;
}

Expected<PromptRecipe> peft::parsePromptTuningFlag(StringRef text) {
  FlagText flag("--prompt-tuning", text, "tokens");
  PromptRecipe prompt;
  flag.integer("tokens", prompt.tokens);
  if (prompt.tokens == 0)
    flag.fail("expected tokens=N");
  if (Error error = flag.finish())
    return std::move(error);
  return prompt;
}

Expected<BottleneckRecipe> peft::parseBottleneckFlag(StringRef text) {
  FlagText flag("--bottleneck", text, "reduction, activation, scale or name");
  BottleneckRecipe bottleneck;
  flag.number("reduction", bottleneck.reduction);
  flag.number("scale", bottleneck.scale);
  bottleneck.activation = flag.take("activation").value_or("relu").str();
  bottleneck.name = flag.take("name").value_or("default").str();
  if (!(bottleneck.reduction > 0.0))
    flag.fail("reduction: expected a number above 0");
  if (!isActivationName(bottleneck.activation))
    flag.fail("activation: expected relu, gelu, gelu_new, swish, silu or tanh, got '" +
              bottleneck.activation + "'");
  if (bottleneck.name.empty() || bottleneck.name.find('.') != std::string::npos)
    flag.fail("name: expected a name without a dot, got '" + bottleneck.name + "'");
  if (Error error = flag.finish())
    return std::move(error);
  return bottleneck;
}

Expected<TrainRecipe> peft::parseMethodFlag(StringRef text) {
  TrainRecipe train;
  if (text == "full")
    return train;
  if (text == "bias") {
    train.kind = TrainRecipe::Kind::bias;
    return train;
  }
  if (!text.consume_front("regex:"))
    return createStringError("method: expected full, bias or regex:PATTERN, got '" + text + "'");
  train.kind = TrainRecipe::Kind::regex;
  train.regex = text.str();
  if (Expected<Regex> regex = Regex::compile(text); !regex)
    return regex.takeError();
  return train;
}

Expected<std::optional<QuantizeRecipe>> peft::parseQuantizeFlag(StringRef text) {
  std::optional<QuantizeRecipe> quantize;
  if (text.empty() || text == "none")
    return quantize;
  if (text != "nf4" && text != "nf4,double" && text != "fp8")
    return createStringError("--quantize: expected nf4, nf4,double, fp8 or none, got '" + text + "'");
  quantize.emplace();
  if (text == "fp8")
    quantize->kind = QuantizeRecipe::Kind::fp8;
  quantize->nested = text == "nf4,double" ? 256 : 0;
  return quantize;
}

/// Stores what a flag said; false after an error.
template <class Part> static bool store(Expected<Part> value, std::optional<Part> &slot, Error &error) {
  if (!value) {
    error = value.takeError();
    return false;
  }
  slot = std::move(*value);
  return true;
}

Expected<Recipe> peft::buildRecipe(const RecipeFlags &flags) {
  SmallVector<StringRef> given;
  for (auto [name, value] : {std::pair<StringRef, StringRef>{"a recipe file", flags.file},
                             {"--lora", flags.lora},
                             {"--prompt-tuning", flags.promptTuning},
                             {"--bottleneck", flags.bottleneck},
                             {"method", flags.method}})
    if (!value.empty())
      given.push_back(name);
  if (given.empty())
    return createStringError(
        "no recipe: expected a recipe file, --lora, --prompt-tuning, --bottleneck or a method "
        "(full, bias or regex:PATTERN)");
  if (given.size() > 1)
    return createStringError("expected one recipe, got " + join(given, " and "));

  Recipe recipe;
  Error error = Error::success();
  ErrorAsOutParameter unset(&error); // looked at, so that it may be assigned
  bool good = true;
  if (!flags.file.empty()) {
    Expected<Recipe> read = parseRecipeFile(flags.file);
    if (!read)
      return read.takeError();
    recipe = std::move(*read);
  } else {
    recipe.origin = given.front().str();
    if (!flags.lora.empty())
      good = store(parseLoraFlag(flags.lora), recipe.lora, error);
    else if (!flags.promptTuning.empty())
      good = store(parsePromptTuningFlag(flags.promptTuning), recipe.prompt, error);
    else if (!flags.bottleneck.empty())
      good = store(parseBottleneckFlag(flags.bottleneck), recipe.bottleneck, error);
    else
      good = store(parseMethodFlag(flags.method), recipe.train, error);
  }
  if (!good)
    return std::move(error);
  Expected<std::optional<QuantizeRecipe>> quantize = parseQuantizeFlag(flags.quantize);
  if (!quantize)
    return quantize.takeError();
  recipe.quantize = *quantize;
  return recipe;
}
