//===- benchmark.cpp - the mode --bench -----------------------------------===//

#include "peft/runtime/clock.h"
#include "peft/runtime/command_line.h"
#include "peft/runtime/json.h"
#include "peft/runtime/trainer.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace peft {

Status runBenchmark(Weights &weights, const Options &options, uint64_t anonymousAtStart) {
  const peft_program_t &program = weights.program();
  const BatchShape shape = batchShape(program);
  const int64_t accumulation = options.gradientAccumulationSteps;
  const auto source = randomBatches(shape, options.bench * accumulation, uint64_t(options.seed));
  peft_update_t update{};
  update.learning_rate = float(options.learningRate);
  update.beta1 = float(options.adamBeta1);
  update.beta2 = float(options.adamBeta2);
  update.epsilon = float(options.adamEpsilon);
  update.max_grad_norm = float(options.maxGradNorm);

  // As in training, the next micro-batch is filled while a device works on this one.
  MicroBatch batch, coming;
  PEFT_TRY(source->fill(0, 0, batch));
  std::vector<double> seconds;
  const double startup = secondsSinceStart();
  double lastLoss = 0;
  for (int64_t step = 0; step < options.bench; ++step) {
    const double start = secondsNow();
    double loss = 0;
    int64_t labelled = 0;
    for (int64_t i = 0; i < accumulation; ++i) {
      const int64_t number = step * accumulation + i;
      const float scale = float(1.0 / double(batch.labelled * accumulation));
      PEFT_TRY(weights.runner().startMicroStep(batch, scale, microBatchSeed(uint64_t(options.seed), number)));
      PEFT_TRY(source->fill(0, number + 1, coming));
      auto sum = weights.runner().finishMicroStep();
      if (!sum)
        return sum.status();
      loss += *sum;
      labelled += batch.labelled;
      std::swap(batch, coming);
    }
    update.step = step + 1;
    if (auto norm = weights.runner().update(update); !norm)
      return norm.status();
    seconds.push_back(secondsNow() - start);
    lastLoss = loss / double(labelled);
  }
  if (!std::isfinite(lastLoss))
    return Status::error("--bench: the loss is not finite");
  // The first steps make the libraries' kernels.
  std::vector<double> warm(seconds.begin() + std::min<int64_t>(2, options.bench - 1), seconds.end());
  std::sort(warm.begin(), warm.end());
  const double median = warm[warm.size() / 2];
  const double tokens = double(shape.batch * shape.seqLen * accumulation);
  const uint64_t anonymous = processMemory("RssAnon");
  const nlohmann::json line = {{"tokens_per_second", tokens / median},
                               {"step_seconds", median},
                               {"step_seconds_best", warm.front()},
                               {"first_step_seconds", seconds.front()},
                               {"steps", options.bench},
                               {"tokens_per_step", int64_t(tokens)},
                               {"startup_seconds", startup},
                               {"peak_rss_bytes", processMemory("VmHWM")},
                               {"rss_anon_growth_bytes", int64_t(anonymous) - int64_t(anonymousAtStart)},
                               {"arena_bytes", program.arena_bytes},
                               {"device_growth_bytes", weights.deviceGrowth()},
                               {"loss", lastLoss}};
  printf("%s\n", printJson(line).c_str());
  return Status::ok();
}

} // namespace peft
