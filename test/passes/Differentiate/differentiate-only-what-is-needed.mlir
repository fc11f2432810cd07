// Freezing costs nothing: no gradient of a frozen weight, none below the first adapter, nothing kept for either.

// RUN: peft-opt %s --split-input-file --peft-train | FileCheck %s

// Two layers; only the second has something to train.
nn.parameter frozen @table : tensor<9x4xf32>
nn.parameter frozen @norm_1 : tensor<4xf32>
nn.parameter frozen @w_1 : tensor<4x4xf32>
nn.parameter frozen @norm_2 : tensor<4xf32>
nn.parameter frozen @w_2 : tensor<4x4xf32>
nn.parameter trainable @a : tensor<2x4xf32>
nn.parameter trainable @b : tensor<4x2xf32>
nn.parameter frozen @head : tensor<9x4xf32>

// CHECK-LABEL: func.func @micro_step
func.func @loss(%ids: tensor<1x8xi32>, %labels: tensor<1x8xi32>, %positions: tensor<1x8xi32>, %segments: tensor<1x8xi32>, %seed: i64) -> tensor<f32> {
  %table = nn.get @table : tensor<9x4xf32>
  %x0 = nn.embedding %ids, %table : (tensor<1x8xi32>, tensor<9x4xf32>) -> tensor<1x8x4xf32>
  %n1 = nn.get @norm_1 : tensor<4xf32>
  %h1 = nn.rms_norm %x0, %n1 eps(1.0e-5) : (tensor<1x8x4xf32>, tensor<4xf32>) -> tensor<1x8x4xf32>
  %w1 = nn.get @w_1 : tensor<4x4xf32>
  %y1 = nn.linear %h1, %w1 : (tensor<1x8x4xf32>, tensor<4x4xf32>) -> tensor<1x8x4xf32>
  %a1 = nn.activation silu %y1 : tensor<1x8x4xf32>
  // CHECK: %[[X1:.*]] = nn.residual
  %x1 = nn.residual %x0, %a1 : tensor<1x8x4xf32>
  %n2 = nn.get @norm_2 : tensor<4xf32>
  // CHECK: %[[H2:.*]] = nn.rms_norm %[[X1]]
  %h2 = nn.rms_norm %x1, %n2 eps(1.0e-5) : (tensor<1x8x4xf32>, tensor<4xf32>) -> tensor<1x8x4xf32>
  %w2 = nn.get @w_2 : tensor<4x4xf32>
  %base = nn.linear %h2, %w2 : (tensor<1x8x4xf32>, tensor<4x4xf32>) -> tensor<1x8x4xf32>
  %a = nn.get @a : tensor<2x4xf32>
  %b = nn.get @b : tensor<4x2xf32>
  // CHECK: %[[S:.*]] = nn.linear %[[H2]], %{{.*}} -> tensor<1x8x2xf32>
  %s = nn.linear %h2, %a : (tensor<1x8x4xf32>, tensor<2x4xf32>) -> tensor<1x8x2xf32>
  %y2 = nn.linear_add %base, %s, %b : (tensor<1x8x4xf32>, tensor<1x8x2xf32>, tensor<4x2xf32>) -> tensor<1x8x4xf32>
  %x2 = nn.residual %x1, %y2 : tensor<1x8x4xf32>
  %head = nn.get @head : tensor<9x4xf32>
  // CHECK: %[[LOGITS:.*]] = nn.linear %{{.*}} -> tensor<1x8x9xf32>
  %logits = nn.linear %x2, %head : (tensor<1x8x4xf32>, tensor<9x4xf32>) -> tensor<1x8x9xf32>
  %targets = nn.shift_labels %labels, %segments : (tensor<1x8xi32>, tensor<1x8xi32>) -> tensor<1x8xi32>
  %loss, %lse = nn.cross_entropy %logits, %targets : (tensor<1x8x9xf32>, tensor<1x8xi32>) -> (tensor<f32>, tensor<1x8xf32>)

  // All that the backward pass does, and all that it reads of the forward pass: the logits and their lse, %s for
  // dB, %h2 for dA. %h2 is kept, for %x1, of which it could be made again, is kept for nobody: there is no dX.
  // CHECK:      %[[DLOGITS:.*]] = nn.cross_entropy_grad %[[LOGITS]]{{.*}} {train.backward}
  // CHECK-NEXT: %[[DX2:.*]] = nn.linear %[[DLOGITS]], %{{.*}} transposed : (tensor<1x8x9xf32>, tensor<9x4xf32>)
  // CHECK-NEXT: %[[DS:.*]] = nn.linear %[[DX2]], %{{.*}} transposed : (tensor<1x8x4xf32>, tensor<4x2xf32>) -> tensor<1x8x2xf32>
  // CHECK-NEXT: %[[DB:.*]] = nn.linear_weight_grad %[[DX2]], %[[S]]
  // CHECK-NEXT: %[[DA:.*]] = nn.linear_weight_grad %[[DS]], %[[H2]]
  // CHECK-NEXT: train.accumulate @b, %[[DB]]
  // CHECK-NEXT: train.accumulate @a, %[[DA]]
  // CHECK-NEXT: return
  return %loss : tensor<f32>
}

// -----

// A head that is trained alone: one gradient, and no cotangent of the hidden states at all.
nn.parameter frozen @table : tensor<9x4xf32>
nn.parameter trainable @head : tensor<9x4xf32>

// CHECK-LABEL: func.func @micro_step
func.func @loss(%ids: tensor<1x8xi32>, %labels: tensor<1x8xi32>, %positions: tensor<1x8xi32>, %segments: tensor<1x8xi32>, %seed: i64) -> tensor<f32> {
  %table = nn.get @table : tensor<9x4xf32>
  // CHECK: %[[X:.*]] = nn.embedding
  %x = nn.embedding %ids, %table : (tensor<1x8xi32>, tensor<9x4xf32>) -> tensor<1x8x4xf32>
  %head = nn.get @head : tensor<9x4xf32>
  %logits = nn.linear %x, %head : (tensor<1x8x4xf32>, tensor<9x4xf32>) -> tensor<1x8x9xf32>
  %loss, %lse = nn.cross_entropy %logits, %labels : (tensor<1x8x9xf32>, tensor<1x8xi32>) -> (tensor<f32>, tensor<1x8xf32>)
  // CHECK:      %[[D:.*]] = nn.cross_entropy_grad
  // CHECK-NEXT: %[[DW:.*]] = nn.linear_weight_grad %[[D]], %[[X]]
  // CHECK-NEXT: train.accumulate @head, %[[DW]]
  // CHECK-NEXT: return
  return %loss : tensor<f32>
}
