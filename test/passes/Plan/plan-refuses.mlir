// What gets no place, and what no plan is made for.

// RUN: peft-opt %s --peft-plan | FileCheck %s
// RUN: not peft-opt %s --peft-plan=target=rocm 2>&1 | FileCheck %s --check-prefix=TARGET

// TARGET: error: unknown target 'rocm': expected cpu or cuda

// Nothing to be placed is no error: an arena of nothing.
// CHECK: exec.layout = {arena = 0 : i64

// A function that entry functions call works on their places.
// CHECK-LABEL: @layer
// CHECK-NEXT: exec.buffer "x" : memref<32xf32>
func.func private @layer() {
  %x = exec.buffer "x" : memref<32xf32>
  exec.zero %x : memref<32xf32>
  return
}

// Nobody uses it.
// CHECK-LABEL: @forward
// CHECK-NEXT: exec.buffer "x" : memref<32xf32>
func.func @forward() {
  %x = exec.buffer "x" : memref<32xf32>
  return
}
