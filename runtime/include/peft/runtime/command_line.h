//===- command_line.h - the training binary without its main --------------===//
//
// Exit codes: 0 done; 2 bad input, with one line on standard error; 130 or 143 stopped
// by a signal, with a checkpoint. Call from the main thread.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_COMMAND_LINE_H
#define PEFT_RUNTIME_COMMAND_LINE_H

#include "peft/runtime/options.h"
#include "peft/runtime/weights.h"

namespace peft {

/// `arguments` without the program's name.
int runCommandLine(const peft_program_t &program, const std::vector<std::string> &arguments);

/// The memory table, and the parameters: the mode `info`.
std::string programInfo(const peft_program_t &program);

/// The mode --bench: steps on random tokens; prints one line of JSON.
Status runBenchmark(Weights &weights, const Options &options, uint64_t anonymousAtStart);

} // namespace peft

#endif // PEFT_RUNTIME_COMMAND_LINE_H
