//===- launch.cpp - the context as .cu files see it -----------------------===//

#include "peft/runtime/cuda/launch.h"

#include "check.h"

namespace peft::rt {

cudaStream_t streamOf(const peft_context_t &ctx) { return cudaOf(ctx).stream; }

void launched(const peft_context_t &ctx, const char *kernel) { checkLaunch(ctx, kernel); }

} // namespace peft::rt
