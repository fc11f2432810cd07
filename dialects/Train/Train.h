//===- Train.h - the train dialect ----------------------------------------===//
#ifndef PEFT_DIALECTS_TRAIN_H
#define PEFT_DIALECTS_TRAIN_H

#include "dialects/NN/NN.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"

#include "dialects/Train/TrainDialect.h.inc"
#define GET_OP_CLASSES
#include "dialects/Train/TrainOps.h.inc"

#endif // PEFT_DIALECTS_TRAIN_H
