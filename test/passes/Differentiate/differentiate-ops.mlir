// The vector-Jacobian product of every op, as the equation over its case. Every operand is wanted.

// RUN: peft-opt %s --split-input-file --peft-differentiate | FileCheck %s

// y = alpha x Wᵀ + b:  dx = alpha dy W,  dW = alpha dyᵀ x,  db = sum of dy's rows
nn.parameter trainable @x : tensor<2x8xf32>
nn.parameter trainable @w : tensor<4x8xf32>
nn.parameter trainable @b : tensor<4xf32>
// CHECK-LABEL: func.func @micro_step
func.func @loss(%t: tensor<2xi32>) -> tensor<f32> {
  // CHECK: %[[X:.*]] = nn.get @x
  %x = nn.get @x : tensor<2x8xf32>
  // CHECK: %[[W:.*]] = nn.get @w
  %w = nn.get @w : tensor<4x8xf32>
  %b = nn.get @b : tensor<4xf32>
  %y = nn.linear %x, %w bias %b {alpha = 2.0 : f64} : (tensor<2x8xf32>, tensor<4x8xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %loss, %lse = nn.cross_entropy %y, %t : (tensor<2x4xf32>, tensor<2xi32>) -> (tensor<f32>, tensor<2xf32>)
  // CHECK: %[[DY:.*]] = nn.cross_entropy_grad
  // CHECK-DAG: %[[DX:.*]] = nn.linear %[[DY]], %[[W]] transposed {alpha = 2.000000e+00 : f64}
  // CHECK-DAG: %[[DW:.*]] = nn.linear_weight_grad %[[DY]], %[[X]] {alpha = 2.000000e+00 : f64}
  // CHECK-DAG: %[[DB:.*]] = nn.sum_rows %[[DY]]
  // CHECK-DAG: train.accumulate @x, %[[DX]]
  // CHECK-DAG: train.accumulate @w, %[[DW]]
  // CHECK-DAG: train.accumulate @b, %[[DB]]
  return %loss : tensor<f32>
}

// -----

// y = x W:  dx = dy Wᵀ,  dW = xᵀ dy
nn.parameter trainable @x : tensor<2x8xf32>
nn.parameter trainable @w : tensor<8x4xf32>
// CHECK-LABEL: func.func @micro_step
func.func @loss(%t: tensor<2xi32>) -> tensor<f32> {
  // CHECK: %[[X:.*]] = nn.get @x
  %x = nn.get @x : tensor<2x8xf32>
  // CHECK: %[[W:.*]] = nn.get @w
  %w = nn.get @w : tensor<8x4xf32>
  %y = nn.linear %x, %w transposed : (tensor<2x8xf32>, tensor<8x4xf32>) -> tensor<2x4xf32>
  %loss, %lse = nn.cross_entropy %y, %t : (tensor<2x4xf32>, tensor<2xi32>) -> (tensor<f32>, tensor<2xf32>)
  // CHECK: %[[DY:.*]] = nn.cross_entropy_grad
  // CHECK-NEXT: nn.linear %[[DY]], %[[W]] : (tensor<2x4xf32>, tensor<8x4xf32>) -> tensor<2x8xf32>
  // CHECK-NEXT: nn.linear_weight_grad %[[X]], %[[DY]] : (tensor<2x8xf32>, tensor<2x4xf32>) -> tensor<8x4xf32>
  return %loss : tensor<f32>
}

// -----

// y = acc + alpha x Wᵀ:  dacc = dy,  dx = alpha dy W,  dW = alpha dyᵀ x
nn.parameter trainable @acc : tensor<2x4xf32>
nn.parameter trainable @x : tensor<2x8xf32>
nn.parameter trainable @w : tensor<4x8xf32>
// CHECK-LABEL: func.func @micro_step
func.func @loss(%t: tensor<2xi32>) -> tensor<f32> {
  %a = nn.get @acc : tensor<2x4xf32>
  %x = nn.get @x : tensor<2x8xf32>
  %w = nn.get @w : tensor<4x8xf32>
  %y = nn.linear_add %a, %x, %w {alpha = 2.0 : f64} : (tensor<2x4xf32>, tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
  %loss, %lse = nn.cross_entropy %y, %t : (tensor<2x4xf32>, tensor<2xi32>) -> (tensor<f32>, tensor<2xf32>)
  // CHECK: %[[DY:.*]] = nn.cross_entropy_grad
  // CHECK-NEXT: nn.linear %[[DY]], %{{.*}} transposed {alpha = 2.000000e+00 : f64}
  // CHECK-NEXT: nn.linear_weight_grad %[[DY]], %{{.*}} {alpha = 2.000000e+00 : f64}
  // CHECK: train.accumulate @acc, %[[DY]]
  return %loss : tensor<f32>
}

// -----

// rms_norm:  dx = rms_norm_grad,  dw = rms_norm_weight_grad of groups as wide as w
nn.parameter trainable @x : tensor<2x8xf32>
nn.parameter trainable @w : tensor<4xf32>
// CHECK-LABEL: func.func @micro_step
func.func @loss(%t: tensor<2xi32>) -> tensor<f32> {
  %x = nn.get @x : tensor<2x8xf32>
  %w = nn.get @w : tensor<4xf32>
  %y = nn.rms_norm %x, %w eps(0.5) : (tensor<2x8xf32>, tensor<4xf32>) -> tensor<2x8xf32>
  %loss, %lse = nn.cross_entropy %y, %t : (tensor<2x8xf32>, tensor<2xi32>) -> (tensor<f32>, tensor<2xf32>)
  // CHECK: %[[DY:.*]] = nn.cross_entropy_grad
  // CHECK-NEXT: nn.rms_norm_grad %[[DY]], %{{.*}}, %{{.*}} eps(5.000000e-01)
  // CHECK-NEXT: nn.rms_norm_weight_grad %[[DY]], %{{.*}} eps(5.000000e-01) {width = 4 : i64} : {{.*}} -> tensor<4xf32>
  return %loss : tensor<f32>
}
