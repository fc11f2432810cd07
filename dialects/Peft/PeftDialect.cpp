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

//===----------------------------------------------------------------------===//
// What the attributes demand
//===----------------------------------------------------------------------===//

using EmitError = function_ref<InFlightDiagnostic()>;

LogicalResult NF4Attr::verify(EmitError emitError, int64_t block, int64_t nested) {
  if (block <= 0 || block % 2 != 0 || nested < 0)
    return emitError() << "expected an even block above 0 and nested of 0 or more, got " << block << " and "
                       << nested;
  return success();
}

LogicalResult NF4Attr::verifyEncoding(ArrayRef<int64_t>, Type elementType, EmitError emitError) const {
  if (!llvm::isa<Float32Type, BFloat16Type>(elementType))
    return emitError() << "expected #peft.nf4 to encode f32 or bf16 values, got " << elementType;
  return success();
}

static LogicalResult verifyScale(EmitError emitError, FloatAttr scale) {
  if (!scale.getValue().isFinite())
    return emitError() << "expected a finite scale, got " << scale;
  return success();
}

LogicalResult LoraAttr::verify(EmitError emitError, int64_t r, FloatAttr scale, FloatAttr dropout, bool,
                               StringAttr init) {
  if (r <= 0 || r > INT32_MAX)
    return emitError() << "expected r above 0, got " << r;
  if (double p = dropout.getValueAsDouble(); !(p >= 0 && p < 1))
    return emitError() << "expected dropout in [0, 1), got " << dropout;
  if (init != "default" && init != "gaussian" && init != "random")
    return emitError() << "expected init default, gaussian or random, got " << init;
  return verifyScale(emitError, scale);
}

LogicalResult BottleneckAttr::verify(EmitError emitError, int64_t width, StringAttr activation,
                                     FloatAttr scale, StringAttr) {
  if (width <= 0 || width > INT32_MAX)
    return emitError() << "expected a width above 0, got " << width;
  if (!nn::symbolizeActivationKind(activation.getValue()))
    return emitError() << "expected an activation such as \"relu\", got " << activation;
  return verifyScale(emitError, scale);
}
