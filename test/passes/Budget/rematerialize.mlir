// What is marked is computed again in the backward part, with all that it needs, down to what is kept.

// RUN: peft-opt %s --split-input-file --peft-rematerialize | FileCheck %s

// The norm %h is read by the forward part alone, and is made again for %g; %x is kept.
// CHECK-LABEL: @micro_step
func.func @micro_step(%a: tensor<8x4xf32>, %v: tensor<4x4xf32>, %w: tensor<4xf32>, %d: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // CHECK: %[[X:.*]] = nn.linear %arg0, %arg1 : (
  %x = nn.linear %a, %v : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %h = nn.rms_norm %x, %w eps(1.0e-5) : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>
  // CHECK: %[[G:.*]] = nn.linear %{{.*}}, %arg1 : (
  %g = nn.linear %h, %v {train.keep = "recompute"} : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  // CHECK: %[[Y:.*]] = nn.linear %[[G]]
  %y = nn.linear %g, %v : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  // The mark of the backward part moves to its first op.
  // CHECK:      %[[H2:.*]] = nn.rms_norm %[[X]], %arg2 {{.*}}train.again, train.backward
  // CHECK-NEXT: %[[G2:.*]] = nn.linear %[[H2]], %arg1 {train.again}
  // CHECK-NEXT: nn.activation_grad silu %arg3, %[[G2]] : tensor
  %dg = nn.activation_grad silu %d, %g {train.backward} : tensor<8x4xf32>
  // One clone serves all readers.
  // CHECK-NEXT: nn.linear_weight_grad %{{.*}}, %[[G2]]
  %dA = nn.linear_weight_grad %dg, %g : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<4x4xf32>
  // CHECK-NEXT: nn.rms_norm_grad %{{.*}}, %[[X]]
  %dx = nn.rms_norm_grad %dg, %x, %w eps(1.0e-5) : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// Attention has two results and runs once more for both; its mask is that of the seed, as every dropout's.
// CHECK-LABEL: @micro_step
func.func @micro_step(%q: tensor<2x4x8xf32>, %seed: i64, %s: tensor<2x4xi32>, %d: tensor<2x4x8xf32>) -> tensor<2x4x8xf32> {
  // CHECK: nn.dropout
  %k = nn.dropout %q, %seed {p = 0.5 : f64, salt = 1 : i32, train.keep = "recompute"} : (tensor<2x4x8xf32>, i64) -> tensor<2x4x8xf32>
  %o, %lse = nn.attention %q, %k, %q, %s {head_dim = 8 : i64, scale = 1.0 : f64, train.keep = "recompute"} : (tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4xi32>) -> (tensor<2x4x8xf32>, tensor<2x1x4xf32>)
  // CHECK:      %[[K:.*]] = nn.dropout %arg0, %arg1 {p = 5.000000e-01 : f64, salt = 1 : i32, train.again
  // CHECK-NEXT: %[[O:.*]], %[[L:.*]] = nn.attention %arg0, %[[K]], %arg0
  // CHECK-NEXT: nn.attention_grad %arg3, %arg0, %[[K]], %arg0, %[[O]], %[[L]]
  // CHECK-NOT: nn.attention %
  // CHECK: return
  %dq, %dk, %dv = nn.attention_grad %d, %q, %k, %q, %o, %lse, %s {head_dim = 8 : i64, scale = 1.0 : f64, train.backward} : (tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x1x4xf32>, tensor<2x4xi32>) -> (tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4x8xf32>)
  return %o : tensor<2x4x8xf32>
}

// -----

// A mark on what nobody reads in the backward part changes nothing but is gone.
// CHECK-LABEL: @micro_step
// CHECK-NOT: train.keep
func.func @micro_step(%a: tensor<8x4xf32>, %v: tensor<4x4xf32>) -> tensor<8x4xf32> {
  %x = nn.linear %a, %v {train.keep = "recompute"} : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  // CHECK: nn.linear_weight_grad %arg0, %arg0 {{.*}}train.backward
  // CHECK-NEXT: return
  %dw = nn.linear_weight_grad %a, %a {train.backward} : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<4x4xf32>
  return %x : tensor<8x4xf32>
}
