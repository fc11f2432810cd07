//===- trainer.cpp - the training loop ------------------------------------===//

#include "peft/runtime/trainer.h"
#include "peft/runtime/adapter.h"
#include "peft/runtime/clock.h"
#include "peft/runtime/signals.h"

#include <algorithm>
#include <cmath>

namespace peft {

Trainer::Trainer(Weights &weights, const Options &options, BatchSource &data, BatchSource *evaluation)
    : weights(weights), options(options), data(data), evaluation(evaluation) {}

double Trainer::epochAt(int64_t step) const {
  const int64_t within = (step % stepsPerEpoch) * options.gradientAccumulationSteps;
  const int64_t whole = step / stepsPerEpoch;
  return double(whole) + double(within) / double(data.size());
}

Status Trainer::prepare() {
  const int64_t accumulation = options.gradientAccumulationSteps;
  stepsPerEpoch = (data.size() + accumulation - 1) / accumulation;
  const double wanted = std::ceil(options.numTrainEpochs * double(stepsPerEpoch));
  progress.maxSteps = options.maxSteps > 0 ? options.maxSteps : int64_t(std::min(wanted, 1e15));
  auto kind = parseSchedule(options.lrSchedulerType);
  if (!kind)
    return kind.status();
  schedule = {*kind, options.learningRate, options.warmupSteps.of(progress.maxSteps), progress.maxSteps};
  if (options.warmupSteps.given == 0)
    schedule.warmup = int64_t(std::ceil(options.warmupRatio * double(progress.maxSteps)));
  identity = {options.seed, accumulation, data.fingerprint()};

  progress.loggingSteps = options.loggingSteps.of(progress.maxSteps);
  progress.evalSteps = options.evalSteps.of(progress.maxSteps);
  progress.saveSteps = options.saveSteps.of(progress.maxSteps);

  if (options.resumeFromCheckpoint.empty())
    warnOfOtherRuns();
  else
    PEFT_TRY(resume());
  PEFT_TRY(makeDirectories(options.outputDir));
  PEFT_TRY(writeFileAtomically(joinPath(options.outputDir, "training_args.json"), options.toJson()));
  const std::string events =
      options.loggingDir.empty() ? defaultLoggingDir(options.outputDir) : options.loggingDir;
  auto opened = MetricsLog::open(options.outputDir, events, progress.logHistory);
  if (!opened)
    return opened.status();
  log = std::move(*opened);
  bar = Progress(progress.maxSteps, !options.disableTqdm);
  firstStep = progress.globalStep;
  firstTokens = progress.tokensSeen;
  firstSamples = progress.samplesSeen;
  return Status::ok();
}

Status Trainer::resume() {
  auto path = findCheckpoint(options.outputDir, options.resumeFromCheckpoint);
  if (!path)
    return path.status();
  PEFT_TRY(loadCheckpoint(*path, weights, identity, progress));
  lastCheckpoint = *path;
  savedStep = progress.globalStep;
  bar.note("resuming from " + *path + " at step " + std::to_string(progress.globalStep));
  if (progress.globalStep >= progress.maxSteps)
    bar.note("nothing is left to do: the run ends at step " + std::to_string(progress.maxSteps) +
             "; to go on, give a larger " + (options.maxSteps > 0 ? "--max_steps" : "--num_train_epochs"));
  return Status::ok();
}

void Trainer::warnOfOtherRuns() {
  auto found = listCheckpoints(options.outputDir);
  if (found && !found->empty())
    bar.note("warning: " + found->back() + " is of an earlier run, which --save_total_limit and " +
             "--resume_from_checkpoint last don't tell from this one; another --output_dir keeps them apart");
}

/// As `stopped`, where numbers became too large to go on.
Status Trainer::stoppedByNumbers(const std::string &what) const {
  return Status::error(stopped(Status::error("the " + what)).message() +
                       "; try a lower --learning_rate or --max_grad_norm" +
                       (options.adamEpsilon > 0 ? "" : ", or an --adam_epsilon above 0"));
}

/// What ended the run, and what is left of it.
Status Trainer::stopped(const Status &cause) const {
  return Status::error("step " + std::to_string(progress.globalStep) + ": " + cause.message() +
                       ", stopped; " +
                       (lastCheckpoint.empty() ? "no checkpoint was saved before"
                                               : "the last good checkpoint is " + lastCheckpoint));
}

/// A step's micro-batches. What a source answers depends on the step alone, so that it may be asked early.
Status Trainer::gather(int64_t step, std::vector<MicroBatch> &batches) {
  const int64_t first = step % stepsPerEpoch * options.gradientAccumulationSteps;
  batches.resize(size_t(std::min(options.gradientAccumulationSteps, data.size() - first)));
  for (size_t i = 0; i < batches.size(); ++i)
    PEFT_TRY(data.fill(step / stepsPerEpoch, first + int64_t(i), batches[i]));
  return Status::ok();
}

/// Forward and backward of a step's micro-batches: the mean loss needs all their labels counted first.
Status Trainer::accumulate(double &lossSum, int64_t &labelled) {
  const int64_t step = progress.globalStep;
  if (comingStep == step)
    std::swap(gathered, coming);
  else
    PEFT_TRY(gather(step, gathered));
  comingStep = -1;
  labelled = 0;
  for (const MicroBatch &batch : gathered) {
    labelled += batch.labelled;
    progress.tokensSeen += batch.tokens;
    progress.samplesSeen += batch.samples;
  }
  lossSum = 0;
  const float scale = float(1.0 / double(std::max<int64_t>(1, labelled)));
  const int64_t first =
      step / stepsPerEpoch * data.size() + step % stepsPerEpoch * options.gradientAccumulationSteps;
  for (size_t i = 0; i < gathered.size(); ++i) {
    const uint64_t seed = microBatchSeed(uint64_t(options.seed), first + int64_t(i));
    if (const Status started = weights.runner().startMicroStep(gathered[i], scale, seed); !started)
      return stopped(started);
    // A batch that can't be had is reported when its turn comes.
    if (i + 1 == gathered.size() && step + 1 < progress.maxSteps && gather(step + 1, coming))
      comingStep = step + 1;
    auto loss = weights.runner().finishMicroStep();
    if (!loss)
      return stopped(loss.status());
    if (!std::isfinite(*loss))
      return stoppedByNumbers("loss is not finite (" + std::to_string(*loss) + ")");
    lossSum += *loss;
  }
  return Status::ok();
}

Status Trainer::step() {
  double lossSum = 0;
  int64_t labelled = 0;
  PEFT_TRY(accumulate(lossSum, labelled));
  if (progress.globalStep == firstStep && !options.dumpGradients.empty())
    PEFT_TRY(writeGradients(options.dumpGradients, weights));

  progress.learningRate = learningRateAt(progress.globalStep);
  peft_update_t update{};
  update.learning_rate = float(progress.learningRate);
  update.beta1 = float(options.adamBeta1);
  update.beta2 = float(options.adamBeta2);
  update.epsilon = float(options.adamEpsilon);
  update.weight_decay = float(options.weightDecay);
  update.momentum = float(options.momentum);
  update.max_grad_norm = float(options.maxGradNorm);
  update.step = progress.globalStep + 1;
  auto norm = weights.runner().update(update);
  if (!norm)
    return stopped(norm.status());
  if (!std::isfinite(*norm))
    return stoppedByNumbers("gradient norm is not finite (" + std::to_string(*norm) + ")");
  ++progress.globalStep;
  progress.epoch = epochAt(progress.globalStep);
  return afterStep(lossSum / double(std::max<int64_t>(1, labelled)), *norm);
}

/// Logs, evaluates and saves where a strategy says so; evaluation first, so that a
/// checkpoint knows whether it is the best.
Status Trainer::afterStep(double loss, float norm) {
  const int64_t now = progress.globalStep;
  const bool last = now >= progress.maxSteps, epochEnd = now % stepsPerEpoch == 0 || last;
  progress.lossSinceLog += loss;
  progress.totalLoss += loss;
  ++progress.stepsSinceLog;
  if (now % progress.loggingSteps == 0 || last || (now == 1 && options.loggingFirstStep)) {
    LogRow row{now, {}};
    row.values = {{"loss", progress.lossSinceLog / double(progress.stepsSinceLog)},
                  {"grad_norm", double(norm)},
                  {"learning_rate", progress.learningRate},
                  {"num_tokens", double(progress.tokensSeen)},
                  {"epoch", progress.epoch}};
    PEFT_TRY(log.log(row, bar));
    progress.lossSinceLog = 0;
    progress.stepsSinceLog = 0;
  }
  const double elapsed = secondsNow() - started;
  const double perStep = elapsed / double(now - firstStep);
  bar.update(now, loss, double(progress.tokensSeen - firstTokens) / elapsed,
             perStep * double(progress.maxSteps - now));

  if ((options.evalStrategy == "steps" && (now % progress.evalSteps == 0 || last)) ||
      (options.evalStrategy == "epoch" && epochEnd))
    PEFT_TRY(evaluateNow());
  if ((options.saveStrategy == "steps" && (now % progress.saveSteps == 0 || last)) ||
      (options.saveStrategy == "epoch" && epochEnd) ||
      (options.saveStrategy == "best" && progress.bestStep == now))
    PEFT_TRY(save());
  return Status::ok();
}

Status Trainer::evaluateNow() {
  auto result = evaluate(weights, *evaluation);
  if (!result)
    return result.status();
  if (!std::isfinite(result->loss))
    return stoppedByNumbers("evaluation loss is not finite (" + std::to_string(result->loss) + ")");
  // Before the first step there is nothing that a checkpoint could hold.
  if (progress.globalStep > 0 && (!progress.bestMetric || result->loss < *progress.bestMetric)) {
    progress.bestMetric = result->loss;
    progress.bestStep = progress.globalStep;
  }
  LogRow row{progress.globalStep, {}};
  row.values = {{"eval_loss", result->loss},
                {"eval_runtime", result->seconds},
                {"eval_samples_per_second", double(result->samples) / result->seconds},
                {"eval_steps_per_second", double(result->batches) / result->seconds},
                {"epoch", progress.epoch}};
  return log.log(row, bar);
}

Status Trainer::save() {
  if (savedStep == progress.globalStep)
    return Status::ok();
  if (const Status finite = weights.checkFinite(); !finite)
    return stoppedByNumbers("parameter " + finite.message());
  progress.logHistory = log.history();
  const std::string previousBest = progress.bestCheckpoint;
  if (progress.bestMetric && progress.bestStep == progress.globalStep)
    progress.bestCheckpoint =
        joinPath(options.outputDir, "checkpoint-" + std::to_string(progress.globalStep));
  auto path = saveCheckpoint(weights, progress, identity, options);
  if (!path) {
    progress.bestCheckpoint = previousBest;
    return path.status();
  }
  lastCheckpoint = *path;
  savedStep = progress.globalStep;
  if (options.saveTotalLimit > 0)
    return pruneCheckpoints(options.outputDir, options.saveTotalLimit,
                            {lastCheckpoint, options.loadBestModelAtEnd ? progress.bestCheckpoint : ""});
  return Status::ok();
}

Status Trainer::finish(double seconds) {
  if (const Status finite = weights.checkFinite(); !finite)
    return stoppedByNumbers("parameter " + finite.message());
  const double steps = double(progress.globalStep - firstStep);
  LogRow row{progress.globalStep, {}};
  row.values = {{"train_runtime", seconds},
                {"train_samples_per_second", double(progress.samplesSeen - firstSamples) / seconds},
                {"train_steps_per_second", steps / seconds},
                {"train_tokens_per_second", double(progress.tokensSeen - firstTokens) / seconds},
                {"train_loss", progress.globalStep ? progress.totalLoss / double(progress.globalStep) : 0.0},
                {"epoch", progress.epoch}};
  PEFT_TRY(log.log(row, bar));
  progress.logHistory = log.history();
  if (options.loadBestModelAtEnd && !progress.bestCheckpoint.empty()) {
    PEFT_TRY(readAdapter(progress.bestCheckpoint, weights));
    bar.note("the best checkpoint is " + progress.bestCheckpoint);
  }
  return Status::ok();
}

Status Trainer::run() {
  PEFT_TRY(prepare());
  if (options.evalOnStart && evaluation && progress.globalStep == 0)
    PEFT_TRY(evaluateNow());
  started = secondsNow();
  while (progress.globalStep < progress.maxSteps) {
    PEFT_TRY(step());
    if ((signal = stopSignal()) == 0 || progress.globalStep == progress.maxSteps)
      continue;
    PEFT_TRY(save());
    bar.hide();
    return Status::ok();
  }
  signal = 0; // it came too late to leave anything undone
  return finish(std::max(1e-9, secondsNow() - started));
}

} // namespace peft
