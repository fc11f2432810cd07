//===- amx_usable.cpp - whether bf16 goes in AMX tiles --------------------===//

#include "amx_usable.h"

#include <oneapi/dnnl/dnnl.hpp>

bool peft::rt::amx::usable() {
  static const bool result = dnnl::get_effective_cpu_isa() >= dnnl::cpu_isa::avx512_core_amx;
  return result;
}
