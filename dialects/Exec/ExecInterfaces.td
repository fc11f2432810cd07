//===- ExecInterfaces.td - one op is one runtime function --*- tablegen -*-===//
#ifndef PEFT_EXEC_INTERFACES_TD
#define PEFT_EXEC_INTERFACES_TD

include "mlir/IR/OpBase.td"

def RuntimeCallOpInterface : OpInterface<"RuntimeCallOpInterface"> {
  let cppNamespace = "::peft::exec";
  let description = [{
    An op that calls the runtime function of its name: results first, then operands,
    then attributes, in the order of its definition. One pattern turns them all
    into `emitc.call_opaque`.
  }];
  let methods = [
    InterfaceMethod<"How many of the first operands are written.", "unsigned", "getNumOutputs">,
    InterfaceMethod<"Whether the first operand is read before it is written.", "bool", "isUpdate", (ins), [{}],
      [{ return false; }]>,
    InterfaceMethod<"The function's name in namespace peft::rt.", "::llvm::StringRef", "getCallee", (ins), [{}],
      [{ return $_op->getName().stripDialect(); }]>,
    InterfaceMethod<"The operand whose element type is the function's T, or -1 if it has none.", "int",
      "getElementTypeOperand", (ins), [{}], [{ return 0; }]>,
    InterfaceMethod<"Attributes that are passed, in the function's order.",
      "::llvm::SmallVector<::mlir::Attribute>", "getCallAttributes">,
    InterfaceMethod<"Whether an absent optional operand (a bias) stands before the attributes.", "bool",
      "lacksOptionalOperand", (ins), [{}], [{ return false; }]>
  ];
}

#endif // PEFT_EXEC_INTERFACES_TD
