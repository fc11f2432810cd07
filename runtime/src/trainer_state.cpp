//===- trainer_state.cpp - trainer_state.json in transformers' form -------===//

#include "peft/runtime/json.h"
#include "peft/runtime/training_checkpoint.h"

namespace peft {

std::string trainerStateText(const TrainerState &state, const Options &options, int64_t batch) {
  using nlohmann::json;
  json text = {
      {"epoch", state.epoch},
      {"eval_steps", state.evalSteps},
      {"global_step", state.globalStep},
      {"is_hyper_param_search", false},
      {"is_local_process_zero", true},
      {"is_world_process_zero", true},
      {"log_history", state.logHistory},
      {"logging_steps", state.loggingSteps},
      {"max_steps", state.maxSteps},
      {"num_input_tokens_seen", state.tokensSeen},
      {"num_train_epochs", options.numTrainEpochs},
      {"save_steps", state.saveSteps},
      {"stateful_callbacks", json::object()},
      {"total_flos", 0.0},
      {"train_batch_size", batch},
      {"trial_name", nullptr},
      {"trial_params", nullptr},
      {"best_global_step", nullptr},
      {"best_metric", nullptr},
      {"best_model_checkpoint", nullptr},
  };
  if (state.bestMetric) {
    text["best_metric"] = *state.bestMetric;
    text["best_global_step"] = state.bestStep;
  }
  if (!state.bestCheckpoint.empty())
    text["best_model_checkpoint"] = state.bestCheckpoint;
  return printJson(text, 2) + "\n";
}

} // namespace peft
