// Reverse mode over @loss: cotangents of what leads to a trainable parameter, and of nothing else.

// RUN: peft-opt %s --split-input-file --peft-differentiate | FileCheck %s

// The example of the documentation: the weight's gradient, and no dx, since nothing below needs it.
nn.parameter trainable @w : tensor<4x8xf32>

// @loss stays as it is; its clone gets the scale of the loss as last argument.
// CHECK-LABEL: func.func @loss(
// CHECK-SAME: %{{[a-z0-9]*}}: tensor<2x8xf32>, %{{[a-z0-9]*}}: tensor<2xi32>) -> tensor<f32>
// CHECK-NOT: train.accumulate
// CHECK-LABEL: func.func @micro_step(
// CHECK-SAME: %[[X:.*]]: tensor<2x8xf32>, %[[T:.*]]: tensor<2xi32>, %[[SCALE:.*]]: tensor<f32>) -> tensor<f32>
func.func @loss(%x: tensor<2x8xf32>, %targets: tensor<2xi32>) -> tensor<f32> {
  // CHECK-NEXT: %[[W:.*]] = nn.get @w
  // CHECK-NEXT: %[[Y:.*]] = nn.linear %[[X]], %[[W]]
  // CHECK-NEXT: %[[LOSS:.*]], %[[LSE:.*]] = nn.cross_entropy %[[Y]], %[[T]]
  %w = nn.get @w : tensor<4x8xf32>
  %y = nn.linear %x, %w : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
  %loss, %lse = nn.cross_entropy %y, %targets : (tensor<2x4xf32>, tensor<2xi32>) -> (tensor<f32>, tensor<2xf32>)
  // The backward part begins at the mark.
  // CHECK-NEXT: %[[DY:.*]] = nn.cross_entropy_grad %[[Y]], %[[LSE]], %[[T]], %[[SCALE]] {train.backward}
  // CHECK-NEXT: %[[DW:.*]] = nn.linear_weight_grad %[[DY]], %[[X]] : (tensor<2x4xf32>, tensor<2x8xf32>) -> tensor<4x8xf32>
  // CHECK-NEXT: train.accumulate @w, %[[DW]] : tensor<4x8xf32>
  // CHECK-NEXT: return %[[LOSS]]
  return %loss : tensor<f32>
}

// -----

// Cotangents of a value with two readers are added, the later reader's first.
nn.parameter trainable @w : tensor<4x4xf32>

// CHECK-LABEL: func.func @micro_step
func.func @loss(%x: tensor<2x4xf32>, %targets: tensor<2xi32>) -> tensor<f32> {
  %w = nn.get @w : tensor<4x4xf32>
  %h = nn.linear %x, %w : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %a = nn.activation relu %h : tensor<2x4xf32>
  %y = nn.residual %h, %a : tensor<2x4xf32>
  %loss, %lse = nn.cross_entropy %y, %targets : (tensor<2x4xf32>, tensor<2xi32>) -> (tensor<f32>, tensor<2xf32>)
  // CHECK: %[[DY:.*]] = nn.cross_entropy_grad
  // CHECK-NEXT: %[[DA:.*]] = nn.activation_grad relu %[[DY]]
  // CHECK-NEXT: %[[DH:.*]] = arith.addf %[[DY]], %[[DA]]
  // CHECK-NEXT: nn.linear_weight_grad %[[DH]]
  return %loss : tensor<f32>
}

// -----

// A parameter that is read once and used twice has one gradient: a tied head.
nn.parameter trainable @table : tensor<9x4xf32>

// CHECK-LABEL: func.func @micro_step
func.func @loss(%ids: tensor<2xi32>, %targets: tensor<2xi32>) -> tensor<f32> {
  %t = nn.get @table : tensor<9x4xf32>
  %x = nn.embedding %ids, %t : (tensor<2xi32>, tensor<9x4xf32>) -> tensor<2x4xf32>
  %y = nn.linear %x, %t : (tensor<2x4xf32>, tensor<9x4xf32>) -> tensor<2x9xf32>
  %loss, %lse = nn.cross_entropy %y, %targets : (tensor<2x9xf32>, tensor<2xi32>) -> (tensor<f32>, tensor<2xf32>)
  // CHECK: %[[HEAD:.*]] = nn.linear_weight_grad
  // CHECK: %[[TABLE:.*]] = nn.embedding_weight_grad
  // CHECK-NEXT: %[[SUM:.*]] = arith.addf %[[HEAD]], %[[TABLE]]
  // CHECK-NEXT: train.accumulate @table, %[[SUM]]
  // CHECK-NOT: train.accumulate
  return %loss : tensor<f32>
}
