// How long a buffer lives: from its first writer to its last reader; in a region, also through every turn of it.

// RUN: peft-opt %s --peft-plan --peft-verify-scheduled | FileCheck %s

// CHECK-LABEL: @micro_step
func.func @micro_step() {
  // Read in the region: it must hold until the last turn, so nothing of the region may lie on it.
  // CHECK: exec.buffer "hidden" at 0 saved :
  %hidden = exec.buffer "hidden" : memref<64xf32>
  %rows = exec.buffer "rows" : memref<16xi32>
  %count = exec.buffer "count" : memref<1xi32>
  // Written before the backward part and read in it.
  // CHECK: exec.buffer "kept" at {{[0-9]+}} saved :
  %kept = exec.buffer "kept" : memref<16xf32>
  // CHECK: exec.buffer "dropped" at {{[0-9]+}} :
  %dropped = exec.buffer "dropped" : memref<16xf32>
  exec.zero %hidden : memref<64xf32>
  exec.zero %dropped : memref<16xf32>
  exec.copy %kept, %dropped : memref<16xf32>, memref<16xf32>
  exec.labelled_rows %rows, %count, %rows : memref<16xi32>, memref<1xi32>, memref<16xi32>
  exec.chunks %count size 4 {
  ^bb0(%chunk: i64):
    // Two of the region's buffers that do not live at once share a place.
    // CHECK: exec.buffer "first" at [[AT:[1-9][0-9]*]] :
    // CHECK: exec.buffer "second" at
    // CHECK-NOT: at [[AT]] :
    // CHECK-SAME: :
    // CHECK: exec.buffer "third" at [[AT]] :
    %first = exec.buffer "first" : memref<64xf32>
    %second = exec.buffer "second" : memref<64xf32>
    %third = exec.buffer "third" : memref<64xf32>
    exec.gather_rows %first, %hidden, %rows, %count, %chunk : memref<64xf32>, memref<64xf32>, memref<16xi32>, memref<1xi32>, i64
    exec.copy %second, %first {exec.backward} : memref<64xf32>, memref<64xf32>
    exec.copy %third, %second : memref<64xf32>, memref<64xf32>
    exec.scatter_rows %hidden, %third, %rows, %count, %chunk : memref<64xf32>, memref<64xf32>, memref<16xi32>, memref<1xi32>, i64
  } : memref<1xi32>
  exec.copy %hidden, %kept : memref<64xf32>, memref<16xf32>
  exec.output "loss_sum", %hidden : memref<64xf32>
  return
}

// A buffer lives as long as columns of it are read: nothing lies on it in between.
// CHECK-LABEL: @columns
func.func @columns() {
  // CHECK: exec.buffer "whole" at 0 :
  // CHECK: exec.buffer "w" at [[W:[1-9][0-9]*]] :
  // CHECK: exec.buffer "y" at
  // CHECK-NOT: at 0 :
  // CHECK-SAME: :
  %whole = exec.buffer "whole" : memref<4x32xf32>
  %part = exec.columns "part" of %whole[16] : memref<4x32xf32> -> memref<4x16xf32, strided<[32, 1], offset: 16>>
  %w = exec.buffer "w" : memref<8x16xf32>
  %y = exec.buffer "y" : memref<4x8xf32>
  exec.zero %whole : memref<4x32xf32>
  exec.zero %w : memref<8x16xf32>
  exec.zero %y : memref<4x8xf32>
  exec.linear_add %y, %y, %part, %w {alpha = 1.0 : f64, transposed = false} : memref<4x8xf32>, memref<4x8xf32>, memref<4x16xf32, strided<[32, 1], offset: 16>>, memref<8x16xf32>
  exec.output "loss_sum", %y : memref<4x8xf32>
  return
}
