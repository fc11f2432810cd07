// What exec.map_weight_grads refuses.

// RUN: peft-opt %s --split-input-file --verify-diagnostics

func.func private @mul_add(%a: f32, %b: f32) -> (f32, f32)
func.func @each_index_has_its_tensor(%x: memref<8x32xbf16>, %g: memref<32x4xf32>, %s: memref<8x4xbf16>) {
  // expected-error @+1 {{expected a tensor of 'stores' for each index, got 1 for 2}}
  exec.map_weight_grads @mul_add(%x, %x : memref<8x32xbf16>, memref<8x32xbf16>) stores [0, 1] (%x : memref<8x32xbf16>) grads [1] (%g : memref<32x4xf32> with %s : memref<8x4xbf16>) scales [1.0]
  return
}

// -----

func.func private @mul_add(%a: f32, %b: f32) -> (f32, f32)
func.func @indices_ascend(%x: memref<8x32xbf16>, %g: memref<32x4xf32>, %s: memref<8x4xbf16>) {
  // expected-error @+1 {{expected ascending indices of 'stores', got 0 at 1}}
  exec.map_weight_grads @mul_add(%x, %x : memref<8x32xbf16>, memref<8x32xbf16>) stores [1, 0] (%x, %x : memref<8x32xbf16>, memref<8x32xbf16>) grads [1] (%g : memref<32x4xf32> with %s : memref<8x4xbf16>) scales [1.0]
  return
}

// -----

func.func private @mul_add(%a: f32, %b: f32) -> (f32, f32)
func.func @each_gradient_has_its_scale(%x: memref<8x32xbf16>, %g: memref<32x4xf32>, %s: memref<8x4xbf16>) {
  // expected-error @+1 {{expected gradients, with a thin tensor and a scale for each, got 1, 1 and 0}}
  exec.map_weight_grads @mul_add(%x, %x : memref<8x32xbf16>, memref<8x32xbf16>) stores [] grads [1] (%g : memref<32x4xf32> with %s : memref<8x4xbf16>) scales []
  return
}

// -----

func.func private @mul_add(%a: f32, %b: f32) -> (f32, f32)
func.func @indices_are_of_results(%x: memref<8x32xbf16>, %g: memref<32x4xf32>, %s: memref<8x4xbf16>) {
  // expected-error @+1 {{wants result 2 of @mul_add, which has 2}}
  exec.map_weight_grads @mul_add(%x, %x : memref<8x32xbf16>, memref<8x32xbf16>) stores [0, 2] (%x, %x : memref<8x32xbf16>, memref<8x32xbf16>) grads [1] (%g : memref<32x4xf32> with %s : memref<8x4xbf16>) scales [1.0]
  return
}

// -----

func.func private @mul_add(%a: f32, %b: f32) -> (f32, f32)
func.func @the_body_is_a_function(%x: memref<8x32xbf16>, %g: memref<32x4xf32>, %s: memref<8x4xbf16>) {
  // expected-error @+1 {{names @nobody, which is no function}}
  exec.map_weight_grads @nobody(%x, %x : memref<8x32xbf16>, memref<8x32xbf16>) stores [] grads [1] (%g : memref<32x4xf32> with %s : memref<8x4xbf16>) scales [1.0]
  return
}

// -----

func.func private @mul_add(%a: f32, %b: f32) -> (f32, f32)
func.func @a_thin_tensor_is_thin(%x: memref<8x32xbf16>, %g: memref<32x17xf32>, %s: memref<8x17xbf16>) {
  // expected-error @+1 {{expected a gradient of 32 by at most 16 and as many columns of 8 rows, got 'memref<32x17xf32>' with 'memref<8x17xbf16>'}}
  exec.map_weight_grads @mul_add(%x, %x : memref<8x32xbf16>, memref<8x32xbf16>) stores [] grads [1] (%g : memref<32x17xf32> with %s : memref<8x17xbf16>) scales [1.0]
  return
}

// -----

func.func private @mul_add(%a: f32, %b: f32) -> (f32, f32)
func.func @a_thin_tensor_has_the_rows(%x: memref<8x32xbf16>, %g: memref<32x4xf32>, %s: memref<7x4xbf16>) {
  // expected-error @+1 {{expected a gradient of 32 by at most 16 and as many columns of 8 rows, got 'memref<32x4xf32>' with 'memref<7x4xbf16>'}}
  exec.map_weight_grads @mul_add(%x, %x : memref<8x32xbf16>, memref<8x32xbf16>) stores [] grads [1] (%g : memref<32x4xf32> with %s : memref<7x4xbf16>) scales [1.0]
  return
}

// -----

func.func private @mul_add(%a: f32, %b: f32) -> (f32, f32)
func.func @gradients_are_float(%x: memref<8x32xbf16>, %g: memref<32x4xbf16>, %s: memref<8x4xbf16>) {
  // expected-error @+1 {{expected gradients in f32 and all else in bf16, got 'memref<32x4xbf16>'}}
  exec.map_weight_grads @mul_add(%x, %x : memref<8x32xbf16>, memref<8x32xbf16>) stores [] grads [1] (%g : memref<32x4xbf16> with %s : memref<8x4xbf16>) scales [1.0]
  return
}

// -----

func.func private @mul_add(%a: f32, %b: f32) -> (f32, f32)
func.func @operands_have_one_shape(%x: memref<8x32xbf16>, %g: memref<32x4xf32>, %s: memref<8x4xbf16>, %v: memref<32xbf16>) {
  // expected-error @+1 {{expected results and operands of one shape, got 'memref<32xbf16>' beside 'memref<8x32xbf16>'}}
  exec.map_weight_grads @mul_add(%x, %v : memref<8x32xbf16>, memref<32xbf16>) stores [] grads [1] (%g : memref<32x4xf32> with %s : memref<8x4xbf16>) scales [1.0]
  return
}
