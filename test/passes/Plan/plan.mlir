// Every byte gets its place: what lives for the whole run first, behind it the buffers by lifetime.

// RUN: peft-opt %s --peft-plan | FileCheck %s

// The layout: trainable parameters, gradients, one slot of SGD, converted weights, then what is transient.
// CHECK: exec.layout = {arena = 1536 : i64, gradient = 192 : i64, optimizer = 384 : i64, optimizer_slots = 1 : i64,
// CHECK-SAME: trainable = 0 : i64, trainable_bytes = 192 : i64, transient = 1216 : i64, weights = 576 : i64}
// CHECK-SAME: exec.memory = {{\[\[}}"converted weights", 512], ["quantized weights", 128], ["trainable parameters", 192],
// CHECK-SAME: ["gradients", 192], ["optimizer state", 192], ["saved activations", 0], ["temporaries", 320], ["gaps", 0]]

// Every place is a multiple of 64 bytes.
// CHECK: nn.parameter trainable @a {exec.offset = 0 : i64} : tensor<3xf32>
// CHECK: nn.parameter trainable @b {exec.offset = 64 : i64} : tensor<17xf32>
nn.parameter trainable @a : tensor<3xf32>
nn.parameter trainable @b : tensor<17xf32>

// A weight that its file holds as the program reads it is mapped: no place in the arena.
// CHECK: nn.parameter frozen @mapped {stored = "f32"} : tensor<100xf32>
nn.parameter frozen @mapped {stored = "f32"} : tensor<100xf32>

// Another type, one that is not known, and codes are made at load.
// CHECK: nn.parameter frozen @widened {exec.offset = 576 : i64, stored = "bf16"}
// CHECK: nn.parameter frozen @unknown {exec.offset = 1024 : i64}
// CHECK: nn.parameter frozen @coded {exec.block = 64 : i64, exec.bytes = 72 : i64, exec.nested = 0 : i64, exec.offset = 1088 : i64, stored = "bf16"}
nn.parameter frozen @widened {stored = "bf16"} : tensor<100xf32>
nn.parameter frozen @unknown : tensor<5xbf16>
nn.parameter frozen @coded {stored = "bf16"} : tensor<8x16xf32, #peft.nf4<block = 64, nested = 0>>

// CHECK-LABEL: @evaluate
func.func @evaluate() {
  // Two that live at once lie apart; the third takes the place of the first, which is dead by then.
  // CHECK: exec.buffer "x" at 1216 :
  // CHECK: exec.buffer "y" at 1344 :
  // CHECK: exec.buffer "z" at 1216 :
  %x = exec.buffer "x" : memref<32xf32>
  %y = exec.buffer "y" : memref<32xf32>
  %z = exec.buffer "z" : memref<16xf32>
  exec.zero %x : memref<32xf32>
  exec.copy %y, %x : memref<32xf32>, memref<32xf32>
  exec.copy %z, %y : memref<16xf32>, memref<32xf32>
  exec.output "loss_sum", %z : memref<16xf32>
  return
}

// Entry functions never run at once: each begins at the transient part, and the longest decides the size.
// CHECK-LABEL: @forward
func.func @forward() {
  // CHECK: exec.buffer "small" at 1472 :
  // CHECK: exec.buffer "large" at 1216 :
  %small = exec.buffer "small" : memref<16xf32>
  %large = exec.buffer "large" : memref<64xf32>
  exec.zero %small : memref<16xf32>
  exec.copy %large, %small : memref<64xf32>, memref<16xf32>
  // Nobody uses it: it needs no place.
  // CHECK: exec.buffer "unused" :
  %unused = exec.buffer "unused" : memref<64xf32>
  exec.output "logits", %large : memref<64xf32>
  return
}

// CHECK-LABEL: @update
func.func @update() {
  %u = exec.argument "update" : !emitc.opaque<"peft_update_t">
  %p = exec.flat "parameters" : memref<48xf32>
  %g = exec.flat "gradients" : memref<48xf32>
  %s = exec.flat "state.0" : memref<48xf32>
  exec.sgd %p, %g, %s, %u : memref<48xf32>, memref<48xf32>, memref<48xf32>, !emitc.opaque<"peft_update_t">
  return
}
