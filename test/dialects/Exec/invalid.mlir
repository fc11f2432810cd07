// What the scheduled level refuses.

// RUN: peft-opt %s --split-input-file --verify-diagnostics

func.func @calls_work_on_buffers(%y: tensor<8x4xf32>) {
  // expected-error @+1 {{operand #0 must be dense memref with extents above 0, or columns of one, but got 'tensor<8x4xf32>'}}
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
  // expected-error @+1 {{operand #0 must be dense memref with extents above 0, or columns of one, but got 'memref<?x4xf32>'}}
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

// -----

func.func @columns_end_within_their_source(%x: memref<8x4xf32>) {
  // expected-error @+1 {{ends at column 5 of 4}}
  %0 = exec.columns "a" of %x[3] : memref<8x4xf32> -> memref<8x2xf32, strided<[4, 1], offset: 3>>
  return
}

// -----

func.func @columns_have_the_rows_of_their_source(%x: memref<8x4xf32>) {
  // expected-error @+1 {{expected 'memref<8x2xf32, strided<[4, 1], offset: 2>>', got 'memref<8x2xf32, strided<[5, 1], offset: 2>>'}}
  %0 = exec.columns "a" of %x[2] : memref<8x4xf32> -> memref<8x2xf32, strided<[5, 1], offset: 2>>
  return
}

// -----

func.func @columns_are_of_a_matrix(%x: memref<8xf32>) {
  // expected-error @+1 {{expected a matrix, got 'memref<8xf32>'}}
  %0 = exec.columns "a" of %x[2] : memref<8xf32> -> memref<2xf32>
  return
}

// -----

// Not every function finds rows that lie apart: kernels.h says which.
func.func @other_calls_take_no_columns(%x: memref<8x4xf32>, %y: memref<8x2xf32>) {
  %0 = exec.columns "a" of %x[2] : memref<8x4xf32> -> memref<8x2xf32, strided<[4, 1], offset: 2>>
  // expected-error @+1 {{operand #1 must be dense memref with extents above 0, but got 'memref<8x2xf32, strided<[4, 1], offset: 2>>'}}
  exec.copy %y, %0 : memref<8x2xf32>, memref<8x2xf32, strided<[4, 1], offset: 2>>
  return
}

// -----

func.func @rows_end_within_their_source(%x: memref<8x4xf32>) {
  // expected-error @+1 {{ends at row 9 of 8}}
  %0 = exec.rows "a" of %x[7] : memref<8x4xf32> -> memref<2x4xf32>
  return
}

// -----

func.func @rows_have_the_columns_of_their_source(%x: memref<8x4xf32>) {
  // expected-error @+1 {{expected 'memref<2x4xf32>', got 'memref<2x3xf32>'}}
  %0 = exec.rows "a" of %x[0] : memref<8x4xf32> -> memref<2x3xf32>
  return
}

// -----

func.func @rows_are_of_two_dimensions(%x: memref<2x8x4xf32>) {
  // expected-error @+1 {{expected a matrix of two dimensions, got 'memref<2x8x4xf32>'}}
  %0 = exec.rows "a" of %x[0] : memref<2x8x4xf32> -> memref<1x8x4xf32>
  return
}

// -----

func.func @rows_lie_at_one_distance(%y: memref<2x8x2xf32, strided<[64, 4, 1]>>, %x: memref<2x8x4xf32>, %w: memref<2x4xf32>) {
  // expected-error @+1 {{operand #0 must be dense memref with extents above 0, or columns of one, but got 'memref<2x8x2xf32, strided<[64, 4, 1]>>'}}
  exec.linear_add %y, %y, %x, %w {alpha = 1.0 : f64, transposed = false} : memref<2x8x2xf32, strided<[64, 4, 1]>>, memref<2x8x2xf32, strided<[64, 4, 1]>>, memref<2x8x4xf32>, memref<2x4xf32>
  return
}
