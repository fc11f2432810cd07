//===- Differentiable.td - how an op is differentiated -----*- tablegen -*-===//
#ifndef PEFT_INTERFACES_DIFFERENTIABLE_TD
#define PEFT_INTERFACES_DIFFERENTIABLE_TD

include "mlir/IR/OpBase.td"

def DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::peft";
  let description = [{
    An op that can build its vector-Jacobian product. Nothing is computed that
    nobody asked for: `wanted` has one entry an operand, and the result has one
    value an operand, null where it was not wanted.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds the cotangents of the operands from `cotangents`, one a result (null
      where the loss does not depend on it). Cotangents have the type of their
      value, or float32 where the op adds up a gradient of a parameter.
    }], "::llvm::SmallVector<::mlir::Value>", "buildVJP",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$cotangents,
           "::llvm::ArrayRef<bool>":$wanted)>
  ];
}

def RowwiseOpInterface : OpInterface<"RowwiseOpInterface"> {
  let cppNamespace = "::peft";
  let description = [{
    An op that treats the rows (all dimensions but the last) of some operands
    independently, so that it may run on a few rows at a time. Every result either
    has those rows too or is a sum over them.
  }];
  let methods = [
    InterfaceMethod<"Whether the operand is read row by row; others are read whole.",
      "bool", "isRowOperand", (ins "unsigned":$index)>,
    InterfaceMethod<"Whether the result is a sum over the rows.",
      "bool", "isSumResult", (ins "unsigned":$index), [{}], [{ return false; }]>
  ];
}

/// Worth computing twice rather than keeping: no matrix product, no attention.
def CheapToRecompute : NativeOpTrait<"CheapToRecompute"> { let cppNamespace = "::peft"; }

#endif // PEFT_INTERFACES_DIFFERENTIABLE_TD
