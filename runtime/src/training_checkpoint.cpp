//===- training_checkpoint.cpp - a run on disk ----------------------------===//

#include "peft/runtime/training_checkpoint.h"
#include "peft/runtime/adapter.h"
#include "peft/runtime/device.h"
#include "peft/runtime/json.h"
#include "peft/runtime/output_folder.h"
#include "peft/runtime/safetensors.h"

#include <algorithm>
#include <sys/stat.h>
#include <tuple>

namespace peft {
namespace {

using nlohmann::json;

constexpr const char *optimizerFile = "optimizer.safetensors";
constexpr const char *schedulerFile = "scheduler.json";
constexpr const char *choicesFile = "device_choices.json";
constexpr const char *randomFile = "rng_state.json";
constexpr const char *stateFile = "trainer_state.json";

std::string slotName(const peft_parameter_t &parameter, uint64_t slot) {
  return std::string(parameter.name) + ".slot" + std::to_string(slot);
}

Status writeOptimizer(const std::string &path, const Weights &weights) {
  const peft_program_t &program = weights.program();
  std::vector<SafetensorsOutput> tensors;
  std::vector<HostRun> slots;
  for (uint64_t slot = 0; slot < program.optimizer_slots; ++slot) {
    auto run = weights.slot(slot);
    if (!run)
      return run.status();
    slots.push_back(std::move(*run));
    for (uint64_t i = 0; i < program.parameter_count; ++i)
      if (const peft_parameter_t &parameter = program.parameters[i]; parameter.trainable)
        tensors.push_back({slotName(parameter, slot), SafetensorsType::F32, shapeOf(parameter),
                           slots.back().of(parameter)});
  }
  return writeSafetensors(path, std::move(tensors), {{"optimizer", program.optimizer}});
}

Status readOptimizer(const std::string &path, const Weights &weights) {
  const peft_program_t &program = weights.program();
  auto file = SafetensorsFile::open(path);
  if (!file)
    return file.status();
  const auto kind = file->metadata().find("optimizer");
  if (kind == file->metadata().end() || kind->second != program.optimizer)
    return Status::error(path + ": expected the state of " + program.optimizer + ", got that of " +
                         (kind == file->metadata().end() ? "nothing" : kind->second));
  for (uint64_t slot = 0; slot < program.optimizer_slots; ++slot) {
    auto run = weights.slot(slot);
    if (!run)
      return run.status();
    for (uint64_t i = 0; i < program.parameter_count; ++i) {
      const peft_parameter_t &parameter = program.parameters[i];
      if (!parameter.trainable)
        continue;
      auto values = file->floats(slotName(parameter, slot));
      if (!values)
        return values.status();
      if (int64_t(values->size()) != elementCount(parameter))
        return Status::error(path + ": " + slotName(parameter, slot) + ": expected " +
                             std::to_string(elementCount(parameter)) + " values, got " +
                             std::to_string(values->size()));
      std::copy(values->begin(), values->end(), run->of(parameter));
    }
    PEFT_TRY(run->store());
  }
  return Status::ok();
}

Status writeJson(const std::string &path, const json &value) {
  return writeFileAtomically(path, printJson(value, 2) + "\n");
}

Status writeAll(const std::string &directory, const Weights &weights, const TrainerState &state,
                const RunIdentity &identity, const Options &options) {
  PEFT_TRY(makeDirectories(directory));
  PEFT_TRY(writeModelFiles(directory, weights, options, state));
  PEFT_TRY(writeOptimizer(joinPath(directory, optimizerFile), weights));
  PEFT_TRY(device::saveChoices(joinPath(directory, choicesFile)));
  PEFT_TRY(writeJson(joinPath(directory, schedulerFile), {{"last_epoch", state.globalStep},
                                                          {"_last_lr", json::array({state.learningRate})},
                                                          {"base_lrs", json::array({options.learningRate})},
                                                          {"lr_scheduler_type", options.lrSchedulerType}}));
  // Every draw is a function of the seed and of how far the run is: this is the whole state.
  PEFT_TRY(writeJson(joinPath(directory, randomFile), {{"seed", identity.seed},
                                                       {"data_fingerprint", identity.data},
                                                       {"gradient_accumulation_steps", identity.accumulation},
                                                       {"loss_since_log", state.lossSinceLog},
                                                       {"steps_since_log", state.stepsSinceLog},
                                                       {"total_loss", state.totalLoss},
                                                       {"samples_seen", state.samplesSeen}}));
  PEFT_TRY(writeFileAtomically(joinPath(directory, stateFile),
                               trainerStateText(state, options, weights.program().batch)));
  return syncDirectory(directory);
}

/// Of the file that is written last.
int64_t savedAt(const std::string &checkpoint) {
  struct stat info {};
  stat(joinPath(checkpoint, stateFile).c_str(), &info);
  return int64_t(info.st_mtim.tv_sec) * 1000000000 + info.st_mtim.tv_nsec;
}

/// The N of checkpoint-N, or -1.
int64_t checkpointStep(const std::string &name) {
  constexpr std::string_view prefix = "checkpoint-";
  const std::string digits = name.rfind(prefix, 0) == 0 ? name.substr(prefix.size()) : "";
  if (digits.empty() || digits.size() > 18 || digits.find_first_not_of("0123456789") != std::string::npos)
    return -1;
  return std::stoll(digits);
}

Status expectSame(const std::string &path, const char *what, const char *fix, int64_t expected, int64_t got) {
  if (expected == got)
    return Status::ok();
  return Status::error(path + ": was saved with another " + what + " (" + std::to_string(expected) +
                       ", now " + std::to_string(got) + "): " + fix);
}

Status checkIdentity(const std::string &path, const json &saved, const RunIdentity &identity) {
  auto seed = getInt(saved, "seed", path);
  if (!seed)
    return seed.status();
  auto accumulation = getInt(saved, "gradient_accumulation_steps", path);
  if (!accumulation)
    return accumulation.status();
  PEFT_TRY(expectSame(path, "seed", "give the same --seed", *seed, identity.seed));
  PEFT_TRY(
      expectSame(path, "gradient_accumulation_steps", "give the same", *accumulation, identity.accumulation));
  const json *data = findField(saved, "data_fingerprint");
  if (!data || !data->is_number_unsigned() || data->get<uint64_t>() != identity.data)
    return Status::error(path +
                         ": was saved with other data, order or shape of batches; give the same --data, "
                         "--packing and --data_seed, or start anew with --init_adapter");
  return Status::ok();
}

/// Copies a number of `object` if it is there.
template <class T> void copyField(const json &object, const char *key, T &value) {
  if (const json *field = findField(object, key); field && field->is_number())
    value = field->get<T>();
}

Status readState(const std::string &path, const json &text, const json &random, TrainerState &state) {
  auto step = getInt(text, "global_step", path);
  if (!step)
    return step.status();
  if (*step < 0)
    return Status::error(path + ": trainer_state.json: expected global_step at least 0, got " +
                         std::to_string(*step) + "; resume from another checkpoint");
  state.globalStep = *step;
  copyField(text, "epoch", state.epoch);
  copyField(text, "num_input_tokens_seen", state.tokensSeen);
  copyField(text, "best_global_step", state.bestStep);
  if (const json *metric = findField(text, "best_metric"); metric && metric->is_number())
    state.bestMetric = metric->get<double>();
  if (const json *best = findField(text, "best_model_checkpoint"); best && best->is_string())
    state.bestCheckpoint = best->get<std::string>();
  if (const json *rows = findField(text, "log_history"); rows && rows->is_array())
    state.logHistory.assign(rows->begin(), rows->end());
  copyField(random, "loss_since_log", state.lossSinceLog);
  copyField(random, "steps_since_log", state.stepsSinceLog);
  copyField(random, "total_loss", state.totalLoss);
  copyField(random, "samples_seen", state.samplesSeen);
  return Status::ok();
}

} // namespace

Result<std::string> saveCheckpoint(const Weights &weights, const TrainerState &state,
                                   const RunIdentity &identity, const Options &options) {
  const std::string path = joinPath(options.outputDir, "checkpoint-" + std::to_string(state.globalStep));
  const std::string temporary = path + ".tmp";
  Status status = removePath(temporary);
  if (status)
    status = writeAll(temporary, weights, state, identity, options);
  if (status)
    status = replacePath(temporary, path);
  if (status)
    return path;
  (void)removePath(temporary).isOk(); // the first error is the one to tell
  return status;
}

Result<std::vector<std::string>> listCheckpoints(const std::string &outputDir) {
  std::vector<std::string> paths;
  if (!isDirectory(outputDir))
    return paths;
  auto names = listDirectory(outputDir);
  if (!names)
    return names.status();
  // By time: another run may have left larger numbers. By number where clocks are coarse.
  std::vector<std::tuple<int64_t, int64_t, std::string>> found;
  for (const std::string &name : *names)
    if (const std::string path = joinPath(outputDir, name);
        checkpointStep(name) >= 0 && isFile(joinPath(path, stateFile)))
      found.emplace_back(savedAt(path), checkpointStep(name), path);
  std::sort(found.begin(), found.end());
  for (const auto &[time, step, path] : found)
    paths.push_back(path);
  return paths;
}

Result<std::string> findCheckpoint(const std::string &outputDir, const std::string &which) {
  if (which != "last" && which != "true" && which != "True") {
    if (!isFile(joinPath(which, stateFile)))
      return Status::error(which +
                           ": no whole checkpoint (trainer_state.json is written last, and is missing)");
    return which;
  }
  auto found = listCheckpoints(outputDir);
  if (!found)
    return found.status();
  if (found->empty())
    return Status::error(outputDir +
                         ": no checkpoint to resume from; leave --resume_from_checkpoint out to start");
  return found->back();
}

Status loadCheckpoint(const std::string &path, const Weights &weights, const RunIdentity &identity,
                      TrainerState &state) {
  auto random = parseJsonFile(joinPath(path, randomFile));
  if (!random)
    return random.status();
  auto text = parseJsonFile(joinPath(path, stateFile));
  if (!text)
    return text.status();
  PEFT_TRY(checkIdentity(path, *random, identity));
  PEFT_TRY(readState(path, *text, *random, state));
  PEFT_TRY(device::loadChoices(joinPath(path, choicesFile)));
  PEFT_TRY(readOptimizer(joinPath(path, optimizerFile), weights));
  return readAdapter(path, weights);
}

Status pruneCheckpoints(const std::string &outputDir, int64_t limit, const std::set<std::string> &keep) {
  auto found = listCheckpoints(outputDir);
  if (!found)
    return found.status();
  int64_t left = int64_t(found->size());
  for (const std::string &path : *found) {
    if (left <= limit || keep.count(path))
      continue;
    PEFT_TRY(removePath(path));
    --left;
  }
  return Status::ok();
}

} // namespace peft
