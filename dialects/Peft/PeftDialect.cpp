//===- PeftDialect.cpp - the peft dialect and its attributes --------------===//
#include "dialects/Peft/Peft.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace peft::adapter;

#include "dialects/Peft/PeftDialect.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Peft/PeftAttrs.cpp.inc"

void PeftDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Peft/PeftAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Peft/PeftOps.cpp.inc"
      >();
}
