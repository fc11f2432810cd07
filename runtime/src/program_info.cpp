//===- program_info.cpp - the mode `info` ---------------------------------===//

#include "peft/runtime/command_line.h"

namespace peft {
namespace {

std::string mebibytes(uint64_t bytes) {
  char text[32];
  snprintf(text, sizeof text, "%12.2f MiB", double(bytes) / (1 << 20));
  return text;
}

} // namespace

std::string programInfo(const peft_program_t &program) {
  const auto padded = [](std::string text, size_t width) {
    text.resize(std::max(width, text.size() + 1), ' ');
    return text;
  };
  std::string text = std::string(program.name) + ", compiled for " + program.target +
                     (*program.isa ? std::string(" with ") + program.isa : "") + ", rows of " +
                     shapeText({program.batch, program.seq_len}) + ", vocabulary " +
                     std::to_string(program.vocab_size) + ", optimizer " + program.optimizer + "\n" +
                     "checkpoint: " + program.model + "\n\n" + padded("memory", 30) + "\n";
  uint64_t mapped = 0, trainable = 0, all = 0;
  for (uint64_t i = 0; i < program.memory_count; ++i)
    text += padded("  " + std::string(program.memory[i].category), 30) + mebibytes(program.memory[i].bytes) +
            "\n";
  for (uint64_t i = 0; i < program.parameter_count; ++i) {
    const peft_parameter_t &parameter = program.parameters[i];
    mapped += parameter.offset == PEFT_MAPPED ? parameter.bytes : 0;
    all += uint64_t(elementCount(parameter));
    trainable += parameter.trainable ? uint64_t(elementCount(parameter)) : 0;
  }
  text += padded("  arena", 30) + mebibytes(program.arena_bytes) + "\n";
  if (program.host_bytes)
    text += padded("  of the host, for activations", 30) + mebibytes(program.host_bytes) + "\n";
  text += padded("  mapped from the checkpoint", 30) + mebibytes(mapped) + "\n\n";
  text += "parameters: " + std::to_string(trainable) + " of " + std::to_string(all) + " trainable\n";
  for (uint64_t i = 0; i < program.parameter_count; ++i) {
    const peft_parameter_t &parameter = program.parameters[i];
    text += "  " + padded(parameter.name, 72) + padded(shapeText(shapeOf(parameter)), 18) +
            padded(storageName(parameter), 6) +
            (parameter.trainable               ? "trainable"
             : parameter.offset == PEFT_MAPPED ? "mapped"
                                               : "converted") +
            "\n";
  }
  return text;
}

} // namespace peft
