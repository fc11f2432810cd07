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

#endif // PEFT_RUNTIME_PROGRAM_H
