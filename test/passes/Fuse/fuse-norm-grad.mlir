// a + rms_norm_grad(dy, x, w) -> rms_norm_grad(dy, x, w residual a), on either side.

// RUN: peft-opt %s --peft-fuse-norm-grad | FileCheck %s

// The residual stream's cotangent has other readers, which find it unchanged.
// CHECK-LABEL: @a_branch_joins_the_stream
func.func @a_branch_joins_the_stream(%d: tensor<8x4xf32>, %dy: tensor<8x4xf32>, %x: tensor<8x4xf32>, %w: tensor<4xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>) {
  // CHECK-SAME: (%[[D:.*]]: tensor<8x4xf32>, %[[DY:.*]]: tensor<8x4xf32>, %[[X:.*]]: tensor<8x4xf32>, %[[W:.*]]: tensor<4xf32>)
  // CHECK-NEXT: %[[DX:.*]] = nn.rms_norm_grad %[[DY]], %[[X]], %[[W]] residual %[[D]] eps(1.000000e-05)
  // CHECK-NEXT: return %[[D]], %[[DX]]
  %0 = nn.rms_norm_grad %dy, %x, %w eps(1.0e-5) : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>
  %1 = arith.addf %d, %0 : tensor<8x4xf32>
  return %d, %1 : tensor<8x4xf32>, tensor<8x4xf32>
}

// CHECK-LABEL: @on_the_left_too
func.func @on_the_left_too(%d: tensor<8x4xf32>, %dy: tensor<8x4xf32>, %x: tensor<8x4xf32>, %w: tensor<2xf32>) -> tensor<8x4xf32> {
  // CHECK-NEXT: %[[DX:.*]] = nn.rms_norm_grad %arg1, %arg2, %arg3 residual %arg0
  // CHECK-NEXT: return %[[DX]]
  %0 = nn.rms_norm_grad %dy, %x, %w eps(1.0e-5) : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<2xf32>) -> tensor<8x4xf32>
  %1 = arith.addf %0, %d : tensor<8x4xf32>
  return %1 : tensor<8x4xf32>
}

// Refused: the norm's gradient is wanted by itself too.
// CHECK-LABEL: @a_gradient_with_another_reader_stays
func.func @a_gradient_with_another_reader_stays(%d: tensor<8x4xf32>, %dy: tensor<8x4xf32>, %x: tensor<8x4xf32>, %w: tensor<4xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>) {
  // CHECK-NOT: residual
  // CHECK: arith.addf
  %0 = nn.rms_norm_grad %dy, %x, %w eps(1.0e-5) : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>
  %1 = arith.addf %d, %0 : tensor<8x4xf32>
  return %0, %1 : tensor<8x4xf32>, tensor<8x4xf32>
}

// Refused: it takes in one sum.
// CHECK-LABEL: @a_second_sum_stays
func.func @a_second_sum_stays(%d: tensor<8x4xf32>, %dy: tensor<8x4xf32>, %x: tensor<8x4xf32>, %w: tensor<4xf32>) -> tensor<8x4xf32> {
  // CHECK-NEXT: %[[DX:.*]] = nn.rms_norm_grad %arg1, %arg2, %arg3 residual %arg0
  // CHECK-NEXT: arith.addf %[[DX]], %arg0
  %0 = nn.rms_norm_grad %dy, %x, %w eps(1.0e-5) : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>
  %1 = arith.addf %d, %0 : tensor<8x4xf32>
  %2 = arith.addf %1, %d : tensor<8x4xf32>
  return %2 : tensor<8x4xf32>
}
