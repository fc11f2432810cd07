// rope(a), rope(b) of neighbouring columns a, b -> split_columns(rope(a and b))

// RUN: peft-opt %s --peft-merge-ropes | FileCheck %s

// CHECK-LABEL: @q_and_k
// CHECK-SAME:  %[[Y:.*]]: tensor<2x8x16xf32>, %[[P:.*]]: tensor<2x8xi32>
func.func @q_and_k(%y: tensor<2x8x16xf32>, %positions: tensor<2x8xi32>) -> (tensor<2x8x8xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>) {
  // CHECK-NEXT: %[[S:.*]]:2 = nn.split_columns %[[Y]] [12, 4]
  // CHECK-NEXT: %[[R:.*]] = nn.rope %[[S]]#0, %[[P]] {{.*}} : (tensor<2x8x12xf32>, tensor<2x8xi32>) -> tensor<2x8x12xf32>
  // CHECK-NEXT: %[[QK:.*]]:2 = nn.split_columns %[[R]] [8, 4]
  // CHECK-NEXT: return %[[QK]]#0, %[[QK]]#1, %[[S]]#1
  %q, %k, %v = nn.split_columns %y [8, 4, 4] : (tensor<2x8x16xf32>) -> (tensor<2x8x8xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>)
  %q2 = nn.rope %q, %positions {head_dim = 4 : i64, inv_freq = array<f32: 1.0, 0.1>} : (tensor<2x8x8xf32>, tensor<2x8xi32>) -> tensor<2x8x8xf32>
  %k2 = nn.rope %k, %positions {head_dim = 4 : i64, inv_freq = array<f32: 1.0, 0.1>} : (tensor<2x8x4xf32>, tensor<2x8xi32>) -> tensor<2x8x4xf32>
  return %q2, %k2, %v : tensor<2x8x8xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>
}

// Refused: columns that another op reads as well, rotations that differ, and columns that are no neighbours.
// CHECK-LABEL: @not_alike
func.func @not_alike(%y: tensor<2x8x20xf32>, %positions: tensor<2x8xi32>) -> (tensor<2x8x8xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>) {
  // CHECK-NEXT: nn.split_columns %{{.*}} [8, 4, 4, 4]
  // CHECK-NEXT: nn.rope %{{.*}} : (tensor<2x8x8xf32>
  // CHECK-NEXT: nn.rope %{{.*}} : (tensor<2x8x4xf32>
  // CHECK-NEXT: nn.rope %{{.*}} : (tensor<2x8x4xf32>
  // CHECK-NEXT: return
  %q, %k, %v, %z = nn.split_columns %y [8, 4, 4, 4] : (tensor<2x8x20xf32>) -> (tensor<2x8x8xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>)
  %q2 = nn.rope %q, %positions {head_dim = 4 : i64, inv_freq = array<f32: 1.0, 0.1>} : (tensor<2x8x8xf32>, tensor<2x8xi32>) -> tensor<2x8x8xf32>
  %k2 = nn.rope %k, %positions {head_dim = 4 : i64, inv_freq = array<f32: 1.0, 0.2>} : (tensor<2x8x4xf32>, tensor<2x8xi32>) -> tensor<2x8x4xf32>
  %z2 = nn.rope %z, %positions {head_dim = 4 : i64, inv_freq = array<f32: 1.0, 0.1>} : (tensor<2x8x4xf32>, tensor<2x8xi32>) -> tensor<2x8x4xf32>
  return %q2, %k2, %v, %z, %z2 : tensor<2x8x8xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>
}
