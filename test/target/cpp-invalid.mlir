// What can't be printed is named, not left out.

// RUN: split-file %s %t
// RUN: not peft-translate %t/op.mlir --peft-to-cpp 2>&1 | FileCheck %s --check-prefix=OP
// RUN: not peft-translate %t/type.mlir --peft-to-cpp 2>&1 | FileCheck %s --check-prefix=TYPE

// OP: error: 'emitc.sub' op can't be printed as C++
// TYPE: error: can't print type 'f64' as C++

//--- op.mlir
emitc.func @f(%a: f32) -> f32 {
  %0 = emitc.sub %a, %a : (f32, f32) -> f32
  emitc.return %0 : f32
}

//--- type.mlir
emitc.func @f(%a: f64) {
  emitc.return
}
