//===- Passes.td - C++ text in waiting ---------------------*- tablegen -*-===//
#ifndef PEFT_PASSES_EMIT_TD
#define PEFT_PASSES_EMIT_TD

include "mlir/Pass/PassBase.td"

def EmitPass : Pass<"peft-emit", "mlir::ModuleOp"> {
  let summary = "Turns scheduled functions and their tables into emitc";
  let description = [{
    Every call becomes `emitc.call_opaque` of the runtime function of its name; every
    place a `const Tensor<T>` named as the buffer; scalar functions become functions
    on floats; parameters, memory table and entry points the tables that
    `peft_program_query` returns. `peft-translate` prints the result. Expects what
    `peft-outline` leaves: a part that runs in chunks is a function.
  }];
  let dependentDialects = ["mlir::emitc::EmitCDialect"];
}

#endif // PEFT_PASSES_EMIT_TD
