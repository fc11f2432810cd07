// From labels to the loss, and what stands at a row's ends.

// RUN: peft-opt %s | peft-opt | FileCheck %s
// RUN: peft-opt %s --mlir-print-op-generic | peft-opt | FileCheck %s

// CHECK-LABEL: @the_loss_is_a_sum_over_rows_with_a_target
func.func @the_loss_is_a_sum_over_rows_with_a_target(%logits: tensor<2x8x199xbf16>, %labels: tensor<2x8xi32>, %segments: tensor<2x8xi32>) -> tensor<f32> {
  // CHECK: %[[T:.*]] = nn.shift_labels %{{.*}}, %{{.*}} : (tensor<2x8xi32>, tensor<2x8xi32>) -> tensor<2x8xi32>
  %targets = nn.shift_labels %labels, %segments : (tensor<2x8xi32>, tensor<2x8xi32>) -> tensor<2x8xi32>
  // CHECK: nn.cross_entropy %{{.*}}, %[[T]] : (tensor<2x8x199xbf16>, tensor<2x8xi32>) -> (tensor<f32>, tensor<2x8xf32>)
  %loss, %lse = nn.cross_entropy %logits, %targets : (tensor<2x8x199xbf16>, tensor<2x8xi32>) -> (tensor<f32>, tensor<2x8xf32>)
  return %loss : tensor<f32>
}

// CHECK-LABEL: @one_position_of_each_row_is_selected
func.func @one_position_of_each_row_is_selected(%x: tensor<2x8x64xf32>, %rows: tensor<2xi32>) -> tensor<2x64xf32> {
  // CHECK: nn.select_rows %{{.*}}, %{{.*}} : (tensor<2x8x64xf32>, tensor<2xi32>) -> tensor<2x64xf32>
  %0 = nn.select_rows %x, %rows : (tensor<2x8x64xf32>, tensor<2xi32>) -> tensor<2x64xf32>
  return %0 : tensor<2x64xf32>
}

// CHECK-LABEL: @entries_are_put_in_front_of_every_row
func.func @entries_are_put_in_front_of_every_row(%labels: tensor<2x8xi32>, %positions: tensor<2x8xi32>) -> (tensor<2x12xi32>, tensor<2x12xi32>) {
  // CHECK: nn.prepend %{{.*}} {count = 4 : i64, value = -100 : i32} : (tensor<2x8xi32>) -> tensor<2x12xi32>
  %0 = nn.prepend %labels {count = 4 : i64, value = -100 : i32} : (tensor<2x8xi32>) -> tensor<2x12xi32>
  // CHECK: nn.prepend %{{.*}} positions {count = 4 : i64} : (tensor<2x8xi32>) -> tensor<2x12xi32>
  %1 = nn.prepend %positions positions {count = 4 : i64} : (tensor<2x8xi32>) -> tensor<2x12xi32>
  return %0, %1 : tensor<2x12xi32>, tensor<2x12xi32>
}

// CHECK-LABEL: @a_loss_and_its_gradient_at_once
func.func @a_loss_and_its_gradient_at_once(%logits: tensor<8x9xbf16>, %targets: tensor<8xi32>, %scale: tensor<f32>) -> tensor<8x9xbf16> {
  // CHECK: nn.cross_entropy_with_grad %{{.*}}, %{{.*}}, %{{.*}} : (tensor<8x9xbf16>, tensor<8xi32>, tensor<f32>) -> (tensor<f32>, tensor<8x9xbf16>)
  %loss, %dx = nn.cross_entropy_with_grad %logits, %targets, %scale : (tensor<8x9xbf16>, tensor<8xi32>, tensor<f32>) -> (tensor<f32>, tensor<8x9xbf16>)
  return %dx : tensor<8x9xbf16>
}
