//===- Commands.h - what peft-adapter can be told to do ---------*- C++ -*-===//
#ifndef PEFT_TOOLS_ADAPTER_COMMANDS_H
#define PEFT_TOOLS_ADAPTER_COMMANDS_H

#include "peft/runtime/status.h"

#include <cstdint>
#include <string>

namespace peft {

/// Prints what an adapter does to which module, and how much.
Status inspectAdapter(const std::string &path);

/// Prints how far two files are from each other. False: other keys or shapes, or further than `tolerance`.
Result<bool> compareAdapters(const std::string &a, const std::string &b, double tolerance);

/// To standard output.
Status printText(const std::string &text);

struct MergeOptions {
  std::string base, adapter; ///< no adapter: the plain conversion
  std::string output;
  std::string dtype = "keep"; ///< f32, bf16, f16 or keep
  uint64_t shardBytes = UINT64_C(5000000000);
  std::string program; ///< this program's path, near which peft-data is
};

/// Writes a Hugging Face folder, whole or not at all.
Status mergeAdapter(const MergeOptions &options);

} // namespace peft

#endif // PEFT_TOOLS_ADAPTER_COMMANDS_H
