//===- check_program.cpp - a table that holds together, a CPU that fits ---===//

#include "peft/runtime/cpu.h"
#include "peft/runtime/device.h"
#include "peft/runtime/weights.h"

#include <cstring>

namespace peft {
namespace {

Status broken(const std::string &what) {
  return Status::error("the program's table is broken: " + what + "; compile it again");
}

/// Rows farther apart than they are long: of a frozen matrix in the arena.
bool pitchFits(const peft_parameter_t &parameter) {
  const int64_t rows = parameter.dims[0], cols = parameter.dims[1], pitch = parameter.pitch;
  return parameter.rank == 2 && parameter.encoding == PEFT_DENSE && !parameter.trainable &&
         parameter.offset != PEFT_MAPPED && pitch >= cols &&
         parameter.bytes >= uint64_t(rows) * uint64_t(pitch) * elementBytes(parameter);
}

Status checkParameter(const peft_program_t &program, const peft_parameter_t &parameter) {
  const std::string name = parameter.name ? parameter.name : "(no name)";
  if (parameter.rank > 4)
    return broken(name + " has rank " + std::to_string(parameter.rank));
  if (parameter.pitch && !pitchFits(parameter))
    return broken(name + " can't have its rows " + std::to_string(parameter.pitch) + " elements apart");
  if (parameter.offset == PEFT_MAPPED)
    return parameter.trainable ? broken(name + " is trainable and mapped") : Status::ok();
  if (parameter.offset % PEFT_ALIGNMENT || parameter.offset > program.arena_bytes ||
      parameter.bytes > program.arena_bytes - parameter.offset)
    return broken(name + " lies outside the arena");
  if (!parameter.trainable)
    return Status::ok();
  const uint64_t shift = parameter.offset - program.trainable_offset;
  const uint64_t bytes = uint64_t(elementCount(parameter)) * sizeof(float);
  if (parameter.offset < program.trainable_offset || parameter.bytes != bytes ||
      parameter.dtype != PEFT_F32 || shift + bytes > program.trainable_count * sizeof(float))
    return broken(name + " is no part of the trainable floats");
  if (parameter.gradient_offset != program.gradient_offset + shift)
    return broken("the gradient of " + name + " does not lie where its value does");
  return Status::ok();
}

} // namespace

Status checkProgram(const peft_program_t &program) {
  if (program.version != PEFT_ABI_VERSION)
    return Status::error("the program has ABI version " + std::to_string(program.version) +
                         ", this runtime " + std::to_string(PEFT_ABI_VERSION) + "; compile it again");
  if (strcmp(program.target, device::target()) != 0)
    return Status::error(std::string("the program was compiled for ") + program.target +
                         ", but linked with kernels for " + device::target() +
                         "; compile with --target=" + device::target());
  if (!rt::cpuSupports(program.isa))
    return Status::error(std::string("this processor lacks ") + program.isa +
                         ", which the program needs; compile with --dtype=f32");
  const uint64_t floats = program.trainable_count * sizeof(float);
  for (const uint64_t offset : {program.trainable_offset, program.gradient_offset, program.optimizer_offset})
    if (offset % PEFT_ALIGNMENT || offset + floats > program.arena_bytes)
      return broken("a part lies outside the arena");
  if (program.optimizer_offset + floats * program.optimizer_slots > program.arena_bytes)
    return broken("the optimizer lies outside the arena");
  for (uint64_t i = 0; i < program.parameter_count; ++i)
    PEFT_TRY(checkParameter(program, program.parameters[i]));
  return Status::ok();
}

} // namespace peft
