//===- PeftDialect.cpp - the peft dialect and its attributes --------------===//
#include "dialects/Peft/Peft.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace peft::adapter;

#include "peft/Interfaces/Storage.cpp.inc"

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

static LogicalResult verifyElements(EmitError emitError, Attribute encoding, Type elementType) {
  if (!llvm::isa<Float32Type, BFloat16Type>(elementType))
    return emitError() << "expected " << (llvm::isa<NF4Attr>(encoding) ? "#peft.nf4" : "#peft.fp8")
                       << " to encode f32 or bf16 values, got " << elementType;
  return success();
}

LogicalResult NF4Attr::verifyEncoding(ArrayRef<int64_t>, Type elementType, EmitError emitError) const {
  return verifyElements(emitError, *this, elementType);
}

LogicalResult FP8Attr::verifyEncoding(ArrayRef<int64_t> shape, Type elementType, EmitError emitError) const {
  if (shape.size() != 2 || shape[0] % 16 || shape[1] % 16) {
    InFlightDiagnostic diagnostic = emitError()
                                    << "expected #peft.fp8 to encode a matrix of multiples of 16, got ";
    llvm::interleave(
        shape, [&](int64_t extent) { diagnostic << extent; }, [&] { diagnostic << "x"; });
    return diagnostic << "; #peft.nf4 takes any";
  }
  return verifyElements(emitError, *this, elementType);
}

//===----------------------------------------------------------------------===//
// How weights are stored: runtime/include/peft/runtime/abi.h
//===----------------------------------------------------------------------===//

int64_t NF4Attr::storedBytes(ArrayRef<int64_t> shape) const {
  auto pad4 = [](int64_t n) { return (n + 3) / 4 * 4; };
  int64_t n = ShapedType::getNumElements(shape), blocks = (n + getBlock() - 1) / getBlock();
  int64_t codes = pad4((n + 1) / 2);
  if (int64_t nested = getNested())
    return codes + pad4(blocks) + (blocks + nested - 1) / nested * 4 + 256 * 4 + 4;
  return codes + blocks * 4;
}
StringRef NF4Attr::abiName() const { return "PEFT_NF4"; }

int64_t FP8Attr::storedBytes(ArrayRef<int64_t> shape) const {
  return 2 * shape[0] * shape[1] + 4 * (shape[0] + shape[1]);
}
StringRef FP8Attr::abiName() const { return "PEFT_FP8"; }

//===----------------------------------------------------------------------===//
// Marks
//===----------------------------------------------------------------------===//

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
