//===- weights.cpp - checkpoint tensors and first values into memory ------===//

#include "peft/runtime/weights.h"
#include "peft/runtime/device.h"
#include "peft/runtime/memory_advice.h"
#include "peft/runtime/progress.h"
#include "peft/runtime/quantize.h"
#include "peft/runtime/random.h"

#include <algorithm>
#include <cmath>

namespace peft {

int64_t elementCount(const peft_parameter_t &parameter) {
  int64_t count = 1;
  for (uint32_t i = 0; i < parameter.rank; ++i)
    count *= parameter.dims[i];
  return count;
}

uint64_t elementBytes(const peft_parameter_t &parameter) {
  static const uint64_t bytes[] = {4, 2, 2, 4, 1};
  return bytes[parameter.dtype];
}

std::vector<int64_t> shapeOf(const peft_parameter_t &parameter) {
  return {parameter.dims, parameter.dims + parameter.rank};
}

std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (const int64_t extent : shape)
    text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + "]";
}

const char *storageName(const peft_parameter_t &parameter) {
  if (parameter.encoding != PEFT_DENSE)
    return parameter.encoding == PEFT_NF4 ? "nf4" : "fp8";
  static const char *const names[] = {"f32", "bf16", "f16", "i32", "u8"};
  return names[parameter.dtype];
}

namespace {

const char *sourceName(const peft_parameter_t &parameter) {
  return parameter.source ? parameter.source : parameter.name;
}

/// The checkpoint's tensor behind a parameter; a wrong shape is an error.
Result<const CheckpointTensor *> findTensor(const Checkpoint &checkpoint, const peft_parameter_t &parameter) {
  auto tensor = checkpoint.get(sourceName(parameter));
  if (!tensor)
    return tensor.status();
  std::vector<int64_t> expected = shapeOf(parameter);
  const std::vector<int64_t> &found = (*tensor)->shape;
  bool same = found == expected;
  if (parameter.init == PEFT_INIT_CHECKPOINT_ROWS) {
    same = found.size() == expected.size() && !found.empty() &&
           std::equal(found.begin() + 1, found.end(), expected.begin() + 1) &&
           std::all_of(parameter.init_rows, parameter.init_rows + expected[0],
                       [&](int32_t row) { return row >= 0 && row < found[0]; });
  }
  if (!same)
    return Status::error(checkpoint.path() + ": " + (*tensor)->name + ": expected shape " +
                         shapeText(expected) + ", got " + shapeText(found) +
                         "; compile the program for this checkpoint");
  return tensor;
}

} // namespace

void Weights::ReleaseShared::operator()(char *memory) const { device::releaseShared(memory); }

Status HostRun::store() const {
  return copy.empty() ? Status::ok() : device::upload(onDevice, copy.data(), copy.size() * sizeof(float));
}

Result<HostRun> Weights::hostRun(uint64_t offset) const {
  HostRun run;
  run.first = table->trainable_offset;
  run.onDevice = arena.data() + offset;
  if (device::readsHostMemory()) {
    run.floats = reinterpret_cast<float *>(run.onDevice);
    return run;
  }
  run.copy.resize(table->trainable_count);
  PEFT_TRY(device::download(run.copy.data(), run.onDevice, run.copy.size() * sizeof(float)));
  run.floats = run.copy.data();
  return run;
}

Status Weights::placeAll(bool showProgress) {
  int64_t total = 0, done = 0;
  auto copied = [&](const peft_parameter_t &parameter) {
    return parameter.trainable || parameter.offset == PEFT_MAPPED ? 0 : int64_t(parameter.bytes);
  };
  for (uint64_t i = 0; i < table->parameter_count; ++i)
    total += copied(table->parameters[i]);
  Progress bar(total, showProgress && total > 0);
  for (uint64_t i = 0; i < table->parameter_count; ++i) {
    PEFT_TRY(place(table->parameters[i], pointers[i]));
    if (const int64_t bytes = copied(table->parameters[i]))
      bar.loaded(done += bytes);
  }
  return Status::ok();
}

Result<Weights> Weights::load(const peft_program_t &program, const Checkpoint &checkpoint, uint64_t seed,
                              bool showProgress) {
  Weights weights;
  weights.table = &program;
  weights.checkpoint = &checkpoint;
  if (auto opened = device::open(); !opened)
    return opened.status();
  if (program.workspace_bytes) // the device's own goes: the plan has one, and what it grows by is counted
                               // from here
    device::useWorkspace(nullptr, 0);
  const device::Memory before = device::memory();
  weights.freeBefore = before.free;
  auto arena = Arena::allocate(program.arena_bytes);
  if (!arena && before.free < before.total && before.free < program.arena_bytes)
    return Status::error(arena.status().message() + "; " + memoryAdvice(program, before.free));
  if (!arena)
    return arena.status();
  weights.arena = std::move(*arena);
  weights.pointers.resize(program.parameter_count);
  PEFT_TRY(weights.placeAll(showProgress));
  weights.converted = {};
  auto handles = device::open();
  if (!handles)
    return handles.status();
  if (program.workspace_bytes)
    device::useWorkspace(weights.arena.data() + program.workspace_offset, program.workspace_bytes);
  device::setDeterministic(program.deterministic);
  if (program.host_bytes) {
    auto host = device::allocateShared(program.host_bytes);
    if (!host)
      return Status::error(host.status().message() + " for the " + std::to_string(program.host_bytes >> 20) +
                           " MiB of activations that wait in it; compile with --offload=off");
    weights.host.reset(static_cast<char *>(*host));
  }
  weights.ctx.reset(
      new peft_context_t{weights.arena.data(), weights.pointers.data(), *handles, weights.host.get()});
  PEFT_TRY(weights.initialize(seed));
  auto runner = Runner::create(program, *weights.ctx);
  if (!runner)
    return runner.status();
  weights.entries = std::make_unique<Runner>(std::move(*runner));
  return weights;
}

/// The values of a frozen parameter as the program reads them.
Status Weights::readFrozen(const peft_parameter_t &parameter, void *to) const {
  const char *name = sourceName(parameter);
  if (parameter.encoding == PEFT_NF4)
    return checkpoint->readNf4(name, parameter.block, parameter.nested, static_cast<uint8_t *>(to));
  if (parameter.encoding == PEFT_FP8) {
    PEFT_TRY(device::multipliesFp8());
    return checkpoint->readFp8(name, static_cast<uint8_t *>(to));
  }
  return checkpoint->read(name, parameter.dtype, to);
}

Status Weights::place(const peft_parameter_t &parameter, const void *&pointer) {
  char *inArena = arena.data() + parameter.offset;
  pointer = inArena;
  if (parameter.trainable)
    return Status::ok();
  auto tensor = findTensor(*checkpoint, parameter);
  if (!tensor)
    return tensor.status();
  const char *name = sourceName(parameter);
  const void *mapped = parameter.encoding == PEFT_DENSE ? checkpoint->mapped(name, parameter.dtype) : nullptr;
  if (parameter.offset == PEFT_MAPPED) {
    pointer = mapped;
    if (pointer)
      return Status::ok();
    const bool sameType = (*tensor)->type == storageName(parameter);
    return Status::error(checkpoint->path() + ": " + name +
                         (sameType ? " is not aligned, or has its rows in another order"
                                   : " is stored as " + (*tensor)->type) +
                         ", but the program reads " + storageName(parameter) +
                         " in place; compile it again for this checkpoint");
  }
  const bool dense = parameter.pitch == 0;
  if (device::readsHostMemory() && dense)
    return readFrozen(parameter, inArena);
  const void *values = mapped;
  if (!values) {
    // Kept from one to the next: fresh pages cost as much as the conversion.
    converted.resize(std::max<size_t>(converted.size(), parameter.bytes));
    PEFT_TRY(readFrozen(parameter, converted.data()));
    values = converted.data();
  }
  if (dense)
    return device::upload(inArena, values, parameter.bytes);
  // Products read what lies beside and below the rows, of which nothing may be written.
  PEFT_TRY(device::fillZero(inArena, parameter.bytes));
  const uint64_t size = elementBytes(parameter);
  return device::uploadRows(inArena, uint64_t(parameter.pitch) * size, values,
                            uint64_t(parameter.dims[1]) * size, uint64_t(parameter.dims[0]));
}

Status Weights::initialize(uint64_t seed) {
  const uint64_t bytes = table->trainable_count * sizeof(float);
  PEFT_TRY(device::fillZero(arena.data() + table->trainable_offset, bytes));
  PEFT_TRY(device::fillZero(arena.data() + table->gradient_offset, bytes));
  PEFT_TRY(device::fillZero(arena.data() + table->optimizer_offset, bytes * table->optimizer_slots));
  auto run = values();
  if (!run)
    return run.status();
  for (uint64_t i = 0; i < table->parameter_count; ++i)
    if (const peft_parameter_t &parameter = table->parameters[i]; parameter.trainable)
      PEFT_TRY(initializeOne(parameter, seed, run->of(parameter)));
  return run->store();
}

Status Weights::initializeOne(const peft_parameter_t &parameter, uint64_t seed, float *first) const {
  const int64_t count = elementCount(parameter);
  const uint64_t ownSeed = mixSeeds(seed, hashText(parameter.name));
  switch (parameter.init) {
  case PEFT_INIT_ZEROS:
    return Status::ok();
  case PEFT_INIT_ONES:
    std::fill_n(first, count, 1.0f);
    return Status::ok();
  case PEFT_INIT_NORMAL:
    fillNormal(first, count, parameter.init_a, ownSeed);
    return Status::ok();
  case PEFT_INIT_UNIFORM:
    fillUniform(first, count, parameter.init_a, ownSeed);
    return Status::ok();
  case PEFT_INIT_CHECKPOINT:
  case PEFT_INIT_CHECKPOINT_ROWS:
    break;
  }
  if (auto tensor = findTensor(*checkpoint, parameter); !tensor)
    return tensor.status();
  if (parameter.init == PEFT_INIT_CHECKPOINT)
    return checkpoint->read(sourceName(parameter), first);
  return checkpoint->readRows(sourceName(parameter), parameter.init_rows, parameter.dims[0], first);
}

int64_t Weights::deviceGrowth() const { return int64_t(freeBefore) - int64_t(device::memory().free); }

Status Weights::checkFinite() const {
  auto run = values();
  if (!run)
    return run.status();
  for (uint64_t i = 0; i < table->parameter_count; ++i) {
    const peft_parameter_t &parameter = table->parameters[i];
    if (!parameter.trainable)
      continue;
    const float *first = run->of(parameter), *end = first + elementCount(parameter);
    const float *found = std::find_if_not(first, end, [](float value) { return std::isfinite(value); });
    if (found != end)
      return Status::error(std::string(parameter.name) + " is not finite (" + std::to_string(*found) + ")");
  }
  return Status::ok();
}

} // namespace peft
