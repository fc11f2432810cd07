//===- options.cpp - command line and config file to Options --------------===//

#include "peft/runtime/options.h"
#include "foreign_options.h"
#include "option_table.h"
#include "peft/runtime/json.h"
#include "peft/runtime/names.h"
#include "peft/runtime/schedule.h"

#include <algorithm>
#include <cmath>

namespace peft {
namespace {

const char *const modes[] = {"train", "evaluate", "generate", "info"};

std::string withUnderscores(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

Result<const OptionEntry *> findOption(const std::string &name) {
  std::vector<std::string> names;
  for (const OptionEntry &entry : optionTable()) {
    if (entry.name && name == entry.name)
      return &entry;
    if (entry.name)
      names.push_back(entry.name);
  }
  return Status::error("unknown option '--" + name + "'" + didYouMean(nearestNames(name, names)) +
                       " (--help lists all)");
}

Status assign(Options &options, const OptionEntry &entry, const std::string &text) {
  const auto wrong = [&](const char *expected) {
    return Status::error("--" + std::string(entry.name) + ": expected " + expected + ", got '" + text + "'");
  };
  char *end = nullptr;
  if (const auto *number = std::get_if<double Options::*>(&entry.place)) {
    options.**number = strtod(text.c_str(), &end);
    if (text.empty() || *end || !std::isfinite(options.**number))
      return wrong("a number");
  } else if (const auto *integer = std::get_if<int64_t Options::*>(&entry.place)) {
    errno = 0;
    options.**integer = strtoll(text.c_str(), &end, 10);
    if (text.empty() || *end || errno)
      return wrong("an integer");
  } else if (const auto *steps = std::get_if<Steps Options::*>(&entry.place)) {
    double &value = (options.**steps).given;
    value = strtod(text.c_str(), &end);
    if (text.empty() || *end || !std::isfinite(value) || (value >= 1 && value != std::floor(value)))
      return wrong("a number of steps, or a share of all that is below 1");
  } else if (const auto *flag = std::get_if<bool Options::*>(&entry.place)) {
    const auto value = parseSwitch(text);
    if (!value)
      return wrong("on or off");
    options.**flag = *value;
  } else {
    options.*std::get<std::string Options::*>(entry.place) = text;
  }
  options.given.insert(entry.name);
  return Status::ok();
}

Status readConfig(Options &options, const std::string &path) {
  auto json = parseJsonFile(path);
  if (!json)
    return json.status();
  if (!json->is_object())
    return Status::error(path + ": expected a JSON object of options");
  for (const auto &[key, value] : json->items()) {
    const std::string name = withUnderscores(key);
    if (isForeign(name)) {
      if (!value.is_null())
        options.foreign.emplace(name, value.is_string() ? value.get<std::string>() : printJson(value));
      continue;
    }
    auto entry = findOption(name);
    if (!entry)
      return Status::error(path + ": " + entry.status().message());
    if (value.is_null() || options.wasGiven(name))
      continue;
    if (value.is_object() || value.is_array())
      return Status::error(path + ": --" + name + ": expected one value, got " + printJson(value));
    const Status status =
        assign(options, **entry, value.is_string() ? value.get<std::string>() : printJson(value));
    if (!status)
      return Status::error(path + ": " + status.message());
  }
  return Status::ok();
}

Status checkChoice(const char *name, const std::string &value, std::initializer_list<const char *> choices) {
  std::string list;
  for (const char *choice : choices) {
    if (value == choice)
      return Status::ok();
    list += (list.empty() ? "" : ", ") + std::string(choice);
  }
  return Status::error("--" + std::string(name) + ": expected one of " + list + ", got '" + value + "'");
}

Status checkRange(const char *name, double value, double low, double high, bool openHigh = false) {
  if (value >= low && (openHigh ? value < high : value <= high))
    return Status::ok();
  char text[160];
  if (high >= 1e18 && value < low)
    snprintf(text, sizeof text, "--%s: expected at least %g, got %g", name, low, value);
  else
    snprintf(text, sizeof text, "--%s: expected %g to %g, got %g", name, low, high, value);
  return Status::error(text);
}

Status checkSteps(const char *name, Steps steps, bool zeroIsFine = false) {
  if (steps.given <= 0 && !(zeroIsFine && steps.given == 0))
    return Status::error("--" + std::string(name) +
                         ": expected a number of steps, or a share of all that is below 1");
  return checkRange(name, steps.given, 0, 1e15);
}

/// Whether every `a`-th step is a `b`-th too; of two shares, as far as rounding lets them.
bool isMultiple(Steps a, Steps b) {
  if ((a.given < 1) != (b.given < 1))
    return false;
  const double unit = a.given < 1 ? 1e6 : 1;
  return std::llround(a.given * unit) % std::max<int64_t>(1, std::llround(b.given * unit)) == 0;
}

Status check(Options &o) {
  const double any = 1e18;
  if (auto kind = parseSchedule(o.lrSchedulerType); !kind)
    return kind.status();
  PEFT_TRY(checkChoice("eval_strategy", o.evalStrategy, {"no", "steps", "epoch"}));
  PEFT_TRY(checkChoice("save_strategy", o.saveStrategy, {"no", "steps", "epoch", "best"}));
  PEFT_TRY(checkChoice("metric_for_best_model", o.metricForBestModel, {"eval_loss", "loss"}));
  PEFT_TRY(checkRange("learning_rate", o.learningRate, 0, any));
  PEFT_TRY(checkRange("weight_decay", o.weightDecay, 0, any));
  PEFT_TRY(checkRange("adam_beta1", o.adamBeta1, 0, 1, true));
  PEFT_TRY(checkRange("adam_beta2", o.adamBeta2, 0, 1, true));
  PEFT_TRY(checkRange("adam_epsilon", o.adamEpsilon, 0, any));
  PEFT_TRY(checkRange("momentum", o.momentum, 0, 1, true));
  PEFT_TRY(checkRange("max_grad_norm", o.maxGradNorm, 0, any));
  PEFT_TRY(checkRange("num_train_epochs", o.numTrainEpochs, 0, any));
  PEFT_TRY(checkRange("max_steps", double(o.maxSteps), -1, 1e15));
  PEFT_TRY(checkSteps("warmup_steps", o.warmupSteps, true));
  PEFT_TRY(checkRange("warmup_ratio", o.warmupRatio, 0, 1));
  PEFT_TRY(checkRange("gradient_accumulation_steps", double(o.gradientAccumulationSteps), 1, 1e6));
  PEFT_TRY(checkSteps("logging_steps", o.loggingSteps));
  PEFT_TRY(checkSteps("eval_steps", o.evalSteps, true));
  PEFT_TRY(checkSteps("save_steps", o.saveSteps));
  PEFT_TRY(checkRange("save_total_limit", double(o.saveTotalLimit), 0, any));
  PEFT_TRY(checkRange("threads", double(o.threads), 0, 4096));
  PEFT_TRY(checkRange("bench", double(o.bench), 0, 1e6));
  PEFT_TRY(checkRange("max_new_tokens", double(o.maxNewTokens), 1, 1e6));
  PEFT_TRY(checkRange("top_k", double(o.topK), 0, 1e9));
  PEFT_TRY(checkRange("top_p", o.topP, 0, 1));
  if (!(o.temperature > 0))
    return Status::error(
        "--temperature: expected a positive number; leave out --do_sample for the likeliest tokens");
  if (o.seed < 0)
    return Status::error("--seed: expected at least 0, got " + std::to_string(o.seed));

  if (!o.evalData.empty() && !o.wasGiven("eval_strategy"))
    o.evalStrategy = "epoch";
  if (o.evalSteps.given == 0)
    o.evalSteps = o.loggingSteps;
  if (o.dataSeed < 0)
    o.dataSeed = o.seed;
  if (o.mode != "train")
    return Status::ok();
  if (o.evalData.empty() && (o.evalStrategy != "no" || o.loadBestModelAtEnd || o.evalOnStart))
    return Status::error("evaluation while training needs --eval_data FILE");
  if (o.saveStrategy == "best" && o.evalStrategy == "no")
    return Status::error("--save_strategy best needs evaluations: give --eval_data FILE and --eval_strategy");
  if (!o.data.empty() && !o.batches.empty())
    return Status::error("--data and --batches: expected one of them to train on, got both");
  if (o.loadBestModelAtEnd && o.saveStrategy != "best" &&
      (o.saveStrategy != o.evalStrategy ||
       (o.saveStrategy == "steps" && !isMultiple(o.saveSteps, o.evalSteps))))
    return Status::error(
        "--load_best_model_at_end: every checkpoint needs an evaluation: give save_strategy and "
        "eval_strategy the same value, and save_steps a multiple of eval_steps; or --save_strategy best");
  return Status::ok();
}

} // namespace

Result<Options> parseOptions(const std::vector<std::string> &arguments) {
  Options options;
  size_t i = 0;
  if (!arguments.empty() && !arguments[0].empty() && arguments[0][0] != '-') {
    options.mode = arguments[i++];
    if (std::find(std::begin(modes), std::end(modes), options.mode) == std::end(modes))
      return Status::error("unknown mode '" + options.mode + "': expected train, evaluate, generate or info");
  }
  while (i < arguments.size()) {
    const std::string &argument = arguments[i++];
    if (argument == "-h") {
      options.help = true;
      continue;
    }
    if (argument.rfind("--", 0) != 0)
      return Status::error("expected an option that starts with '--', got '" + argument + "'");
    const size_t equals = argument.find('=');
    const std::string name =
        withUnderscores(argument.substr(2, equals == std::string::npos ? equals : equals - 2));
    if (isForeign(name)) {
      const bool hasNext = i < arguments.size() && arguments[i].rfind("--", 0) != 0;
      options.foreign[name] = equals != std::string::npos ? argument.substr(equals + 1)
                              : hasNext                   ? arguments[i++]
                                                          : "true";
      continue;
    }
    auto entry = findOption(name);
    if (!entry)
      return entry.status();
    std::string value;
    if (equals != std::string::npos) {
      value = argument.substr(equals + 1);
    } else if (std::holds_alternative<bool Options::*>((*entry)->place)) {
      value = i < arguments.size() && parseSwitch(arguments[i]) ? arguments[i++] : "on";
    } else if (i < arguments.size()) {
      value = arguments[i++];
    } else {
      return Status::error("--" + std::string((*entry)->name) + ": a value is missing");
    }
    PEFT_TRY(assign(options, **entry, value));
  }
  if (options.help)
    return options;
  if (!options.config.empty())
    PEFT_TRY(readConfig(options, options.config));
  PEFT_TRY(check(options));
  return options;
}

int64_t Steps::of(int64_t all) const { return int64_t(given < 1 ? std::ceil(given * double(all)) : given); }

std::optional<bool> parseSwitch(const std::string &text) {
  if (text == "on" || text == "true" || text == "True" || text == "1" || text == "yes")
    return true;
  if (text == "off" || text == "false" || text == "False" || text == "0" || text == "no")
    return false;
  return std::nullopt;
}

std::string optionsHelp() {
  const Options defaults;
  std::string text = "usage: train [train|evaluate|generate|info] [--OPTION VALUE ...]\n\n"
                     "  train     fine-tune (the default)\n"
                     "  evaluate  print the loss over --eval_data\n"
                     "  generate  continue --prompts\n"
                     "  info      print the memory table and the parameters\n";
  for (const OptionEntry &entry : optionTable()) {
    if (!entry.name) {
      text += "\n" + std::string(entry.help) + "\n";
      continue;
    }
    std::string line = "  --" + std::string(entry.name);
    line.resize(std::max<size_t>(line.size() + 1, 34), ' ');
    text += line + entry.help;
    const std::string value = optionText(defaults, entry.place);
    if (!value.empty() && entry.place != OptionPlace(&Options::help))
      text += " [" + value + "]";
    text += "\n";
  }
  return text;
}

std::string Options::toJson() const {
  nlohmann::json json = nlohmann::json::object();
  for (const OptionEntry &entry : optionTable()) {
    if (!entry.name || entry.place == OptionPlace(&Options::help))
      continue;
    if (const auto *number = std::get_if<double Options::*>(&entry.place))
      json[entry.name] = this->**number;
    else if (const auto *integer = std::get_if<int64_t Options::*>(&entry.place))
      json[entry.name] = this->**integer;
    else if (const auto *steps = std::get_if<Steps Options::*>(&entry.place);
             steps && (this->**steps).given >= 1)
      json[entry.name] = int64_t((this->**steps).given);
    else if (steps)
      json[entry.name] = (this->**steps).given;
    else if (const auto *flag = std::get_if<bool Options::*>(&entry.place))
      json[entry.name] = this->**flag;
    else
      json[entry.name] = this->*std::get<std::string Options::*>(entry.place);
  }
  return printJson(json, 2) + "\n";
}

} // namespace peft
