//===- weights.cpp - checkpoint tensors and first values into memory ------===//

#include "peft/runtime/weights.h"
#include "peft/runtime/quantize.h"
#include "peft/runtime/random.h"

#include <algorithm>

namespace peft {

int64_t elementCount(const peft_parameter_t &parameter) {
  int64_t count = 1;
  for (uint32_t i = 0; i < parameter.rank; ++i)
    count *= parameter.dims[i];
  return count;
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

float *Weights::values(const peft_parameter_t &parameter) const {
  return reinterpret_cast<float *>(arena.data() + parameter.offset);
}
float *Weights::gradient(const peft_parameter_t &parameter) const {
  return reinterpret_cast<float *>(arena.data() + parameter.gradient_offset);
}
float *Weights::slot(const peft_parameter_t &parameter, uint64_t number) const {
  const uint64_t floats = (parameter.offset - table->trainable_offset) / sizeof(float);
  return reinterpret_cast<float *>(arena.data() + table->optimizer_offset) + number * table->trainable_count +
         floats;
}

Result<Weights> Weights::load(const peft_program_t &program, const Checkpoint &checkpoint, uint64_t seed) {
  Weights weights;
  weights.table = &program;
  weights.checkpoint = &checkpoint;
  auto arena = Arena::allocate(program.arena_bytes);
  if (!arena)
    return arena.status();
  weights.arena = std::move(*arena);
  weights.pointers.resize(program.parameter_count);
  for (uint64_t i = 0; i < program.parameter_count; ++i)
    PEFT_TRY(weights.place(program.parameters[i], weights.pointers[i]));
  weights.ctx = {weights.arena.data(), weights.pointers.data()};
  PEFT_TRY(weights.initialize(seed));
  return weights;
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
  if (parameter.offset == PEFT_MAPPED) {
    pointer = checkpoint->mapped(name, parameter.dtype);
    if (!pointer)
      return Status::error(
          checkpoint->path() + ": " + name + " is stored as " + (*tensor)->type +
          " or not aligned, but the program reads it in place; compile it again for this checkpoint");
    return Status::ok();
  }
  if (parameter.encoding == PEFT_NF4)
    return checkpoint->readNf4(name, parameter.block, parameter.nested, reinterpret_cast<uint8_t *>(inArena));
  return checkpoint->read(name, parameter.dtype, inArena);
}

Status Weights::initialize(uint64_t seed) {
  const uint64_t bytes = table->trainable_count * sizeof(float);
  memset(arena.data() + table->trainable_offset, 0, bytes);
  memset(arena.data() + table->gradient_offset, 0, bytes);
  memset(arena.data() + table->optimizer_offset, 0, bytes * table->optimizer_slots);
  for (uint64_t i = 0; i < table->parameter_count; ++i)
    if (table->parameters[i].trainable)
      PEFT_TRY(initializeOne(table->parameters[i], seed));
  return Status::ok();
}

Status Weights::initializeOne(const peft_parameter_t &parameter, uint64_t seed) {
  float *first = values(parameter);
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

} // namespace peft
