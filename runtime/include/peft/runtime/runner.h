//===- runner.h - a program's entry points, called with host data ---------===//
//
// Takes micro-batches and scalars from host memory to where kernels read them, runs an
// entry point on the device, and brings back what it returns. Not shared between
// threads: it owns one batch on the device.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_RUNNER_H
#define PEFT_RUNTIME_RUNNER_H

#include "peft/runtime/arena.h"
#include "peft/runtime/batches.h"

namespace peft {

class Runner {
public:
  /// Both must outlive the result.
  static Result<Runner> create(const peft_program_t &program, const peft_context_t &context);

  /// Forward and backward; adds to the gradients. A GPU works until `finishMicroStep` waits for it and brings
  /// the summed loss; nothing else may be called in between.
  Status startMicroStep(const MicroBatch &batch, float lossScale, uint64_t seed);
  Result<float> finishMicroStep();
  /// The summed loss; keeps nothing.
  Result<float> evaluate(const MicroBatch &batch);
  /// Logits [batch, vocab_size] of position rows[b] of each row; they live until the next call.
  Result<const float *> forward(const MicroBatch &batch, const std::vector<int32_t> &rows);
  /// Clips, steps the optimizer, zeroes the gradients. The norm before clipping.
  Result<float> update(const peft_update_t &update);

private:
  /// What both sides read: scalars, and where the arrays are. Behind it, the arrays on their way to the
  /// device.
  struct Arguments {
    peft_batch_t batch;
    peft_update_t update;
  };
  struct ReleaseShared {
    void operator()(Arguments *memory) const;
  };

  Runner() = default;
  void stage(const int32_t *to, const std::vector<int32_t> &from);
  Status setBatch(const MicroBatch &batch, float lossScale, uint64_t seed);

  const peft_program_t *program = nullptr;
  const peft_context_t *context = nullptr;
  Arena arrays;           ///< input_ids, labels, positions, segments, rows
  char *staged = nullptr; ///< as many bytes, in `arguments`' memory
  std::unique_ptr<Arguments, ReleaseShared> arguments;
  std::vector<float> logits; ///< where the host can't read the device's
  /// Where entry points leave what they return, on the device. Kept: a replayed graph does not say it again.
  struct Results {
    const float *loss = nullptr, *evaluation = nullptr, *logits = nullptr, *norm = nullptr;
  } results;
};

} // namespace peft

#endif // PEFT_RUNTIME_RUNNER_H
