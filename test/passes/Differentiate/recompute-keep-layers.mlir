// In layers that are to be kept, what becomes part of passes that are made anyway is computed again, and all else is kept.

// RUN: peft-opt %s --peft-recompute=keep-layers=1 | FileCheck %s

// silu(g) is part of the pass that reads it; the norm, which a product reads, would be a pass of its own.
// CHECK-LABEL: @micro_step
func.func @micro_step(%a: tensor<8x4xf32>, %v: tensor<4x4xf32>, %w: tensor<4xf32>, %d: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // CHECK: %[[G:.*]] = nn.linear
  %g = nn.linear %a, %v : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %f = nn.activation silu %g : tensor<8x4xf32>
  %x = arith.mulf %f, %g : tensor<8x4xf32>
  // CHECK: %[[H:.*]] = nn.rms_norm
  %h = nn.rms_norm %x, %w eps(1.0e-5) : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>
  %y = nn.linear %h, %v : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  // CHECK:      %[[DY:.*]] = nn.activation_grad silu %{{.*}}, %[[G]] {train.backward}
  %dy = nn.activation_grad silu %d, %g {train.backward} : tensor<8x4xf32>
  // CHECK-NEXT: nn.linear_weight_grad %[[DY]], %[[H]]
  %dA = nn.linear_weight_grad %dy, %h : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<4x4xf32>
  // CHECK-NEXT: %[[F2:.*]] = nn.activation silu %[[G]]
  // CHECK-NEXT: arith.mulf %[[DY]], %[[F2]]
  %dg = arith.mulf %dy, %f : tensor<8x4xf32>
  // The pass that reads silu(g) makes x too, and may sum it.
  // CHECK-NEXT: %[[X2:.*]] = arith.mulf %[[F2]], %[[G]]
  // CHECK-NEXT: nn.linear_weight_grad %[[DY]], %[[X2]]
  %dB = nn.linear_weight_grad %dy, %x : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<4x4xf32>
  return %y : tensor<8x4xf32>
}
