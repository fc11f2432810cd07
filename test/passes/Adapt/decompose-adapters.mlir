// Adapter nodes become the ops that they are made of.

// RUN: peft-opt %s --peft-decompose-adapters | FileCheck %s

// Pattern: lora(y, x, a, b, s) -> linear_add(y, linear(dropout(x), a), b, alpha = s)
// CHECK-LABEL: @lora(
// CHECK-NEXT: %[[D:.*]] = nn.dropout %arg1, %arg4 {p = 1.000000e-01 : f64, salt = 3 : i32}
// CHECK-NEXT: %[[S:.*]] = nn.linear %[[D]], %arg2
// CHECK-NEXT: %[[Y:.*]] = nn.linear_add %arg0, %[[S]], %arg3 {alpha = 2.000000e+00 : f64}
// CHECK-NEXT: return %[[Y]]
func.func @lora(%y: tensor<8x6xf32>, %x: tensor<8x4xf32>, %a: tensor<3x4xf32>, %b: tensor<6x3xf32>, %seed: i64) -> tensor<8x6xf32> {
  %0 = peft.lora %y, %x, %a, %b seed %seed scale(2.0) {dropout = 0.1 : f64, salt = 3 : i32} : (tensor<8x6xf32>, tensor<8x4xf32>, tensor<3x4xf32>, tensor<6x3xf32>, i64) -> tensor<8x6xf32>
  return %0 : tensor<8x6xf32>
}

// The bias sits inside B, hence is scaled: y + s * linear(linear(x, a), b, c)
// CHECK-LABEL: @lora_bias(
// CHECK-DAG:  %[[SCALE:.*]] = arith.constant dense<2.000000e+00> : tensor<8x6xf32>
// CHECK-DAG:  %[[S:.*]] = nn.linear %arg1, %arg2
// CHECK:      %[[T:.*]] = nn.linear %[[S]], %arg3 bias %arg4
// CHECK-NEXT: %[[U:.*]] = arith.mulf %[[T]], %[[SCALE]]
// CHECK-NEXT: arith.addf %arg0, %[[U]]
func.func @lora_bias(%y: tensor<8x6xf32>, %x: tensor<8x4xf32>, %a: tensor<3x4xf32>, %b: tensor<6x3xf32>, %c: tensor<6xf32>) -> tensor<8x6xf32> {
  %0 = peft.lora %y, %x, %a, %b bias %c scale(2.0) : (tensor<8x6xf32>, tensor<8x4xf32>, tensor<3x4xf32>, tensor<6x3xf32>, tensor<6xf32>) -> tensor<8x6xf32>
  return %0 : tensor<8x6xf32>
}

// Pattern: lora_embedding(y, ids, a, b, s) -> linear_add(y, embedding_columns(ids, a), b, alpha = s)
// CHECK-LABEL: @lora_embedding(
// CHECK-NEXT: %[[S:.*]] = peft.embedding_columns %arg1, %arg2
// CHECK-NEXT: nn.linear_add %arg0, %[[S]], %arg3 {alpha = 5.000000e-01 : f64}
func.func @lora_embedding(%y: tensor<8x6xf32>, %ids: tensor<8xi32>, %a: tensor<3x9xf32>, %b: tensor<6x3xf32>) -> tensor<8x6xf32> {
  %0 = peft.lora_embedding %y, %ids, %a, %b scale(0.5) : (tensor<8x6xf32>, tensor<8xi32>, tensor<3x9xf32>, tensor<6x3xf32>) -> tensor<8x6xf32>
  return %0 : tensor<8x6xf32>
}

// Pattern: bottleneck(h, x, down, c, up, d, s) -> h + s * linear(f(linear(x, down, c)), up, d)
// CHECK-LABEL: @bottleneck(
// CHECK-NEXT: %[[I:.*]] = nn.linear %arg1, %arg2 bias %arg3
// CHECK-NEXT: %[[F:.*]] = nn.activation relu %[[I]]
// CHECK-NEXT: %[[O:.*]] = nn.linear %[[F]], %arg4 bias %arg5
// CHECK-NEXT: arith.addf %arg0, %[[O]]
func.func @bottleneck(%h: tensor<8x6xf32>, %x: tensor<8x6xf32>, %down: tensor<2x6xf32>, %c: tensor<2xf32>, %up: tensor<6x2xf32>, %d: tensor<6xf32>) -> tensor<8x6xf32> {
  %0 = peft.bottleneck relu %h, %x, %down, %c, %up, %d : (tensor<8x6xf32>, tensor<8x6xf32>, tensor<2x6xf32>, tensor<2xf32>, tensor<6x2xf32>, tensor<6xf32>) -> tensor<8x6xf32>
  return %0 : tensor<8x6xf32>
}

// Refused: nodes that lower as they are; more in decompose-adapters-refuses.mlir.
// CHECK-LABEL: @kept_soft_prompt(
// CHECK-NEXT: peft.soft_prompt
func.func @kept_soft_prompt(%x: tensor<2x8x6xf32>, %p: tensor<5x6xf32>) -> tensor<2x13x6xf32> {
  %0 = peft.soft_prompt %x, %p : (tensor<2x8x6xf32>, tensor<5x6xf32>) -> tensor<2x13x6xf32>
  return %0 : tensor<2x13x6xf32>
}
