// select_rows moves before an op with several results, too: columns of one row a sequence are taken from that row.

// RUN: peft-opt %s --peft-derive-entries --cse | FileCheck %s

nn.parameter frozen @table : tensor<9x4xf32>
nn.parameter frozen @head : tensor<9x2xf32>

// CHECK-LABEL: func.func @forward
// CHECK-SAME: %[[ROWS:[a-z0-9]*]]: tensor<2xi32>) -> tensor<2x9xf32>
// CHECK: %[[X:.*]] = nn.embedding
// CHECK: %[[XR:.*]] = nn.select_rows %[[X]], %[[ROWS]] : (tensor<2x8x4xf32>, tensor<2xi32>) -> tensor<2x4xf32>
// CHECK: %[[P:.*]]:2 = nn.split_columns %[[XR]] [2, 2] : (tensor<2x4xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>)
// CHECK-NOT: nn.split_columns
// CHECK: %[[Y:.*]] = nn.linear %[[P]]#0
// CHECK: nn.linear_add %[[Y]], %[[P]]#1
func.func @loss(%ids: tensor<2x8xi32>, %labels: tensor<2x8xi32>, %positions: tensor<2x8xi32>, %segments: tensor<2x8xi32>, %seed: i64) -> tensor<f32> {
  %t = nn.get @table : tensor<9x4xf32>
  %x = nn.embedding %ids, %t : (tensor<2x8xi32>, tensor<9x4xf32>) -> tensor<2x8x4xf32>
  %a, %b = nn.split_columns %x [2, 2] : (tensor<2x8x4xf32>) -> (tensor<2x8x2xf32>, tensor<2x8x2xf32>)
  %h = nn.get @head : tensor<9x2xf32>
  %y = nn.linear %a, %h : (tensor<2x8x2xf32>, tensor<9x2xf32>) -> tensor<2x8x9xf32>
  %z = nn.linear_add %y, %b, %h : (tensor<2x8x9xf32>, tensor<2x8x2xf32>, tensor<9x2xf32>) -> tensor<2x8x9xf32>
  %targets = nn.shift_labels %labels, %segments : (tensor<2x8xi32>, tensor<2x8xi32>) -> tensor<2x8xi32>
  %loss, %lse = nn.cross_entropy %z, %targets : (tensor<2x8x9xf32>, tensor<2x8xi32>) -> (tensor<f32>, tensor<2x8xf32>)
  return %loss : tensor<f32>
}
