//===- evaluate.cpp - the loss over a data set ----------------------------===//

#include "peft/runtime/clock.h"
#include "peft/runtime/random.h"
#include "peft/runtime/trainer.h"

namespace peft {

uint64_t microBatchSeed(uint64_t seed, int64_t microBatch) {
  // Apart from the seeds of initial values and of orders, which are drawn from the same one.
  return mixSeeds(mixSeeds(seed, hashText("dropout")), uint64_t(microBatch));
}

Result<Evaluation> evaluate(const Weights &weights, BatchSource &source) {
  Evaluation result;
  const double start = secondsNow();
  MicroBatch batch;
  double sum = 0;
  for (int64_t number = 0; number < source.size(); ++number) {
    PEFT_TRY(source.fill(0, number, batch));
    auto loss = weights.runner().evaluate(batch);
    if (!loss)
      return loss.status();
    sum += *loss;
    result.labelled += batch.labelled;
    result.samples += batch.samples;
    ++result.batches;
  }
  result.loss = sum / double(result.labelled);
  result.seconds = secondsNow() - start;
  return result;
}

} // namespace peft
