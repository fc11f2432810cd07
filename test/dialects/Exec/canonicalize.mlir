// A call that does nothing, and places that nobody uses.

// RUN: peft-opt %s --canonicalize | FileCheck %s

// copy(x, x) -> nothing
// CHECK-LABEL: @a_copy_of_itself
// CHECK-NEXT: return
func.func @a_copy_of_itself(%x: memref<32xf32>) {
  exec.copy %x, %x : memref<32xf32>, memref<32xf32>
  return
}

// Refused: another buffer, and every other call: it writes.
// CHECK-LABEL: @a_copy_of_another
// CHECK-NEXT: exec.copy
// CHECK-NEXT: exec.zero
func.func @a_copy_of_another(%x: memref<32xf32>, %y: memref<32xf32>) {
  exec.copy %y, %x : memref<32xf32>, memref<32xf32>
  exec.zero %x : memref<32xf32>
  return
}

nn.parameter frozen @w : tensor<4xf32>
// CHECK-LABEL: @a_place_that_nobody_uses
// CHECK-NEXT: return
func.func @a_place_that_nobody_uses() {
  %0 = exec.parameter @w : memref<4xf32>
  %1 = exec.argument "seed" : i64
  return
}
