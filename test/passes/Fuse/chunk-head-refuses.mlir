// Where the head can't run row by row the function stays as it is, and says why.

// RUN: split-file %s %t
// RUN: peft-opt %t/whole.mlir --peft-chunk-head 2>&1 | FileCheck %s --check-prefix=WHOLE
// RUN: peft-opt %t/detour.mlir --peft-chunk-head 2>&1 | FileCheck %s --check-prefix=DETOUR
// RUN: peft-opt %t/none.mlir --peft-chunk-head | FileCheck %s --check-prefix=NONE
// RUN: not peft-opt %t/none.mlir --peft-chunk-head=chunk=0 2>&1 | FileCheck %s --check-prefix=ZERO

// WHOLE: remark: the head does not run in chunks: an op on the logits does not work row by row
// WHOLE-NOT: train.chunk_rows
// WHOLE: nn.rope

// DETOUR: remark: the head does not run in chunks: an op on the logits needs what is computed from them elsewhere
// DETOUR-NOT: train.chunk_rows
// DETOUR: nn.cross_entropy

// NONE-NOT: train.chunk_rows
// ZERO: error: expected a chunk of 1 row or more, got 0

// An op that sees more than a row: positions on logits.
//--- whole.mlir
func.func @evaluate(%h: tensor<2x8x4xf32>, %w: tensor<6x4xf32>, %p: tensor<2x8xi32>) -> tensor<f32> {
  %y = nn.linear %h, %w : (tensor<2x8x4xf32>, tensor<6x4xf32>) -> tensor<2x8x6xf32>
  %z = nn.rope %y, %p {head_dim = 6 : i64, inv_freq = array<f32: 1.0>} : (tensor<2x8x6xf32>, tensor<2x8xi32>) -> tensor<2x8x6xf32>
  %loss, %lse = nn.cross_entropy %z, %p : (tensor<2x8x6xf32>, tensor<2x8xi32>) -> (tensor<f32>, tensor<2x8xf32>)
  return %loss : tensor<f32>
}

// A model whose vocabulary is as large as its feed-forward width: the block's ops look like the head's, and what
// lies between them is not row by row.
//--- detour.mlir
func.func @evaluate(%x: tensor<2x8x4xf32>, %up: tensor<6x4xf32>, %down: tensor<4x6xf32>, %n: tensor<4xf32>, %w: tensor<6x4xf32>, %t: tensor<2x8xi32>) -> tensor<f32> {
  %u = nn.linear %x, %up : (tensor<2x8x4xf32>, tensor<6x4xf32>) -> tensor<2x8x6xf32>
  %a = nn.activation silu %u : tensor<2x8x6xf32>
  %d = nn.linear %a, %down : (tensor<2x8x6xf32>, tensor<4x6xf32>) -> tensor<2x8x4xf32>
  %h = nn.rms_norm %d, %n eps(1.0e-5) : (tensor<2x8x4xf32>, tensor<4xf32>) -> tensor<2x8x4xf32>
  %y = nn.linear %h, %w : (tensor<2x8x4xf32>, tensor<6x4xf32>) -> tensor<2x8x6xf32>
  %loss, %lse = nn.cross_entropy %y, %t : (tensor<2x8x6xf32>, tensor<2x8xi32>) -> (tensor<f32>, tensor<2x8xf32>)
  return %loss : tensor<f32>
}

// No loss, no head: @forward computes the logits of one row a sequence.
//--- none.mlir
func.func @forward(%h: tensor<2x4xf32>, %w: tensor<9x4xf32>) -> tensor<2x9xf32> {
  %y = nn.linear %h, %w : (tensor<2x4xf32>, tensor<9x4xf32>) -> tensor<2x9xf32>
  return %y : tensor<2x9xf32>
}
