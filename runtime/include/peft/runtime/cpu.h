//===- cpu.h - what this processor can run --------------------------------===//
//
// Thread-safe, no state.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CPU_H
#define PEFT_RUNTIME_CPU_H

namespace peft::rt {

/// Whether this processor has the features that peft_program_t::isa names: ""
/// (always), "avx2", "avx512" or "avx512_bf16". Any other word is not supported.
bool cpuSupports(const char *isa);

} // namespace peft::rt

#endif // PEFT_RUNTIME_CPU_H
