//===- option_table.cpp - every option once: name, place, help ------------===//

#include "option_table.h"

#include <cstdio>

namespace peft {

const std::vector<OptionEntry> &optionTable() {
  using O = Options;
  static const std::vector<OptionEntry> table = {
      {nullptr, &O::help, "What to work on:"},
      {"data", &O::data, "training documents: the safetensors file that peft-data writes"},
      {"eval_data", &O::evalData, "documents for evaluation"},
      {"batches", &O::batches,
       "replay the micro-batches of this file instead (input_ids.N, attention_mask.N, labels.N)"},
      {"packing", &O::packing, "several documents in a row; off: one, padded"},
      {"model", &O::model, "checkpoint folder or .gguf, if it moved since the program was compiled"},
      {"tokenizer", &O::tokenizer, "folder whose tokenizer files go into the output"},
      {"init_adapter", &O::initAdapter, "start from this adapter (file or folder)"},
      {"adapter", &O::adapter,
       "evaluate, generate: on (the one in output_dir), off (the base model) or a path"},
      {"threads", &O::threads, "of the CPU; 0: all that OpenMP sees"},
      {"config", &O::config, "JSON file with any of these names; the command line goes before it"},

      {nullptr, &O::help, "Optimizer and schedule:"},
      {"learning_rate", &O::learningRate, "the highest of the schedule"},
      {"lr_scheduler_type", &O::lrSchedulerType, "linear, cosine, constant or constant_with_warmup"},
      {"warmup_steps", &O::warmupSteps, "steps from 0 to learning_rate; below 1, a share of all"},
      {"warmup_ratio", &O::warmupRatio, "the same as a share of all steps, when warmup_steps is 0"},
      {"num_train_epochs", &O::numTrainEpochs, "passes over the data; may be a fraction"},
      {"max_steps", &O::maxSteps, "optimizer steps; goes before num_train_epochs when positive"},
      {"gradient_accumulation_steps", &O::gradientAccumulationSteps, "micro-batches a step"},
      {"max_grad_norm", &O::maxGradNorm, "clip the gradients' norm; 0: never"},
      {"weight_decay", &O::weightDecay, "decoupled (adamw), on every trainable tensor"},
      {"adam_beta1", &O::adamBeta1, "of adamw"},
      {"adam_beta2", &O::adamBeta2, "of adamw"},
      {"adam_epsilon", &O::adamEpsilon, "of adamw"},
      {"momentum", &O::momentum, "of sgd"},
      {"seed", &O::seed, "of initial values and dropout"},
      {"data_seed", &O::dataSeed, "of the order of documents; negative: seed"},

      {nullptr, &O::help, "Logs, evaluation, checkpoints:"},
      {"output_dir", &O::outputDir, "folder of everything that is written"},
      {"logging_dir", &O::loggingDir, "TensorBoard files; default output_dir/runs/DATE_HOST"},
      {"logging_steps", &O::loggingSteps,
       "steps between log lines, or a share of all; batches log every step unless it is given"},
      {"logging_first_step", &O::loggingFirstStep, "log the first step too"},
      {"disable_tqdm", &O::disableTqdm, "no progress bar"},
      {"eval_strategy", &O::evalStrategy, "no, steps or epoch; given eval_data and not this option: epoch"},
      {"eval_steps", &O::evalSteps, "steps between evaluations, or a share of all; 0: logging_steps"},
      {"eval_on_start", &O::evalOnStart, "evaluate before the first step"},
      {"save_strategy", &O::saveStrategy,
       "no, steps, epoch or best (at each evaluation that is better than all before)"},
      {"save_steps", &O::saveSteps, "steps between checkpoints, or a share of all"},
      {"save_total_limit", &O::saveTotalLimit, "keep the newest N checkpoints (and the best); 0: all"},
      {"load_best_model_at_end", &O::loadBestModelAtEnd,
       "save the adapter of the checkpoint with the lowest eval_loss"},
      {"metric_for_best_model", &O::metricForBestModel, "eval_loss"},
      {"resume_from_checkpoint", &O::resumeFromCheckpoint, "a checkpoint folder, or last"},
      {"dump_gradients", &O::dumpGradients,
       "write the first step's gradients, before clipping, to this file"},
      {"bench", &O::bench, "run N steps on random tokens and print one line of JSON"},

      {nullptr, &O::help, "generate:"},
      {"prompts", &O::prompts, "the safetensors file that peft-data prompts writes"},
      {"output", &O::output, "safetensors file of the new tokens; peft-data decodes it"},
      {"max_new_tokens", &O::maxNewTokens, "at most, for each prompt"},
      {"do_sample", &O::doSample, "draw tokens; off: always the likeliest"},
      {"temperature", &O::temperature, "divides the logits before drawing"},
      {"top_k", &O::topK, "draw from the k likeliest; 0: from all"},
      {"top_p", &O::topP, "draw from the likeliest that hold this probability together"},

      {nullptr, &O::help, "Help:"},
      {"help", &O::help, "print this"},
  };
  return table;
}

static std::string numberText(double value) {
  char text[32], shorter[32];
  snprintf(text, sizeof text, "%.17g", value);
  snprintf(shorter, sizeof shorter, "%g", value);
  double back = 0;
  return sscanf(shorter, "%lf", &back) == 1 && back == value ? shorter : text;
}

std::string optionText(const Options &options, const OptionPlace &place) {
  struct Printer {
    const Options &options;
    std::string operator()(double Options::*place) const { return numberText(options.*place); }
    std::string operator()(Steps Options::*place) const { return numberText((options.*place).given); }
    std::string operator()(int64_t Options::*place) const { return std::to_string(options.*place); }
    std::string operator()(bool Options::*place) const { return options.*place ? "on" : "off"; }
    std::string operator()(std::string Options::*place) const { return options.*place; }
  };
  return std::visit(Printer{options}, place);
}

} // namespace peft
