//===- foreign_options.h - TrainingArguments' names that are no options ----===//
//
// A configuration that was written for transformers or TRL names more than this
// program has options for. What was fixed at compile time must agree with the program;
// what would change the result must stand at its default; the rest has no meaning here.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_FOREIGN_OPTIONS_H
#define PEFT_RUNTIME_FOREIGN_OPTIONS_H

#include "peft/runtime/abi.h"
#include "peft/runtime/options.h"

namespace peft {

/// Whether a name is one of theirs and none of ours.
bool isForeign(const std::string &name);

/// Refuses what does not fit the program; `ignored` gets the names that have no meaning here.
Status checkForeign(const Options &options, const peft_program_t &program, std::vector<std::string> &ignored);

} // namespace peft

#endif // PEFT_RUNTIME_FOREIGN_OPTIONS_H
