//===- Peft.h - the peft dialect ------------------------------------------===//
#ifndef PEFT_DIALECTS_PEFT_H
#define PEFT_DIALECTS_PEFT_H

#include "dialects/NN/NN.h"

#include "peft/Interfaces/Storage.h.inc"

#include "dialects/Peft/PeftDialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Peft/PeftAttrs.h.inc"
#define GET_OP_CLASSES
#include "dialects/Peft/PeftOps.h.inc"

#endif // PEFT_DIALECTS_PEFT_H
