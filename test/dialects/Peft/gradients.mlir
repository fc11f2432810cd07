// What vector-Jacobian products are made of.

// RUN: peft-opt %s --verify-roundtrip | FileCheck %s

// Gradients of parameters are sums, hence float32 whatever the model computes in.
// CHECK-LABEL: @gradients
// CHECK: peft.soft_prompt_grad %{{.*}} {count = 5 : i64} : (tensor<2x13x6xbf16>) -> tensor<2x8x6xbf16>
// CHECK: peft.soft_prompt_weight_grad {{.*}} -> tensor<5x6xf32>
// CHECK: peft.override_rows_grad {{.*}} -> tensor<2x13x6xbf16>
// CHECK: peft.override_rows_weight_grad {{.*}} -> tensor<2x6xf32>
// CHECK: peft.embedding_columns_weight_grad {{.*}} -> tensor<6x9xf32>
func.func @gradients(%dy: tensor<2x13x6xbf16>, %ids: tensor<2x13xi32>) -> (tensor<2x8x6xbf16>, tensor<5x6xf32>, tensor<2x13x6xbf16>, tensor<2x6xf32>, tensor<6x9xf32>) {
  %0 = peft.soft_prompt_grad %dy {count = 5 : i64} : (tensor<2x13x6xbf16>) -> tensor<2x8x6xbf16>
  %1 = peft.soft_prompt_weight_grad %dy {count = 5 : i64} : (tensor<2x13x6xbf16>) -> tensor<5x6xf32>
  %2 = peft.override_rows_grad %dy, %ids {indices = array<i32: 7, 2>} : (tensor<2x13x6xbf16>, tensor<2x13xi32>) -> tensor<2x13x6xbf16>
  %3 = peft.override_rows_weight_grad %dy, %ids {indices = array<i32: 7, 2>} : (tensor<2x13x6xbf16>, tensor<2x13xi32>) -> tensor<2x6xf32>
  %4 = peft.embedding_columns_weight_grad %dy, %ids {vocab = 9 : i64} : (tensor<2x13x6xbf16>, tensor<2x13xi32>) -> tensor<6x9xf32>
  return %0, %1, %2, %3, %4 : tensor<2x8x6xbf16>, tensor<5x6xf32>, tensor<2x13x6xbf16>, tensor<2x6xf32>, tensor<6x9xf32>
}

// dy goes where y came from: columns of the logits to the new rows, the others to the head.
// CHECK-LABEL: @columns
// CHECK: peft.select_columns %{{.*}} {indices = array<i32: 7, 2>} : (tensor<2x8x9xbf16>) -> tensor<2x8x2xbf16>
// CHECK: peft.override_columns_grad %{{.*}} {indices = array<i32: 7, 2>} : (tensor<2x8x9xbf16>) -> tensor<2x8x9xbf16>
func.func @columns(%dy: tensor<2x8x9xbf16>) -> (tensor<2x8x2xbf16>, tensor<2x8x9xbf16>) {
  %0 = peft.select_columns %dy {indices = array<i32: 7, 2>} : (tensor<2x8x9xbf16>) -> tensor<2x8x2xbf16>
  %1 = peft.override_columns_grad %dy {indices = array<i32: 7, 2>} : (tensor<2x8x9xbf16>) -> tensor<2x8x9xbf16>
  return %0, %1 : tensor<2x8x2xbf16>, tensor<2x8x9xbf16>
}
