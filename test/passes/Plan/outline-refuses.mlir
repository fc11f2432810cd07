// Layers that do more than use other buffers stay where they are.

// RUN: peft-opt %s --split-input-file --peft-outline | FileCheck %s --implicit-check-not=exec.call --implicit-check-not=private

// Another attribute: a window, say, or another eps.
// CHECK-LABEL: @forward
func.func @forward() {
  %x = exec.buffer "x" at 0 : memref<8x4xf32>
  %w = exec.buffer "w" at 128 : memref<4xf32>
  // CHECK-COUNT-8: exec.rms_norm
  exec.rms_norm %x, %x, %w {eps = 1.0 : f64} : memref<8x4xf32>, memref<8x4xf32>, memref<4xf32> loc("layers.0.a")
  exec.rms_norm %x, %x, %w {eps = 1.0 : f64} : memref<8x4xf32>, memref<8x4xf32>, memref<4xf32> loc("layers.0.b")
  exec.rms_norm %x, %x, %w {eps = 1.0 : f64} : memref<8x4xf32>, memref<8x4xf32>, memref<4xf32> loc("layers.0.c")
  exec.rms_norm %x, %x, %w {eps = 1.0 : f64} : memref<8x4xf32>, memref<8x4xf32>, memref<4xf32> loc("layers.0.d")
  exec.rms_norm %x, %x, %w {eps = 1.0 : f64} : memref<8x4xf32>, memref<8x4xf32>, memref<4xf32> loc("layers.1.a")
  exec.rms_norm %x, %x, %w {eps = 1.0 : f64} : memref<8x4xf32>, memref<8x4xf32>, memref<4xf32> loc("layers.1.b")
  exec.rms_norm %x, %x, %w {eps = 1.0 : f64} : memref<8x4xf32>, memref<8x4xf32>, memref<4xf32> loc("layers.1.c")
  exec.rms_norm %x, %x, %w {eps = 2.0 : f64} : memref<8x4xf32>, memref<8x4xf32>, memref<4xf32> loc("layers.1.d")
  return
}

// -----

// Buffers that are shared in another way: the second layer works in place where the first does not.
// CHECK-LABEL: @forward
func.func @forward() {
  %x = exec.buffer "x" at 0 : memref<32xf32>
  %y = exec.buffer "y" at 128 : memref<32xf32>
  // CHECK-COUNT-8: exec.copy
  exec.copy %x, %y : memref<32xf32>, memref<32xf32> loc("layers.0.a")
  exec.copy %x, %y : memref<32xf32>, memref<32xf32> loc("layers.0.b")
  exec.copy %x, %y : memref<32xf32>, memref<32xf32> loc("layers.0.c")
  exec.copy %x, %y : memref<32xf32>, memref<32xf32> loc("layers.0.d")
  exec.copy %x, %y : memref<32xf32>, memref<32xf32> loc("layers.1.a")
  exec.copy %x, %y : memref<32xf32>, memref<32xf32> loc("layers.1.b")
  exec.copy %x, %y : memref<32xf32>, memref<32xf32> loc("layers.1.c")
  exec.copy %x, %x : memref<32xf32>, memref<32xf32> loc("layers.1.d")
  return
}

// -----

// Calls that belong to no layer, or to one that is too short to be worth a function.
// CHECK-LABEL: @forward
func.func @forward() {
  %x = exec.buffer "x" at 0 : memref<32xf32>
  // CHECK-COUNT-4: exec.zero
  exec.zero %x : memref<32xf32> loc("lm_head")
  exec.zero %x : memref<32xf32>
  exec.zero %x : memref<32xf32> loc("layers.0.a")
  exec.zero %x : memref<32xf32> loc("layers.1.a")
  return
}
