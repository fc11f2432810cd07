//===- Storage.td - how a frozen weight is stored ----------*- tablegen -*-===//
#ifndef PEFT_INTERFACES_STORAGE_TD
#define PEFT_INTERFACES_STORAGE_TD

include "mlir/IR/OpBase.td"

def StorageEncodingInterface : AttrInterface<"StorageEncodingInterface"> {
  let cppNamespace = "::peft";
  let description = [{
    An encoding of a weight's type: bytes of its own instead of elements, whose layout is in
    runtime/include/peft/runtime/abi.h.
  }];
  let methods = [
    InterfaceMethod<"The bytes of a weight of this shape.",
      "int64_t", "storedBytes", (ins "::llvm::ArrayRef<int64_t>":$shape)>,
    InterfaceMethod<"Its name in abi.h.", "::llvm::StringRef", "abiName">
  ];
}

#endif // PEFT_INTERFACES_STORAGE_TD
