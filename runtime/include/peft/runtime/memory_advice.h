//===- memory_advice.h - what to compile where memory is short ------------===//

#ifndef PEFT_RUNTIME_MEMORY_ADVICE_H
#define PEFT_RUNTIME_MEMORY_ADVICE_H

#include "peft/runtime/abi.h"

#include <string>

namespace peft {

/// "41.5 GiB", or "812 MiB" below one, rounded up.
std::string bytesText(uint64_t bytes);

/// What would fit in `free` bytes, estimated from the program's own table; "compile with ..." and no more.
std::string memoryAdvice(const peft_program_t &program, uint64_t free);

} // namespace peft

#endif // PEFT_RUNTIME_MEMORY_ADVICE_H
