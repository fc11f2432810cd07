// Every op of the adapted level; result types follow from the operands.

// RUN: peft-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: @lora
// CHECK: peft.lora %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} scale(2.000000e+00)
// CHECK: peft.lora {{.*}} bias %{{.*}} seed %{{.*}} scale(1.000000e+00) {dropout = 1.000000e-01 : f64, salt = 3 : i32}
func.func @lora(%y: tensor<2x8x6xf32>, %x: tensor<2x8x4xf32>, %a: tensor<3x4xf32>, %b: tensor<6x3xf32>, %c: tensor<6xf32>, %seed: i64) -> tensor<2x8x6xf32> {
  %0 = peft.lora %y, %x, %a, %b scale(2.0) : (tensor<2x8x6xf32>, tensor<2x8x4xf32>, tensor<3x4xf32>, tensor<6x3xf32>) -> tensor<2x8x6xf32>
  %1 = peft.lora %0, %x, %a, %b bias %c seed %seed scale(1.0) {dropout = 0.1 : f64, salt = 3 : i32} : (tensor<2x8x6xf32>, tensor<2x8x4xf32>, tensor<3x4xf32>, tensor<6x3xf32>, tensor<6xf32>, i64) -> tensor<2x8x6xf32>
  return %1 : tensor<2x8x6xf32>
}

// CHECK-LABEL: @embeddings
// CHECK: peft.lora_embedding
// CHECK: peft.embedding_columns %{{.*}}, %{{.*}} : (tensor<2x8xi32>, tensor<3x9xf32>) -> tensor<2x8x3xf32>
// CHECK: peft.override_rows %{{.*}}, %{{.*}}, %{{.*}} {indices = array<i32: 7, 2>}
// CHECK: peft.soft_prompt %{{.*}}, %{{.*}} : (tensor<2x8x6xf32>, tensor<5x6xf32>) -> tensor<2x13x6xf32>
func.func @embeddings(%y: tensor<2x8x6xf32>, %ids: tensor<2x8xi32>, %a: tensor<3x9xf32>, %b: tensor<6x3xf32>, %rows: tensor<2x6xf32>, %prompt: tensor<5x6xf32>) -> (tensor<2x8x3xf32>, tensor<2x13x6xf32>) {
  %0 = peft.lora_embedding %y, %ids, %a, %b scale(0.5) : (tensor<2x8x6xf32>, tensor<2x8xi32>, tensor<3x9xf32>, tensor<6x3xf32>) -> tensor<2x8x6xf32>
  %1 = peft.embedding_columns %ids, %a : (tensor<2x8xi32>, tensor<3x9xf32>) -> tensor<2x8x3xf32>
  %2 = peft.override_rows %0, %ids, %rows {indices = array<i32: 7, 2>} : (tensor<2x8x6xf32>, tensor<2x8xi32>, tensor<2x6xf32>) -> tensor<2x8x6xf32>
  %3 = peft.soft_prompt %2, %prompt : (tensor<2x8x6xf32>, tensor<5x6xf32>) -> tensor<2x13x6xf32>
  return %1, %3 : tensor<2x8x3xf32>, tensor<2x13x6xf32>
}

// CHECK-LABEL: @columns
// CHECK: peft.override_columns %{{.*}}, %{{.*}} {indices = array<i32: 7, 2>} : (tensor<2x8x9xbf16>, tensor<2x8x2xbf16>) -> tensor<2x8x9xbf16>
func.func @columns(%x: tensor<2x8x9xbf16>, %c: tensor<2x8x2xbf16>) -> tensor<2x8x9xbf16> {
  %0 = peft.override_columns %x, %c {indices = array<i32: 7, 2>} : (tensor<2x8x9xbf16>, tensor<2x8x2xbf16>) -> tensor<2x8x9xbf16>
  return %0 : tensor<2x8x9xbf16>
}

// CHECK-LABEL: @bottleneck
// CHECK: = peft.bottleneck gelu_erf %
func.func @bottleneck(%h: tensor<2x8x6xbf16>, %x: tensor<2x8x6xbf16>, %down: tensor<2x6xbf16>, %c: tensor<2xbf16>, %up: tensor<6x2xbf16>, %d: tensor<6xbf16>) -> tensor<2x8x6xbf16> {
  %0 = peft.bottleneck gelu_erf %h, %x, %down, %c, %up, %d {scale = 4.0 : f64} : (tensor<2x8x6xbf16>, tensor<2x8x6xbf16>, tensor<2x6xbf16>, tensor<2xbf16>, tensor<6x2xbf16>, tensor<6xbf16>) -> tensor<2x8x6xbf16>
  return %0 : tensor<2x8x6xbf16>
}

// CHECK-LABEL: @quantized
// CHECK: peft.dequantize %{{.*}} : (tensor<6x64xbf16, #peft.nf4<block = 64, nested = 256>>) -> tensor<6x64xbf16>
// CHECK: peft.quantized_linear %{{.*}}, %{{.*}} : {{.*}} -> tensor<2x8x6xbf16>
// CHECK: peft.quantized_linear %{{.*}}, %{{.*}} transposed {alpha = 2.000000e+00 : f64} : {{.*}} -> tensor<2x8x64xbf16>
func.func @quantized(%x: tensor<2x8x64xbf16>, %w: tensor<6x64xbf16, #peft.nf4<block = 64, nested = 256>>) -> (tensor<6x64xbf16>, tensor<2x8x64xbf16>) {
  %0 = peft.dequantize %w : (tensor<6x64xbf16, #peft.nf4<block = 64, nested = 256>>) -> tensor<6x64xbf16>
  %1 = peft.quantized_linear %x, %w : (tensor<2x8x64xbf16>, tensor<6x64xbf16, #peft.nf4<block = 64, nested = 256>>) -> tensor<2x8x6xbf16>
  %2 = peft.quantized_linear %1, %w transposed {alpha = 2.0 : f64} : (tensor<2x8x6xbf16>, tensor<6x64xbf16, #peft.nf4<block = 64, nested = 256>>) -> tensor<2x8x64xbf16>
  return %0, %2 : tensor<6x64xbf16>, tensor<2x8x64xbf16>
}

// CHECK-LABEL: @quantized_to_eight_bits
// CHECK: peft.quantized_linear %{{.*}}, %{{.*}} bias %{{.*}} : (tensor<2x8x64xbf16>, tensor<48x64xbf16, #peft.fp8>, tensor<48xbf16>) -> tensor<2x8x48xbf16>
// CHECK: peft.quantized_linear_add %{{.*}}, %{{.*}}, %{{.*}} transposed {alpha = 2.000000e+00 : f64} : (tensor<2x8x64xbf16>, tensor<2x8x48xbf16>, tensor<48x64xbf16, #peft.fp8>) -> tensor<2x8x64xbf16>
func.func @quantized_to_eight_bits(%x: tensor<2x8x64xbf16>, %w: tensor<48x64xbf16, #peft.fp8>, %b: tensor<48xbf16>) -> tensor<2x8x64xbf16> {
  %0 = peft.quantized_linear %x, %w bias %b : (tensor<2x8x64xbf16>, tensor<48x64xbf16, #peft.fp8>, tensor<48xbf16>) -> tensor<2x8x48xbf16>
  %1 = peft.quantized_linear_add %x, %0, %w transposed {alpha = 2.0 : f64} : (tensor<2x8x64xbf16>, tensor<2x8x48xbf16>, tensor<48x64xbf16, #peft.fp8>) -> tensor<2x8x64xbf16>
  return %1 : tensor<2x8x64xbf16>
}
