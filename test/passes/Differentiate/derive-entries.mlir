// @evaluate, @forward and @update come from @loss, which goes.

// RUN: peft-opt %s --peft-derive-entries | FileCheck %s
// RUN: peft-opt %s --peft-derive-entries=optimizer=sgd | FileCheck %s --check-prefix=SGD

// CHECK: module attributes {train.batch = 2 : i64, train.optimizer = "adamw", train.seq_len = 8 : i64}
nn.parameter frozen @table : tensor<9x4xbf16>
nn.parameter frozen @head : tensor<9x4xbf16>
nn.parameter trainable @a : tensor<2x4xf32>
nn.parameter trainable @b : tensor<9x2xf32>

// CHECK-NOT: @loss
// CHECK-LABEL: func.func @evaluate
// CHECK-NOT: nn.dropout
// CHECK: nn.cross_entropy
// CHECK-NOT: @loss

// select_rows(linear(x, w), rows) -> linear(select_rows(x, rows), w): the head runs on one row a sequence, and so
// does all that is row by row below it, its adapter and the sum of both, down to the hidden states.
// CHECK-LABEL: func.func @forward
// CHECK-SAME: %[[ROWS:[a-z0-9]*]]: tensor<2xi32>) -> tensor<2x9xf32>
// CHECK-NOT: nn.dropout
// CHECK: %[[TWO:.*]] = arith.constant dense<2.000000e+00> : tensor<2x9xbf16>
// CHECK-NOT: nn.dropout
// CHECK: %[[X:.*]] = nn.embedding
// CHECK-NOT: tensor<2x8x9xbf16>
// CHECK: %[[XR:.*]] = nn.select_rows %[[X]], %[[ROWS]] : (tensor<2x8x4xbf16>, tensor<2xi32>) -> tensor<2x4xbf16>
// CHECK-DAG: %[[Y:.*]] = nn.linear %[[XR]], %{{.*}} module("lm_head") : (tensor<2x4xbf16>, tensor<9x4xbf16>) -> tensor<2x9xbf16>
// CHECK-DAG: %[[S:.*]] = nn.linear %{{.*}} -> tensor<2x2xbf16>
// CHECK: %[[Z:.*]] = nn.linear_add %[[Y]], %[[S]], %{{.*}} -> tensor<2x9xbf16>
// select_rows(splat c, rows) -> splat c
// CHECK: %[[U:.*]] = arith.mulf %[[Z]], %[[TWO]] : tensor<2x9xbf16>
// Logits are float32 whatever the model computes in.
// CHECK: %[[L:.*]] = nn.cast %[[U]] : tensor<2x9xbf16> to tensor<2x9xf32>
// CHECK: return %[[L]]

// CHECK-LABEL: func.func @update() -> tensor<f32>
// CHECK-NEXT: %[[N:.*]] = train.clip_norm
// CHECK-NEXT: train.adamw
// CHECK-NEXT: return %[[N]]
// CHECK-NOT: @loss

// SGD: train.optimizer = "sgd"
// SGD: train.clip_norm
// SGD-NEXT: train.sgd
// SGD-NOT: train.adamw
func.func @loss(%ids: tensor<2x8xi32>, %labels: tensor<2x8xi32>, %positions: tensor<2x8xi32>, %segments: tensor<2x8xi32>, %seed: i64) -> tensor<f32> {
  %t = nn.get @table : tensor<9x4xbf16>
  %x = nn.embedding %ids, %t : (tensor<2x8xi32>, tensor<9x4xbf16>) -> tensor<2x8x4xbf16>
  %h = nn.get @head : tensor<9x4xbf16>
  %y = nn.linear %x, %h module("lm_head") : (tensor<2x8x4xbf16>, tensor<9x4xbf16>) -> tensor<2x8x9xbf16>
  %d = nn.dropout %x, %seed {p = 0.5 : f64, salt = 1 : i32} : (tensor<2x8x4xbf16>, i64) -> tensor<2x8x4xbf16>
  %a32 = nn.get @a : tensor<2x4xf32>
  %a = nn.cast %a32 : tensor<2x4xf32> to tensor<2x4xbf16>
  %b32 = nn.get @b : tensor<9x2xf32>
  %b = nn.cast %b32 : tensor<9x2xf32> to tensor<9x2xbf16>
  %s = nn.linear %d, %a : (tensor<2x8x4xbf16>, tensor<2x4xbf16>) -> tensor<2x8x2xbf16>
  %z = nn.linear_add %y, %s, %b : (tensor<2x8x9xbf16>, tensor<2x8x2xbf16>, tensor<9x2xbf16>) -> tensor<2x8x9xbf16>
  %two = arith.constant dense<2.0> : tensor<2x8x9xbf16>
  %u = arith.mulf %z, %two : tensor<2x8x9xbf16>
  %targets = nn.shift_labels %labels, %segments : (tensor<2x8xi32>, tensor<2x8xi32>) -> tensor<2x8xi32>
  %loss, %lse = nn.cross_entropy %u, %targets : (tensor<2x8x9xbf16>, tensor<2x8xi32>) -> (tensor<f32>, tensor<2x8xf32>)
  return %loss : tensor<f32>
}
