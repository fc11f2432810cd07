// The scheduled level: calls on placed buffers, no two of which live at one place and time.

// RUN: peft-opt %s --split-input-file --verify-diagnostics --peft-verify-scheduled

func.func @two_that_live_at_once_overlap() {
  %x = exec.buffer "x" at 0 : memref<32xf32>
  // expected-error @+1 {{'exec.buffer' op overlaps buffer 'x', which lives at the same time}}
  %y = exec.buffer "y" at 64 : memref<32xf32>
  exec.zero %x : memref<32xf32>
  exec.copy %y, %x : memref<32xf32>, memref<32xf32>
  exec.output "logits", %y : memref<32xf32>
  return
}

// -----

// Nothing to say: they share a place one after the other.
func.func @two_that_do_not_may() {
  %x = exec.buffer "x" at 0 : memref<32xf32>
  %y = exec.buffer "y" at 0 : memref<32xf32>
  exec.zero %x : memref<32xf32>
  exec.zero %y : memref<32xf32>
  exec.output "logits", %y : memref<32xf32>
  return
}

// -----

func.func @a_buffer_without_a_place() {
  // expected-error @+2 {{'exec.buffer' op has no offset}}
  // expected-note @+1 {{peft-plan should have given it one}}
  %x = exec.buffer "x" : memref<32xf32>
  exec.zero %x : memref<32xf32>
  return
}

// -----

func.func @an_op_of_the_level_before() {
  // expected-error @+2 {{'train.clip_norm' op is left at the scheduled level}}
  // expected-note @+1 {{peft-schedule should have replaced it}}
  %0 = train.clip_norm : tensor<f32>
  return
}

// -----

nn.parameter frozen @w : tensor<4xf32>

func.func @nothing_writes_a_frozen_parameter() {
  %w = exec.parameter @w : memref<4xf32>
  // expected-error @+1 {{'exec.zero' op writes @w, which is not a trainable parameter}}
  exec.zero %w : memref<4xf32>
  return
}

// -----

nn.parameter frozen @w : tensor<4xf32>

func.func @a_frozen_parameter_has_no_gradient() {
  %x = exec.buffer "x" at 0 : memref<8x4xf32>
  exec.zero %x : memref<8x4xf32>
  %g = exec.gradient @w : memref<4xf32>
  // expected-error @+1 {{'exec.sum_rows' op writes @w, which is not a trainable parameter}}
  exec.sum_rows %g, %x : memref<4xf32>, memref<8x4xf32>
  return
}
