// Nodes that have no smaller parts stay: later levels know them.

// RUN: peft-opt %s --peft-decompose-adapters | FileCheck %s

// CHECK-LABEL: @tokens
// CHECK-NEXT: peft.override_rows
// CHECK-NEXT: return
func.func @tokens(%x: tensor<8x6xf32>, %ids: tensor<8xi32>, %rows: tensor<2x6xf32>) -> tensor<8x6xf32> {
  %0 = peft.override_rows %x, %ids, %rows {indices = array<i32: 7, 2>} : (tensor<8x6xf32>, tensor<8xi32>, tensor<2x6xf32>) -> tensor<8x6xf32>
  return %0 : tensor<8x6xf32>
}

// CHECK-LABEL: @head
// CHECK-NEXT: peft.override_columns
// CHECK-NEXT: return
func.func @head(%x: tensor<8x9xf32>, %c: tensor<8x2xf32>) -> tensor<8x9xf32> {
  %0 = peft.override_columns %x, %c {indices = array<i32: 7, 2>} : (tensor<8x9xf32>, tensor<8x2xf32>) -> tensor<8x9xf32>
  return %0 : tensor<8x9xf32>
}

// CHECK-LABEL: @columns
// CHECK-NEXT: peft.embedding_columns
// CHECK-NEXT: return
func.func @columns(%ids: tensor<8xi32>, %a: tensor<3x9xf32>) -> tensor<8x3xf32> {
  %0 = peft.embedding_columns %ids, %a : (tensor<8xi32>, tensor<3x9xf32>) -> tensor<8x3xf32>
  return %0 : tensor<8x3xf32>
}

// CHECK-LABEL: @quantized
// CHECK-NEXT: peft.dequantize
// CHECK-NEXT: nn.linear
// CHECK-NEXT: return
func.func @quantized(%x: tensor<8x64xf32>, %w: tensor<6x64xf32, #peft.nf4<block = 64, nested = 0>>) -> tensor<8x6xf32> {
  %0 = peft.dequantize %w : (tensor<6x64xf32, #peft.nf4<block = 64, nested = 0>>) -> tensor<6x64xf32>
  %1 = nn.linear %x, %0 : (tensor<8x64xf32>, tensor<6x64xf32>) -> tensor<8x6xf32>
  return %1 : tensor<8x6xf32>
}
