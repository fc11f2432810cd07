// train.chunk_rows becomes exec.chunks between gathering rows and scattering results.

// RUN: peft-opt %s --peft-schedule | FileCheck %s

nn.parameter frozen @w : tensor<9x4xf32>

// CHECK-LABEL: func.func @micro_step()
func.func @micro_step(%ids: tensor<2x8xi32>, %labels: tensor<2x8xi32>, %positions: tensor<2x8xi32>, %segments: tensor<2x8xi32>, %seed: i64, %scale: tensor<f32>) -> tensor<f32> {
  %w = nn.get @w : tensor<9x4xf32>
  %x = nn.embedding %ids, %w : (tensor<2x8xi32>, tensor<9x4xf32>) -> tensor<2x8x4xf32>
  // CHECK: exec.shift_labels %targets
  %t = nn.shift_labels %labels, %segments : (tensor<2x8xi32>, tensor<2x8xi32>) -> tensor<2x8xi32>
  // CHECK: exec.labelled_rows %labelled_rows, %labelled_count, %targets : memref<16xi32>, memref<1xi32>, memref<2x8xi32>
  // Sums and rows without a label begin at 0.
  // CHECK: exec.zero %loss : memref<f32>
  // CHECK: exec.zero %d_hidden : memref<2x8x4xf32>
  // CHECK: exec.chunks %labelled_count size 4 {
  // CHECK-NEXT: ^bb0(%[[C:.*]]: i64):
  %loss, %dx = train.chunk_rows of %t rows(%x, %t) chunk(4) sums([true, false]) {
  ^bb0(%xc: tensor<4x4xf32>, %tc: tensor<4xi32>):
    // CHECK: exec.gather_rows %chunk_rows, %embedding, %labelled_rows, %labelled_count, %[[C]] : memref<4x4xf32>
    // CHECK: exec.gather_targets %chunk_targets, %targets, %labelled_rows, %labelled_count, %[[C]] : memref<4xi32>
    // CHECK: exec.linear %[[Y:.*]], %chunk_rows, %w
    %y = nn.linear %xc, %w : (tensor<4x4xf32>, tensor<9x4xf32>) -> tensor<4x9xf32>
    // CHECK: exec.cross_entropy %loss, %head_lse, %[[Y]], %chunk_targets
    %sum, %lse = nn.cross_entropy %y, %tc : (tensor<4x9xf32>, tensor<4xi32>) -> (tensor<f32>, tensor<4xf32>)
    // The logits become their own gradient.
    // CHECK: exec.cross_entropy_grad %[[Y]], %[[Y]], %head_lse, %chunk_targets
    %d = nn.cross_entropy_grad %y, %lse, %tc, %scale {train.backward} : (tensor<4x9xf32>, tensor<4xf32>, tensor<4xi32>, tensor<f32>) -> tensor<4x9xf32>
    // CHECK: exec.linear %[[DX:.*]], %[[Y]], %w {{.*}}transposed = true
    %dh = nn.linear %d, %w transposed : (tensor<4x9xf32>, tensor<9x4xf32>) -> tensor<4x4xf32>
    // CHECK: exec.scatter_rows %d_hidden, %[[DX]], %labelled_rows, %labelled_count, %[[C]]
    train.yield %sum, %dh : tensor<f32>, tensor<4x4xf32>
  } : (tensor<2x8xi32>, tensor<2x8x4xf32>, tensor<2x8xi32>) -> (tensor<f32>, tensor<2x8x4xf32>)
  // CHECK-NEXT: } : memref<1xi32>
  // CHECK: exec.output "loss_sum", %loss
  return %loss : tensor<f32>
}
