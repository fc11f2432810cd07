// Some tokens get rows of their own, which start as copies of the table's.

// RUN: peft-opt %s --peft-insert-trainable-tokens --split-input-file --verify-diagnostics | FileCheck %s

// CHECK: nn.parameter frozen @base_model.model.e.token_adapter.trainable_tokens_delta
// CHECK-SAME: init = #nn.init<rows>
// CHECK-SAME: rows = array<i32: 7, 2>, source = "e.weight"} : tensor<2x4xf32>
// CHECK-LABEL: @tokens
// CHECK: %[[X:.*]] = nn.embedding
// CHECK: %[[Y:.*]] = peft.override_rows %[[X]], %{{.*}}, %{{.*}} {indices = array<i32: 7, 2>}
// CHECK: return %[[Y]]
nn.parameter frozen @e.weight : tensor<9x4xf32>
func.func @tokens(%ids: tensor<8xi32>) -> tensor<8x4xf32> {
  %t = nn.get @e.weight : tensor<9x4xf32>
  %x = nn.embedding %ids, %t module("e") {peft.trainable_tokens = array<i32: 7, 2>} : (tensor<8xi32>, tensor<9x4xf32>) -> tensor<8x4xf32>
  return %x : tensor<8x4xf32>
}

// -----

// CHECK-LABEL: @kept_without_mark
// CHECK-NOT: peft.override_rows
nn.parameter frozen @e.weight : tensor<9x4xf32>
func.func @kept_without_mark(%ids: tensor<8xi32>) -> tensor<8x4xf32> {
  %t = nn.get @e.weight : tensor<9x4xf32>
  %x = nn.embedding %ids, %t module("e") : (tensor<8xi32>, tensor<9x4xf32>) -> tensor<8x4xf32>
  return %x : tensor<8x4xf32>
}

// -----

nn.parameter frozen @e.weight : tensor<9x4xf32>
func.func @beyond_the_vocabulary(%ids: tensor<8xi32>) -> tensor<8x4xf32> {
  %t = nn.get @e.weight : tensor<9x4xf32>
  // expected-error @+1 {{expected token ids below 9, got 9}}
  %x = nn.embedding %ids, %t module("e") {peft.trainable_tokens = array<i32: 9>} : (tensor<8xi32>, tensor<9x4xf32>) -> tensor<8x4xf32>
  return %x : tensor<8x4xf32>
}
