// Cheap values are computed twice instead of being kept; matrix products and attention never.

// RUN: peft-opt %s --split-input-file --peft-recompute | FileCheck %s

// The example of the documentation: %x is kept for rms_norm_grad, so the norm needs no keeping.
// The product %y is read by the backward pass too, and kept.
// CHECK-LABEL: @micro_step
func.func @micro_step(%a: tensor<8x4xf32>, %v: tensor<4x4xf32>, %w: tensor<4xf32>, %d: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // CHECK: %[[X:.*]] = nn.linear
  %x = nn.linear %a, %v : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  // CHECK: %[[H:.*]] = nn.rms_norm %[[X]]
  %h = nn.rms_norm %x, %w eps(1.0e-5) : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>
  // CHECK: %[[Y:.*]] = nn.linear %[[H]]
  %y = nn.linear %h, %v : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  // CHECK: %[[DY:.*]] = nn.activation_grad silu %{{.*}}, %[[Y]] {train.backward}
  %dy = nn.activation_grad silu %d, %y {train.backward} : tensor<8x4xf32>
  // CHECK-NEXT: %[[H2:.*]] = nn.rms_norm %[[X]]
  // CHECK-NEXT: nn.linear_weight_grad %[[DY]], %[[H2]]
  %dA = nn.linear_weight_grad %dy, %h : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<4x4xf32>
  // One clone serves all readers.
  // CHECK-NEXT: nn.linear_weight_grad %[[DY]], %[[H2]] {alpha
  %dB = nn.linear_weight_grad %dy, %h {alpha = 2.0 : f64} : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<4x4xf32>
  // CHECK-NEXT: nn.rms_norm_grad %[[DY]], %[[X]]
  %dx = nn.rms_norm_grad %dy, %x, %w eps(1.0e-5) : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// A chain of cheap ops is made again from its beginning; the mark of the backward pass moves to its first op.
// CHECK-LABEL: @micro_step
func.func @micro_step(%a: tensor<8x4xf32>, %v: tensor<4x4xf32>) -> tensor<8x4xf32> {
  // CHECK: %[[G:.*]] = nn.linear
  %g = nn.linear %a, %v : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %f = nn.activation silu %g : tensor<8x4xf32>
  %h = arith.mulf %f, %g : tensor<8x4xf32>
  %y = nn.linear %h, %v : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  // CHECK:      %[[F2:.*]] = nn.activation silu %[[G]] {train.backward}
  // CHECK-NEXT: %[[H2:.*]] = arith.mulf %[[F2]], %[[G]]
  // CHECK-NEXT: nn.linear_weight_grad %{{.*}}, %[[H2]]
  // CHECK-NOT: train.backward
  %dw = nn.linear_weight_grad %a, %h {train.backward} : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<4x4xf32>
  // CHECK: arith.mulf %{{.*}}, %[[F2]]
  %0 = arith.mulf %a, %f : tensor<8x4xf32>
  // CHECK: nn.activation_grad silu %{{.*}}, %[[G]]
  %1 = nn.activation_grad silu %0, %g : tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// Refused: the norm's operand is not kept for anything else, so making the norm again would keep one value for another.
// CHECK-LABEL: @micro_step
func.func @micro_step(%a: tensor<8x4xf32>, %v: tensor<4x4xf32>, %w: tensor<4xf32>) -> tensor<8x4xf32> {
  %x = nn.linear %a, %v : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  // CHECK: %[[H:.*]] = nn.rms_norm
  %h = nn.rms_norm %x, %w eps(1.0e-5) : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>
  // CHECK-NOT: nn.rms_norm
  // CHECK: nn.linear_weight_grad %{{.*}}, %[[H]] {train.backward}
  %dw = nn.linear_weight_grad %a, %h {train.backward} : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<4x4xf32>
  return %h : tensor<8x4xf32>
}

// -----

// Refused: a dropout's mask is cheap, but attention and products are not, also where their operands are kept.
// CHECK-LABEL: @micro_step
func.func @micro_step(%a: tensor<8x4xf32>, %v: tensor<4x4xf32>, %seed: i64) -> tensor<8x4xf32> {
  // CHECK: %[[Y:.*]] = nn.linear
  %y = nn.linear %a, %v : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %d = nn.dropout %y, %seed {p = 0.5 : f64, salt = 1 : i32} : (tensor<8x4xf32>, i64) -> tensor<8x4xf32>
  // CHECK: %[[D:.*]] = nn.dropout %[[Y]], %{{.*}} {p = 5.000000e-01 : f64, salt = 1 : i32, train.backward}
  // CHECK-NEXT: nn.linear_weight_grad %[[Y]], %[[D]]
  // CHECK-NOT: nn.linear %
  %dw = nn.linear_weight_grad %y, %d {train.backward} : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<4x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// What is kept of columns is the whole: the backward part takes it apart once more, which costs nothing.
// CHECK-LABEL: @micro_step
func.func @micro_step(%x: tensor<8x4xf32>, %v: tensor<4x4xf32>, %u: tensor<4x2xf32>, %d: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // CHECK: %[[S:.*]] = nn.linear
  // CHECK-NEXT: %[[P:.*]]:2 = nn.split_columns %[[S]]
  // CHECK-NEXT: nn.linear %[[P]]#0
  // CHECK-NEXT: nn.linear_add %{{.*}}, %[[P]]#1
  %s = nn.linear %x, %v : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %a, %b = nn.split_columns %s [2, 2] : (tensor<8x4xf32>) -> (tensor<8x2xf32>, tensor<8x2xf32>)
  %y = nn.linear %a, %u : (tensor<8x2xf32>, tensor<4x2xf32>) -> tensor<8x4xf32>
  %z = nn.linear_add %y, %b, %u : (tensor<8x4xf32>, tensor<8x2xf32>, tensor<4x2xf32>) -> tensor<8x4xf32>
  // CHECK-NEXT: %[[Q:.*]]:2 = nn.split_columns %[[S]] [2, 2] {train.backward}
  // CHECK-NEXT: nn.linear_weight_grad %{{.*}}, %[[Q]]#1
  // CHECK-NEXT: nn.linear_weight_grad %{{.*}}, %[[Q]]#0
  %db = nn.linear_weight_grad %d, %b {train.backward} : (tensor<8x4xf32>, tensor<8x2xf32>) -> tensor<4x2xf32>
  %da = nn.linear_weight_grad %d, %a : (tensor<8x4xf32>, tensor<8x2xf32>) -> tensor<4x2xf32>
  return %z : tensor<8x4xf32>
}
