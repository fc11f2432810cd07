//===- memory_advice.cpp - what to compile where memory is short ----------===//

#include "peft/runtime/memory_advice.h"
#include "peft/runtime/workspace.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace peft {
namespace {

constexpr uint64_t mebibyte = uint64_t(1) << 20;
/// Left for what a driver wants beside the arena: kernels, graphs.
constexpr uint64_t besides = 128 * mebibyte;

uint64_t rowOf(const peft_program_t &program, const char *category) {
  for (uint64_t i = 0; i < program.memory_count; ++i)
    if (!strcmp(program.memory[i].category, category))
      return program.memory[i].bytes;
  return 0;
}

/// About what the program would take with `batch` rows. Weights stay; activations kept for the backward pass
/// go with the rows, and the workspace beyond what products want. Temporaries stay: the largest may be a
/// chunk of logits.
uint64_t bytesWith(const peft_program_t &program, int64_t batch) {
  const uint64_t workspace = program.workspace_bytes, least = std::min(workspace, rt::productWorkspace);
  const uint64_t perRow = (rowOf(program, "saved activations") + workspace - least) / uint64_t(program.batch);
  return program.arena_bytes - perRow * uint64_t(program.batch - batch);
}

} // namespace

std::string bytesText(uint64_t bytes) {
  char text[32];
  if (bytes >= 1024 * mebibyte)
    snprintf(text, sizeof text, "%.1f GiB", double(bytes) / double(1024 * mebibyte));
  else
    snprintf(text, sizeof text, "%llu MiB", (unsigned long long)((bytes + mebibyte - 1) / mebibyte));
  return text;
}

std::string memoryAdvice(const peft_program_t &program, uint64_t free) {
  bool quantized = false;
  for (uint64_t i = 0; i < program.parameter_count; ++i)
    quantized |= program.parameters[i].encoding != PEFT_DENSE;
  const std::string others =
      std::string("--seq-len or --memory") + (quantized ? "" : ", or with --quantize nf4");
  int64_t batch = program.batch - 1;
  while (batch > 0 && bytesWith(program, batch) + besides > free)
    --batch;
  if (batch > 0)
    return "compile with --batch " + std::to_string(batch) + ", which takes about " +
           bytesText(bytesWith(program, batch)) + ", with a smaller " + others;
  if (program.batch == 1)
    return "compile with a smaller " + others;
  return "even --batch 1 takes about " + bytesText(bytesWith(program, 1)) + ": compile with a smaller " +
         others;
}

} // namespace peft
