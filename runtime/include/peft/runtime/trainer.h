//===- trainer.h - the training loop --------------------------------------===//
//
// Gathers micro-batches (the next step's while a device works on this one's), runs the program's entry
// points, logs, evaluates and saves. The loss of a step is the sum over the labelled tokens of its
// micro-batches, divided by their number. SIGINT and SIGTERM end the run after the current step, with a
// checkpoint. One thread drives it; kernels are parallel inside.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_TRAINER_H
#define PEFT_RUNTIME_TRAINER_H

#include "peft/runtime/batches.h"
#include "peft/runtime/metrics.h"
#include "peft/runtime/schedule.h"
#include "peft/runtime/training_checkpoint.h"

namespace peft {

/// The loss over all of a source's labelled tokens.
struct Evaluation {
  double loss = 0, seconds = 0;
  int64_t samples = 0, batches = 0, labelled = 0;
};
Result<Evaluation> evaluate(const Weights &weights, BatchSource &source);

/// The seed of a micro-batch's dropout.
uint64_t microBatchSeed(uint64_t seed, int64_t microBatch);

class Trainer {
public:
  /// `evaluation` may be null. All must outlive the trainer.
  Trainer(Weights &weights, const Options &options, BatchSource &data, BatchSource *evaluation);

  /// Trains to the end or to a signal, and leaves the best or last parameters in `weights`.
  Status run();

  const TrainerState &state() const { return progress; }
  /// The signal that ended the run, or 0.
  int stoppedBy() const { return signal; }

private:
  Status prepare();
  Status step();
  Status gather(int64_t step, std::vector<MicroBatch> &batches);
  Status accumulate(double &lossSum, int64_t &labelled);
  Status afterStep(double loss, float norm);
  Status resume();
  void warnOfOtherRuns();
  Status evaluateNow();
  Status save();
  Status finish(double seconds);
  Status stopped(const Status &cause) const;
  Status stoppedByNumbers(const std::string &what) const;
  double epochAt(int64_t step) const;
  double learningRateAt(int64_t step) const { return schedule.at(step); }

  Weights &weights;
  const Options &options;
  BatchSource &data;
  BatchSource *evaluation;

  Schedule schedule;
  int64_t stepsPerEpoch = 0;
  RunIdentity identity;
  TrainerState progress;
  MetricsLog log;
  Progress bar;
  /// The micro-batches of the step at hand, and of the one that follows, filled while a device works on this
  /// one.
  std::vector<MicroBatch> gathered, coming;
  int64_t comingStep = -1;
  std::string lastCheckpoint;
  double started = 0;
  int64_t firstStep = 0, firstTokens = 0, firstSamples = 0, savedStep = -1;
  int signal = 0;
};

} // namespace peft

#endif // PEFT_RUNTIME_TRAINER_H
