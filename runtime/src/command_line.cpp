//===- command_line.cpp - options to modes --------------------------------===//

#include "peft/runtime/command_line.h"
#include "foreign_options.h"
#include "peft/runtime/adapter.h"
#include "peft/runtime/clock.h"
#include "peft/runtime/generate.h"
#include "peft/runtime/output_folder.h"
#include "peft/runtime/signals.h"
#include "peft/runtime/trainer.h"

#include <algorithm>
#include <cinttypes>
#include <cmath>

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace peft {
namespace {

/// One run of the binary.
class Session {
public:
  Session(const peft_program_t &program, Options options)
      : program(program), options(std::move(options)), shape(batchShape(program)),
        anonymousAtStart(processMemory("RssAnon")) {}

  Status run() {
    if (options.mode == "info") {
      fputs(programInfo(program).c_str(), stdout);
      return Status::ok();
    }
    PEFT_TRY(checkProgram(program));
    PEFT_TRY(checkForeignOptions());
#if defined(_OPENMP)
    if (options.threads > 0)
      omp_set_num_threads(int(options.threads));
#endif
    if (options.packing && program.virtual_tokens > 0) {
      options.packing = false;
      if (options.wasGiven("packing"))
        note("a soft prompt belongs to one document a row: packing is off");
    }
    if (options.mode == "evaluate")
      return runEvaluate();
    if (options.mode == "generate")
      return runGenerate();
    return options.bench > 0 ? runBench() : runTrain();
  }

  int stoppedBy() const { return signal; }

private:
  static void note(const std::string &text) { fprintf(stderr, "%s\n", text.c_str()); }

  Status checkForeignOptions() const {
    std::vector<std::string> ignored;
    PEFT_TRY(checkForeign(options, program, ignored));
    constexpr size_t shown = 5;
    std::string names;
    for (size_t i = 0; i < std::min(shown, ignored.size()); ++i)
      names += (i ? ", " : "") + ignored[i];
    if (ignored.size() > shown)
      names += " and " + std::to_string(ignored.size() - shown) + " more";
    if (!names.empty())
      note("warning: without meaning here, and ignored: " + names);
    return Status::ok();
  }

  Status loadWeights() {
    auto opened = Checkpoint::open(options.model.empty() ? program.model : options.model);
    if (!opened)
      return Status::error(
          opened.status().message() +
          (options.model.empty() ? " (where the program was compiled; --model says where it is now)" : ""));
    checkpoint.emplace(std::move(*opened));
    auto loaded = Weights::load(program, *checkpoint, uint64_t(options.seed), !options.disableTqdm);
    if (!loaded)
      return loaded.status();
    weights.emplace(std::move(*loaded));
    return Status::ok();
  }

  Status takeAdapter(const std::string &path) {
    std::string warning;
    const Status status = readAdapter(path, *weights, &warning);
    if (status && !warning.empty())
      note("warning: " + warning);
    return status;
  }

  /// The parameters that evaluate and generate work with.
  Status chooseAdapter() {
    if (options.adapter == "off")
      return checkInitialIsBase(program);
    if (options.adapter != "on")
      return takeAdapter(options.adapter);
    if (!options.initAdapter.empty())
      return takeAdapter(options.initAdapter);
    if (!isFile(joinPath(options.outputDir, adapterFileName(program))))
      return Status::error("--adapter on: " + options.outputDir + " holds no " + adapterFileName(program) +
                           "; give --adapter FOLDER, or --adapter off for the base model");
    return takeAdapter(options.outputDir);
  }

  Result<Dataset> openData(const std::string &path) const {
    auto dataset = Dataset::open(path, shape);
    if (!dataset)
      return dataset;
    if (dataset->truncated())
      note("warning: " + path + ": " + std::to_string(dataset->truncated()) + " documents are longer than " +
           std::to_string(shape.seqLen) + " tokens and were cut");
    if (dataset->dropped())
      note("warning: " + path + ": " + std::to_string(dataset->dropped()) +
           " documents have no labelled token in a row's length and were left out");
    return dataset;
  }

  Status openTrainingData() {
    if (!options.batches.empty()) {
      auto replayed = replayedBatches(options.batches, shape);
      if (!replayed)
        return replayed.status();
      data = std::move(*replayed);
      if (!options.wasGiven("logging_steps"))
        options.loggingSteps.given = 1;
      if (!options.wasGiven("num_train_epochs"))
        options.numTrainEpochs = 1;
      return Status::ok();
    }
    if (options.data.empty())
      return Status::error("nothing to train on: give --data FILE (peft-data writes it) or --batches FILE");
    auto opened = openData(options.data);
    if (!opened)
      return opened.status();
    dataset.emplace(std::move(*opened));
    data = documentBatches(*dataset, shape, options.packing, true, uint64_t(options.dataSeed));
    return Status::ok();
  }

  Status openEvaluationData() {
    if (options.evalData.empty())
      return Status::ok();
    auto opened = openData(options.evalData);
    if (!opened)
      return opened.status();
    evalDataset.emplace(std::move(*opened));
    evaluation = documentBatches(*evalDataset, shape, options.packing, false, 0);
    return Status::ok();
  }

  void announce() const {
    int64_t trainable = 0, all = 0;
    for (uint64_t i = 0; i < program.parameter_count; ++i) {
      all += elementCount(program.parameters[i]);
      trainable += program.parameters[i].trainable ? elementCount(program.parameters[i]) : 0;
    }
    fprintf(stderr,
            "%s: %" PRId64 " of %" PRId64 " parameters train (%.2f %%), arena %.1f MiB, up after %.2f s\n",
            program.name, trainable, all, 100.0 * double(trainable) / double(all),
            double(program.arena_bytes) / (1 << 20), secondsSinceStart());
    if (dataset)
      fprintf(stderr,
              "%s: %" PRId64 " documents, %" PRId64 " tokens in %" PRId64 " batches of %" PRId64 " x %" PRId64
              " (%.1f %% full)\n",
              options.data.c_str(), dataset->documents(), dataset->tokens(), data->size(), shape.batch,
              shape.seqLen,
              100.0 * double(dataset->tokens()) / double(data->size() * shape.batch * shape.seqLen));
  }

  Status runTrain() {
    PEFT_TRY(openTrainingData());
    PEFT_TRY(openEvaluationData());
    PEFT_TRY(checkWritable(options.outputDir));
    PEFT_TRY(loadWeights());
    auto tokenizer = findTokenizer(
        options, dataset ? dataset->metadata() : std::map<std::string, std::string>(), checkpoint->path());
    if (!tokenizer)
      return tokenizer.status();
    options.tokenizer = *tokenizer;
    if (!options.initAdapter.empty())
      PEFT_TRY(takeAdapter(options.initAdapter));
    announce();

    installStopSignals();
    Trainer trainer(*weights, options, *data, evaluation.get());
    const Status status = trainer.run();
    removeStopSignals();
    PEFT_TRY(status);
    signal = trainer.stoppedBy();
    if (signal) {
      note("stopped by a signal after step " + std::to_string(trainer.state().globalStep) +
           ", saved; go on with --resume_from_checkpoint last");
      return Status::ok();
    }
    PEFT_TRY(writeOutput(*weights, options, trainer.state()));
    note("saved " + joinPath(options.outputDir, adapterFileName(program)));
    return Status::ok();
  }

  Status runEvaluate() {
    if (options.evalData.empty())
      return Status::error("evaluate needs --eval_data FILE");
    PEFT_TRY(openEvaluationData());
    PEFT_TRY(loadWeights());
    PEFT_TRY(chooseAdapter());
    auto result = evaluate(*weights, *evaluation);
    if (!result)
      return result.status();
    if (!std::isfinite(result->loss))
      return Status::error("the loss is not finite (" + std::to_string(result->loss) +
                           "): the adapter's or the model's values are damaged; --adapter off tells which");
    LogRow row;
    row.values = {{"eval_loss", result->loss},
                  {"eval_runtime", result->seconds},
                  {"eval_samples_per_second", double(result->samples) / result->seconds},
                  {"num_labelled_tokens", double(result->labelled)}};
    printf("%s\n", consoleLine(row).c_str());
    return Status::ok();
  }

  Status runGenerate() {
    if (options.prompts.empty() || options.output.empty())
      return Status::error("generate needs --prompts FILE (peft-data prompts writes it) and --output FILE");
    auto prompts = Prompts::open(options.prompts, shape);
    if (!prompts)
      return prompts.status();
    PEFT_TRY(loadWeights());
    PEFT_TRY(chooseAdapter());
    const Sampling sampling = {options.doSample, options.temperature, options.topP, options.topK};
    const double start = secondsNow();
    auto tokens = generate(*weights, *prompts, sampling, options.maxNewTokens, uint64_t(options.seed));
    if (!tokens)
      return tokens.status();
    PEFT_TRY(writeGenerated(options.output, *tokens, prompts->metadata));
    size_t count = 0;
    for (const auto &row : *tokens)
      count += row.size();
    fprintf(stderr, "%zu prompts, %zu new tokens in %.1f s: %s\n", tokens->size(), count,
            secondsNow() - start, options.output.c_str());
    return Status::ok();
  }

  Status runBench() {
    PEFT_TRY(loadWeights());
    return runBenchmark(*weights, options, anonymousAtStart);
  }

  const peft_program_t &program;
  Options options;
  const BatchShape shape;
  const uint64_t anonymousAtStart;
  std::optional<Checkpoint> checkpoint;
  std::optional<Weights> weights;
  std::optional<Dataset> dataset, evalDataset;
  std::unique_ptr<BatchSource> data, evaluation;
  int signal = 0;
};

} // namespace

int runCommandLine(const peft_program_t &program, const std::vector<std::string> &arguments) {
  auto options = parseOptions(arguments);
  if (!options) {
    fprintf(stderr, "error: %s\n", options.status().message().c_str());
    return 2;
  }
  if (options->help) {
    fputs(optionsHelp().c_str(), stdout);
    return 0;
  }
  Session session(program, std::move(*options));
  if (const Status status = session.run(); !status) {
    fprintf(stderr, "error: %s\n", status.message().c_str());
    return 2;
  }
  return session.stoppedBy() ? 128 + session.stoppedBy() : 0;
}

} // namespace peft
