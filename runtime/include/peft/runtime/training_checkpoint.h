//===- training_checkpoint.h - a run on disk ------------------------------===//
//
// OUT/checkpoint-N holds the adapter with its model card and tokenizer,
// optimizer.safetensors (NAME.slot0, ...), scheduler.json, rng_state.json and, written
// last, trainer_state.json in transformers' form. It is made as checkpoint-N.tmp and renamed when all is on
// disk, so that a folder of that name is whole. Free functions; one process at a time.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_TRAINING_CHECKPOINT_H
#define PEFT_RUNTIME_TRAINING_CHECKPOINT_H

#include "peft/runtime/options.h"
#include "peft/runtime/weights.h"

#include <nlohmann/json.hpp>

#include <set>

namespace peft {

/// How far a run is.
struct TrainerState {
  int64_t globalStep = 0, maxSteps = 0, tokensSeen = 0, samplesSeen = 0;
  int64_t loggingSteps = 0, evalSteps = 0, saveSteps = 0; ///< of this run; shares of maxSteps are worked out
  double epoch = 0;
  double lossSinceLog = 0, totalLoss = 0; ///< sums over steps
  int64_t stepsSinceLog = 0;
  std::optional<double> bestMetric;
  int64_t bestStep = 0;
  std::string bestCheckpoint;
  double learningRate = 0; ///< of the last step
  std::vector<nlohmann::json> logHistory;
};

/// What must be the same for a resumed run to go on with the same bits.
struct RunIdentity {
  int64_t seed = 0, accumulation = 0;
  uint64_t data = 0; ///< BatchSource::fingerprint
};

/// Returns the folder.
Result<std::string> saveCheckpoint(const Weights &weights, const TrainerState &state,
                                   const RunIdentity &identity, const Options &options);

/// Whole checkpoints of a folder, the one that was saved last at the end.
Result<std::vector<std::string>> listCheckpoints(const std::string &outputDir);

/// `which` is a folder, or "last" for the newest whole one of `outputDir`.
Result<std::string> findCheckpoint(const std::string &outputDir, const std::string &which);

Status loadCheckpoint(const std::string &path, const Weights &weights, const RunIdentity &identity,
                      TrainerState &state);

/// Removes the oldest until `limit` are left, but for those to `keep`.
Status pruneCheckpoints(const std::string &outputDir, int64_t limit, const std::set<std::string> &keep);

/// trainer_state.json.
std::string trainerStateText(const TrainerState &state, const Options &options, int64_t batch);

} // namespace peft

#endif // PEFT_RUNTIME_TRAINING_CHECKPOINT_H
