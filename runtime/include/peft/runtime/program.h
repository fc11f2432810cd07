//===- program.h - all that an emitted program includes -------------------===//
//
// The table it exports, the kernels it calls, and how it names a place in memory.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_PROGRAM_H
#define PEFT_RUNTIME_PROGRAM_H

#include "peft/runtime/abi.h"
#include "peft/runtime/kernels.h"
#include "peft/runtime/map.h"
#include "peft/runtime/math.h"
#include "peft/runtime/place.h"
#include "peft/runtime/tensor.h"

namespace peft::rt {
/// What this compilation makes code for, and what a processor needs to run it (`cpuSupports` of cpu.h).
#if defined(__CUDACC__)
inline constexpr const char target[] = "cuda", isa[] = "", isaBF16[] = "";
#elif defined(__AVX512BW__)
inline constexpr const char target[] = "cpu", isa[] = "avx512", isaBF16[] = "avx512_bf16";
#else
inline constexpr const char target[] = "cpu", isa[] = "avx2", isaBF16[] = "avx512_bf16";
#endif
} // namespace peft::rt

#endif // PEFT_RUNTIME_PROGRAM_H
