// Pattern: linear(x, dequantize(w), bias) -> quantized_linear(x, w, bias)

// RUN: peft-opt %s --peft-fuse-quantized-linear | FileCheck %s

!nf4 = tensor<6x64xf32, #peft.nf4<block = 64, nested = 0>>

// CHECK-LABEL: @reads_the_encoded_weight
// CHECK-NEXT: %[[Y:.*]] = peft.quantized_linear %arg0, %arg1 bias %arg2 {alpha = 2.000000e+00 : f64}
// CHECK-NEXT: return %[[Y]]
func.func @reads_the_encoded_weight(%x: tensor<8x64xf32>, %w: !nf4, %b: tensor<6xf32>) -> tensor<8x6xf32> {
  %d = peft.dequantize %w : (!nf4) -> tensor<6x64xf32>
  %y = nn.linear %x, %d bias %b {alpha = 2.0 : f64} : (tensor<8x64xf32>, tensor<6x64xf32>, tensor<6xf32>) -> tensor<8x6xf32>
  return %y : tensor<8x6xf32>
}

// CHECK-LABEL: @quantizes_x_where_the_weight_is_in_eight_bits
// CHECK-NEXT: peft.quantized_linear %arg0, %arg1 : (tensor<8x64xf32>, tensor<16x64xf32, #peft.fp8>) -> tensor<8x16xf32>
func.func @quantizes_x_where_the_weight_is_in_eight_bits(%x: tensor<8x64xf32>, %w: tensor<16x64xf32, #peft.fp8>) -> tensor<8x16xf32> {
  %d = peft.dequantize %w : (tensor<16x64xf32, #peft.fp8>) -> tensor<16x64xf32>
  %y = nn.linear %x, %d : (tensor<8x64xf32>, tensor<16x64xf32>) -> tensor<8x16xf32>
  return %y : tensor<8x16xf32>
}

// CHECK-LABEL: @kept_when_dense
// CHECK-NEXT: nn.linear
func.func @kept_when_dense(%x: tensor<8x64xf32>, %w: tensor<6x64xf32>) -> tensor<8x6xf32> {
  %y = nn.linear %x, %w : (tensor<8x64xf32>, tensor<6x64xf32>) -> tensor<8x6xf32>
  return %y : tensor<8x6xf32>
}

// CHECK-LABEL: @kept_when_x_is_the_weight
// CHECK-NEXT: peft.dequantize
// CHECK-NEXT: nn.linear
func.func @kept_when_x_is_the_weight(%w: !nf4, %v: tensor<3x64xf32>) -> tensor<6x3xf32> {
  %d = peft.dequantize %w : (!nf4) -> tensor<6x64xf32>
  %y = nn.linear %d, %v : (tensor<6x64xf32>, tensor<3x64xf32>) -> tensor<6x3xf32>
  return %y : tensor<6x3xf32>
}
