//===- options.h - what a training binary is told on its command line -----===//
//
// Names and defaults are those of transformers' TrainingArguments where it has them.
// `--learning_rate 5e-5`, `--learning-rate 5e-5` and `--learning_rate=5e-5` are the
// same; a switch without a value is on. A JSON object given as --config holds the
// same names; the command line goes before it. Options is a plain value.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_OPTIONS_H
#define PEFT_RUNTIME_OPTIONS_H

#include "peft/runtime/status.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace peft {

/// A number of optimizer steps; below 1, a share of all.
struct Steps {
  double given = 0;
  int64_t of(int64_t all) const;
};

struct Options {
  std::string mode = "train"; ///< train, evaluate, generate, info
  bool help = false;
  std::string config;

  // What to work on.
  std::string model; ///< empty: the path that was compiled in
  std::string data, evalData, batches, tokenizer;
  std::string initAdapter;
  std::string adapter = "on"; ///< on, off, or a path
  bool packing = true;
  int64_t threads = 0; ///< 0: what OpenMP takes

  // The optimizer and its schedule.
  double learningRate = 5e-5, weightDecay = 0, adamBeta1 = 0.9, adamBeta2 = 0.999, adamEpsilon = 1e-8;
  double momentum = 0, maxGradNorm = 1.0, numTrainEpochs = 3, warmupRatio = 0;
  int64_t maxSteps = -1, gradientAccumulationSteps = 1;
  Steps warmupSteps;
  std::string lrSchedulerType = "linear";
  int64_t seed = 42, dataSeed = -1; ///< dataSeed < 0: seed

  // Evaluation, checkpoints, logs.
  std::string outputDir = "trainer_output", loggingDir, resumeFromCheckpoint;
  Steps loggingSteps{10}, evalSteps{0}, saveSteps{500}; ///< evalSteps 0: loggingSteps
  int64_t saveTotalLimit = 0;
  std::string evalStrategy = "no", saveStrategy = "steps", metricForBestModel = "eval_loss";
  bool loggingFirstStep = false, evalOnStart = false, loadBestModelAtEnd = false, disableTqdm = false;
  std::string dumpGradients;
  int64_t bench = 0; ///< steps on random tokens instead of training

  // Generation.
  std::string prompts, output;
  int64_t maxNewTokens = 64, topK = 50;
  bool doSample = false;
  double temperature = 1.0, topP = 1.0;

  /// TrainingArguments' names that are no options here, with their values: checkForeign judges them.
  std::map<std::string, std::string> foreign;

  /// The names that were given, by command line or file, with underscores.
  std::set<std::string> given;
  bool wasGiven(const std::string &name) const { return given.count(name) != 0; }

  /// The names and values of everything, one a line of a JSON object: training_args.json.
  std::string toJson() const;
};

/// "on", "true", "1", "off", ...
std::optional<bool> parseSwitch(const std::string &text);

/// `arguments` without the program's name. Ranges and combinations are checked.
Result<Options> parseOptions(const std::vector<std::string> &arguments);

/// Every option with its default.
std::string optionsHelp();

} // namespace peft

#endif // PEFT_RUNTIME_OPTIONS_H
