// An op without a runtime function is an error that names it.

// RUN: peft-opt %s --split-input-file --verify-diagnostics --peft-schedule

func.func @forward(%ids: tensor<8xi32>) -> tensor<8xi32> {
  // expected-error @+1 {{'arith.addi' op has no runtime function}}
  %0 = arith.addi %ids, %ids : tensor<8xi32>
  return %0 : tensor<8xi32>
}

// -----

nn.parameter frozen @w : tensor<4x4xf32>
func.func @forward(%ids: tensor<8xi32>) -> tensor<8x4xf32> {
  %w = nn.get @w : tensor<4x4xf32>
  %x = nn.embedding %ids, %w : (tensor<8xi32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  // Fusion makes train.elementwise of it, also where it stands alone.
  // expected-error @+1 {{'nn.activation' op has no runtime function}}
  %y = nn.activation silu %x : tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// FP8 products read the codes; nothing makes dense values of them.
nn.parameter frozen @w : tensor<16x16xf32, #peft.fp8>
func.func @forward(%ids: tensor<8xi32>) -> tensor<16x16xf32> {
  %w = nn.get @w : tensor<16x16xf32, #peft.fp8>
  // expected-error @+1 {{'peft.dequantize' op has no runtime function for #peft.fp8: peft-fuse-quantized-linear should have made it part of a product}}
  %x = peft.dequantize %w : (tensor<16x16xf32, #peft.fp8>) -> tensor<16x16xf32>
  return %x : tensor<16x16xf32>
}

// -----

nn.parameter frozen @w : tensor<4x4xf32>
func.func @forward(%ids: tensor<8xi32>, %labels: tensor<8xi32>, %positions: tensor<8xi32>) -> tensor<8x2xf32> {
  %w = nn.get @w : tensor<4x4xf32>
  %x = nn.embedding %ids, %w : (tensor<8xi32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  // expected-error @+1 {{its results are columns of x where that lies, which peft.select_columns does not read}}
  %a, %b = nn.split_columns %x [2, 2] : (tensor<8x4xf32>) -> (tensor<8x2xf32>, tensor<8x2xf32>)
  %r = peft.select_columns %a {indices = array<i32: 1, 0>} : (tensor<8x2xf32>) -> tensor<8x2xf32>
  return %r : tensor<8x2xf32>
}

// -----

// A parameter may lie in a file; a part of it is no place.
nn.parameter frozen @w : tensor<4x4xf32>
func.func @forward(%ids: tensor<8xi32>) -> tensor<4x4xf32> {
  %w = nn.get @w : tensor<4x4xf32>
  // expected-error @+1 {{expected x to lie in a buffer}}
  %a, %b = nn.split_columns %w [2, 2] : (tensor<4x4xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>)
  return %w : tensor<4x4xf32>
}
