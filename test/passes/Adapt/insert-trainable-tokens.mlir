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

// A head that shares the table gets the logits of the new rows, from the same parameter.
// CHECK: nn.parameter frozen @base_model.model.e.token_adapter.trainable_tokens_delta
// CHECK-NOT: nn.parameter
// CHECK-LABEL: @tied
// CHECK-SAME: %[[H:[a-z0-9]*]]: tensor<8x4xbf16>
// CHECK: peft.override_rows
// CHECK: %[[G:.*]] = nn.get @base_model.model.e.token_adapter.trainable_tokens_delta
// CHECK: %[[R:.*]] = nn.cast %[[G]] : tensor<2x4xf32> to tensor<2x4xbf16>
// CHECK: %[[C:.*]] = nn.linear %[[H]], %[[R]] {alpha = 2.000000e+00 : f64} : (tensor<8x4xbf16>, tensor<2x4xbf16>) -> tensor<8x2xbf16>
// CHECK: %[[Y:.*]] = nn.linear %[[H]], %{{.*}} module("lm_head") {alpha = 2.000000e+00 : f64}
// CHECK: %[[Z:.*]] = peft.override_columns %[[Y]], %[[C]] {indices = array<i32: 7, 2>}
// CHECK: return %{{.*}}, %[[Z]]
nn.parameter frozen @e.weight : tensor<9x4xbf16>
func.func @tied(%ids: tensor<8xi32>, %h: tensor<8x4xbf16>) -> (tensor<8x4xbf16>, tensor<8x9xbf16>) {
  %t = nn.get @e.weight : tensor<9x4xbf16>
  %x = nn.embedding %ids, %t module("e") {peft.trainable_tokens = array<i32: 7, 2>} : (tensor<8xi32>, tensor<9x4xbf16>) -> tensor<8x4xbf16>
  %u = nn.get @e.weight : tensor<9x4xbf16>
  %y = nn.linear %h, %u module("lm_head") {alpha = 2.0 : f64} : (tensor<8x4xbf16>, tensor<9x4xbf16>) -> tensor<8x9xbf16>
  return %x, %y : tensor<8x4xbf16>, tensor<8x9xbf16>
}

// -----

// A head with a table of its own stays as it is.
// CHECK-LABEL: @not_tied
// CHECK-NOT: peft.override_columns
nn.parameter frozen @e.weight : tensor<9x4xf32>
nn.parameter frozen @lm_head.weight : tensor<9x4xf32>
func.func @not_tied(%ids: tensor<8xi32>) -> tensor<8x9xf32> {
  %t = nn.get @e.weight : tensor<9x4xf32>
  %x = nn.embedding %ids, %t module("e") {peft.trainable_tokens = array<i32: 7, 2>} : (tensor<8xi32>, tensor<9x4xf32>) -> tensor<8x4xf32>
  %w = nn.get @lm_head.weight : tensor<9x4xf32>
  %y = nn.linear %x, %w module("lm_head") : (tensor<8x4xf32>, tensor<9x4xf32>) -> tensor<8x9xf32>
  return %y : tensor<8x9xf32>
}

// -----

// Rows of the head alone: whether its table is the embedding's or not, the embedding stays as it is.
// CHECK: nn.parameter frozen @base_model.model.lm_head.token_adapter.trainable_tokens_delta
// CHECK-SAME: rows = array<i32: 3>, source = "e.weight"} : tensor<1x4xf32>
// CHECK-LABEL: @head
// CHECK-NOT: peft.override_rows
// CHECK: %[[C:.*]] = nn.linear %{{.*}}, %{{.*}} : (tensor<8x4xf32>, tensor<1x4xf32>) -> tensor<8x1xf32>
// CHECK: %[[Y:.*]] = nn.linear %{{.*}} module("lm_head") :
// CHECK: peft.override_columns %[[Y]], %[[C]] {indices = array<i32: 3>}
nn.parameter frozen @e.weight : tensor<9x4xf32>
func.func @head(%ids: tensor<8xi32>) -> tensor<8x9xf32> {
  %t = nn.get @e.weight : tensor<9x4xf32>
  %x = nn.embedding %ids, %t module("e") : (tensor<8xi32>, tensor<9x4xf32>) -> tensor<8x4xf32>
  %y = nn.linear %x, %t module("lm_head") {peft.trainable_tokens = array<i32: 3>} : (tensor<8x4xf32>, tensor<9x4xf32>) -> tensor<8x9xf32>
  return %y : tensor<8x9xf32>
}

// -----

// Rows of both: each its own.
// CHECK-DAG: @base_model.model.e.token_adapter.trainable_tokens_delta {{.*}}rows = array<i32: 7>
// CHECK-DAG: @base_model.model.lm_head.token_adapter.trainable_tokens_delta {{.*}}rows = array<i32: 3>
// CHECK-LABEL: @both
// CHECK: peft.override_rows {{.*}} {indices = array<i32: 7>}
// CHECK: peft.override_columns {{.*}} {indices = array<i32: 3>}
// CHECK-NOT: peft.override_columns
nn.parameter frozen @e.weight : tensor<9x4xf32>
func.func @both(%ids: tensor<8xi32>) -> tensor<8x9xf32> {
  %t = nn.get @e.weight : tensor<9x4xf32>
  %x = nn.embedding %ids, %t module("e") {peft.trainable_tokens = array<i32: 7>} : (tensor<8xi32>, tensor<9x4xf32>) -> tensor<8x4xf32>
  %y = nn.linear %x, %t module("lm_head") {peft.trainable_tokens = array<i32: 3>} : (tensor<8x4xf32>, tensor<9x4xf32>) -> tensor<8x9xf32>
  return %y : tensor<8x9xf32>
}

// -----

func.func @not_a_table(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error @+1 {{expected peft.trainable_tokens on nn.embedding or nn.linear}}
  %y = nn.residual %x, %x {peft.trainable_tokens = array<i32: 3>} : tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

nn.parameter frozen @e.weight : tensor<9x4xf32>
func.func @tied_with_bias(%ids: tensor<8xi32>, %b: tensor<9xf32>) -> tensor<8x9xf32> {
  %t = nn.get @e.weight : tensor<9x4xf32>
  %x = nn.embedding %ids, %t module("e") {peft.trainable_tokens = array<i32: 7, 2>} : (tensor<8xi32>, tensor<9x4xf32>) -> tensor<8x4xf32>
  // expected-error @+1 {{expected a linear without bias, not transposed, because rows of its table are trained}}
  %y = nn.linear %x, %t bias %b : (tensor<8x4xf32>, tensor<9x4xf32>, tensor<9xf32>) -> tensor<8x9xf32>
  return %y : tensor<8x9xf32>
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
