//===- ExecDialect.cpp - the exec dialect ---------------------------------===//
#include "dialects/Exec/Exec.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace peft::exec;

#include "dialects/Exec/ExecDialect.cpp.inc"
#include "dialects/Exec/ExecInterfaces.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/Exec/ExecOps.cpp.inc"

void ExecDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/Exec/ExecOps.cpp.inc"
      >();
}

LogicalResult MapOp::verify() {
  if (getOutputs() > getTensors().size())
    return emitOpError("expected ") << getOutputs() << " outputs among its tensors, got " << getTensors().size() << " tensors";
  return success();
}

// copy(x, x) -> nothing
LogicalResult CopyOp::canonicalize(CopyOp op, PatternRewriter &rewriter) {
  if (op.getX() != op.getY())
    return failure();
  rewriter.eraseOp(op);
  return success();
}

void BufferOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) {
  setName(getResult(), getName());
}

void SliceOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) { setName(getResult(), getName()); }

LogicalResult SliceOp::verify() {
  auto from = cast<MemRefType>(getSource().getType()), to = cast<MemRefType>(getResult().getType());
  if (from.getRank() != 1 || from.getElementType() != to.getElementType())
    return emitOpError("expected a vector of ") << to.getElementType() << " to slice, got " << from;
  if (int64_t end = int64_t(getFirst()) + to.getNumElements(); end > from.getNumElements())
    return emitOpError("ends at element ") << end << " of " << from.getNumElements();
  return success();
}

void ParameterOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) {
  StringRef key = getParameter();
  auto [rest, last] = key.rsplit('.');
  auto module = rest.rsplit('.').second;
  setName(getResult(), last.empty() ? key.str() : (Twine(module.empty() ? rest : module) + "_" + last).str());
}
