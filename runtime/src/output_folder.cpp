//===- output_folder.cpp - what a finished run leaves behind --------------===//

#include "peft/runtime/output_folder.h"
#include "peft/runtime/adapter.h"
#include "peft/runtime/file.h"
#include "peft/runtime/json.h"

#include <algorithm>
#include <cctype>

namespace peft {
namespace {

const char *const tokenizerFiles[] = {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
                                      "special_tokens_map.json"};

std::string lowered(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return char(std::tolower(c)); });
  return text;
}

std::string number(double value) {
  char text[32];
  snprintf(text, sizeof text, "%g", value);
  return text;
}

} // namespace

Result<std::string> findTokenizer(const Options &options,
                                  const std::map<std::string, std::string> &dataMetadata,
                                  const std::string &checkpoint) {
  const auto holds = [](const std::string &path) { return isFile(joinPath(path, tokenizerFiles[0])); };
  if (!options.tokenizer.empty()) {
    if (!holds(options.tokenizer))
      return Status::error("--tokenizer: " + options.tokenizer + " holds no tokenizer.json");
    return options.tokenizer;
  }
  if (const auto named = dataMetadata.find("tokenizer"); named != dataMetadata.end() && holds(named->second))
    return named->second;
  return holds(checkpoint) ? checkpoint : std::string();
}

std::string modelCard(const peft_program_t &program, const Options &options, const TrainerState &state) {
  std::string base = program.name, method = "fine-tuning";
  if (auto recipe = parseJson(program.recipe, "adapter_config.json")) {
    if (const auto *name = findField(*recipe, "base_model_name_or_path"); name && name->is_string())
      base = name->get<std::string>();
    if (const auto *type = findField(*recipe, "peft_type"); type && type->is_string())
      method = lowered(type->get<std::string>());
  }
  std::string title = options.outputDir;
  while (title.size() > 1 && title.back() == '/')
    title.pop_back();
  title = title.substr(title.rfind('/') + 1);

  std::string text = "---\nbase_model: " + printJson(base) +
                     "\nlibrary_name: peft\npipeline_tag: text-generation\n" + "tags:\n- " +
                     printJson("base_model:adapter:" + base) + "\n- " + method + "\n- peft-mlir\n---\n\n";
  text += "# Model Card for " + title + "\n\n";
  text += "A fine-tuned version of `" + base + "` (" + method + ").\n\n";
  text += "## Quick start\n\n";
  if (adapterFileName(program) == "adapter_model.safetensors")
    text += "```python\nfrom peft import PeftModel\nfrom transformers import AutoModelForCausalLM\n\n"
            "model = AutoModelForCausalLM.from_pretrained(" +
            printJson(base) + ")\nmodel = PeftModel.from_pretrained(model, " + printJson(title) +
            ")\n```\n\n";
  else
    text += "The trained tensors are in `" + adapterFileName(program) +
            "`; `peft-adapter merge` makes a whole model.\n\n";
  text += "## Training procedure\n\n";
  text += "| | |\n|---|---|\n";
  const auto row = [&](const char *name, const std::string &value) {
    text += "| " + std::string(name) + " | " + value + " |\n";
  };
  row("optimizer", program.optimizer);
  row("learning_rate", number(options.learningRate));
  row("lr_scheduler_type", options.lrSchedulerType);
  row("batch", std::to_string(program.batch) + " x " + std::to_string(program.seq_len) + " tokens");
  row("gradient_accumulation_steps", std::to_string(options.gradientAccumulationSteps));
  row("max_grad_norm", number(options.maxGradNorm));
  row("weight_decay", number(options.weightDecay));
  row("seed", std::to_string(options.seed));
  row("steps", std::to_string(state.globalStep));
  row("epochs", number(state.epoch));
  row("tokens", std::to_string(state.tokensSeen));
  if (state.globalStep > 0)
    row("training loss", number(state.totalLoss / double(state.globalStep)));
  if (state.bestMetric)
    row("best evaluation loss", number(*state.bestMetric));
  text += "\n### Framework versions\n\n- peft-mlir, ABI " + std::to_string(program.version) + "\n";
  return text;
}

Status writeModelFiles(const std::string &directory, const Weights &weights, const Options &options,
                       const TrainerState &state) {
  PEFT_TRY(writeAdapter(directory, weights));
  PEFT_TRY(
      writeFileAtomically(joinPath(directory, "README.md"), modelCard(weights.program(), options, state)));
  for (const char *name : tokenizerFiles) {
    const std::string from = joinPath(options.tokenizer, name);
    if (options.tokenizer.empty() || !isFile(from))
      continue;
    auto bytes = readWholeFile(from);
    if (!bytes)
      return bytes.status();
    PEFT_TRY(writeFileAtomically(joinPath(directory, name), *bytes));
  }
  return Status::ok();
}

Status writeOutput(const Weights &weights, const Options &options, const TrainerState &state) {
  PEFT_TRY(writeModelFiles(options.outputDir, weights, options, state));
  return writeFileAtomically(joinPath(options.outputDir, "trainer_state.json"),
                             trainerStateText(state, options, weights.program().batch));
}

} // namespace peft
