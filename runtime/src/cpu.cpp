//===- cpu.cpp - what this processor can run ------------------------------===//

#include "peft/runtime/cpu.h"

#include <cstring>

bool peft::rt::cpuSupports(const char *isa) {
  if (!strcmp(isa, ""))
    return true;
#if defined(__x86_64__)
  if (!strcmp(isa, "avx2"))
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  // What oneDNN asks of a processor before it uses its AVX-512 code.
  bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (!strcmp(isa, "avx512"))
    return avx512;
  if (!strcmp(isa, "avx512_bf16"))
    return avx512 && __builtin_cpu_supports("avx512bf16");
#endif
  return false;
}
