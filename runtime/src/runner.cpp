//===- runner.cpp - a program's entry points, called with host data -------===//

#include "peft/runtime/runner.h"
#include "peft/runtime/device.h"

#include <cstring>
#include <new>

namespace peft {

void Runner::ReleaseShared::operator()(Arguments *memory) const { device::releaseShared(memory); }

Result<Runner> Runner::create(const peft_program_t &program, const peft_context_t &context) {
  Runner runner;
  runner.program = &program;
  runner.context = &context;
  const uint64_t array = uint64_t(program.batch * program.seq_len) * sizeof(int32_t);
  auto arrays = Arena::allocate(4 * array + uint64_t(program.batch) * sizeof(int32_t));
  if (!arrays)
    return arrays.status();
  runner.arrays = std::move(*arrays);
  auto shared = device::allocateShared(sizeof(Arguments) + runner.arrays.size());
  if (!shared)
    return shared.status();
  runner.arguments.reset(new (*shared) Arguments{});
  runner.staged = reinterpret_cast<char *>(runner.arguments.get() + 1);
  auto at = [&](uint64_t number) {
    return reinterpret_cast<const int32_t *>(runner.arrays.data() + number * array);
  };
  peft_batch_t &batch = runner.arguments->batch;
  batch.input_ids = at(0);
  batch.labels = at(1);
  batch.positions = at(2);
  batch.segments = at(3);
  batch.rows = at(4);
  return runner;
}

/// Takes an array to where it is sent from. The device has all of the last batch: every call waited for it.
void Runner::stage(const int32_t *to, const std::vector<int32_t> &from) {
  memcpy(staged + (reinterpret_cast<const char *>(to) - arrays.data()), from.data(),
         from.size() * sizeof(int32_t));
}

Status Runner::setBatch(const MicroBatch &given, float lossScale, uint64_t seed) {
  peft_batch_t &batch = arguments->batch;
  stage(batch.input_ids, given.inputIds);
  stage(batch.labels, given.labels);
  stage(batch.positions, given.positions);
  stage(batch.segments, given.segments);
  PEFT_TRY(device::uploadShared(arrays.data(), staged, arrays.size()));
  device::expectBatch(given.segments.data(), program->batch, program->seq_len);
  batch.loss_scale = lossScale;
  batch.seed = seed;
  return Status::ok();
}

static Result<float> value(const float *onDevice) {
  float value = 0;
  PEFT_TRY(device::download(&value, onDevice, sizeof value));
  return value;
}

Status Runner::startMicroStep(const MicroBatch &batch, float lossScale, uint64_t seed) {
  PEFT_TRY(setBatch(batch, lossScale, seed));
  return device::start(reinterpret_cast<uint64_t>(program->micro_step),
                       [this] { program->micro_step(context, &arguments->batch, &results.loss); });
}

Result<float> Runner::finishMicroStep() { return value(results.loss); }

Result<float> Runner::evaluate(const MicroBatch &batch) {
  PEFT_TRY(setBatch(batch, 1.0f, 0));
  PEFT_TRY(device::run(reinterpret_cast<uint64_t>(program->evaluate),
                       [&] { program->evaluate(context, &arguments->batch, &results.evaluation); }));
  return value(results.evaluation);
}

Result<const float *> Runner::forward(const MicroBatch &batch, const std::vector<int32_t> &rows) {
  stage(arguments->batch.rows, rows);
  PEFT_TRY(setBatch(batch, 0.0f, 0));
  PEFT_TRY(device::run(reinterpret_cast<uint64_t>(program->forward),
                       [&] { program->forward(context, &arguments->batch, &results.logits); }));
  if (device::readsHostMemory())
    return results.logits;
  logits.resize(size_t(program->batch * program->vocab_size));
  PEFT_TRY(device::download(logits.data(), results.logits, logits.size() * sizeof(float)));
  return static_cast<const float *>(logits.data());
}

Result<float> Runner::update(const peft_update_t &update) {
  arguments->update = update;
  PEFT_TRY(device::run(reinterpret_cast<uint64_t>(program->update),
                       [&] { program->update(context, &arguments->update, &results.norm); }));
  return value(results.norm);
}

} // namespace peft
