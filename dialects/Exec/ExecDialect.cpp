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

void ParameterOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) {
  StringRef key = getParameter();
  auto [rest, last] = key.rsplit('.');
  auto module = rest.rsplit('.').second;
  setName(getResult(), last.empty() ? key.str() : (Twine(module.empty() ? rest : module) + "_" + last).str());
}
