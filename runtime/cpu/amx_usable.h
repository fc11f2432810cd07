//===- amx_usable.h - whether bf16 goes in AMX tiles ----------------------===//

#ifndef PEFT_RUNTIME_CPU_AMX_USABLE_H
#define PEFT_RUNTIME_CPU_AMX_USABLE_H

#include "simd.h"

namespace peft::rt::amx {

/// Whether this library holds the kernels.
inline constexpr bool built = lanes == 16;

/// Whether the processor has AMX for bf16 and Linux gives this process the registers, for which the
/// first call asks. oneDNN's answer, so that ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16 turns off both
/// its tiles and ours.
bool usable();

} // namespace peft::rt::amx

#endif // PEFT_RUNTIME_CPU_AMX_USABLE_H
