// What the scheduled level refuses.

// RUN: peft-opt %s --split-input-file --verify-diagnostics

func.func @calls_work_on_buffers(%y: tensor<8x4xf32>) {
  // expected-error @+1 {{operand #0 must be dense memref with extents above 0, but got 'tensor<8x4xf32>'}}
  exec.zero %y : tensor<8x4xf32>
  return
}

// -----

func.func @a_call_needs_its_attributes(%y: memref<8x4xf32>, %w: memref<4xf32>) {
  // expected-error @+1 {{requires attribute 'eps'}}
  exec.rms_norm %y, %y, %w : memref<8x4xf32>, memref<8x4xf32>, memref<4xf32>
  return
}

// -----

func.func @a_call_needs_its_operands(%y: memref<8x4xf32>) {
  // expected-error @+1 {{expected 2 operands, but found 1}}
  "exec.copy"(%y) : (memref<8x4xf32>) -> ()
  return
}

// -----

func.func @a_buffer_has_a_name() {
  // expected-error @+1 {{requires attribute 'name'}}
  %0 = "exec.buffer"() : () -> memref<8xf32>
  return
}

// -----

func.func @a_buffer_whose_size_is_not_known(%y: memref<?x4xf32>) {
  // expected-error @+1 {{operand #0 must be dense memref with extents above 0, but got 'memref<?x4xf32>'}}
  exec.zero %y : memref<?x4xf32>
  return
}

// -----

func.func @a_map_has_its_outputs(%y: memref<8x4xf32>) {
  // expected-error @+1 {{expected 3 outputs among its tensors, got 2 tensors}}
  exec.map @both(%y, %y) outputs(3) : memref<8x4xf32>, memref<8x4xf32>
  return
}

// -----

func.func @a_slice_ends_within_its_source(%x: memref<48xbf16>) {
  // expected-error @+1 {{ends at element 52 of 48}}
  %0 = exec.slice "a" of %x[44] : memref<48xbf16> -> memref<2x4xbf16>
  return
}

// -----

func.func @a_slice_is_of_a_vector(%x: memref<8x4xbf16>) {
  // expected-error @+1 {{expected a vector of 'bf16' to slice, got 'memref<8x4xbf16>'}}
  %0 = exec.slice "a" of %x[0] : memref<8x4xbf16> -> memref<2x4xbf16>
  return
}
