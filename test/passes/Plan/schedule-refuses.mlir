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
