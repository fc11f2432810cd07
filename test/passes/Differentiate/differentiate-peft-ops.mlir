// The vector-Jacobian products of what fine-tuning adds, as equations. The encoded weight of a quantized linear has none.

// RUN: peft-opt %s --split-input-file --peft-differentiate | FileCheck %s

// soft_prompt:  dx is behind the prompt, dprompt the sum over the batch
nn.parameter trainable @x : tensor<2x3x4xf32>
nn.parameter trainable @prompt : tensor<5x4xf32>
// CHECK-LABEL: func.func @micro_step
func.func @loss(%t: tensor<2x8xi32>) -> tensor<f32> {
  %x = nn.get @x : tensor<2x3x4xf32>
  %p = nn.get @prompt : tensor<5x4xf32>
  %y = peft.soft_prompt %x, %p : (tensor<2x3x4xf32>, tensor<5x4xf32>) -> tensor<2x8x4xf32>
  %loss, %lse = nn.cross_entropy %y, %t : (tensor<2x8x4xf32>, tensor<2x8xi32>) -> (tensor<f32>, tensor<2x8xf32>)
  // CHECK: %[[DY:.*]] = nn.cross_entropy_grad
  // CHECK-DAG: %[[DX:.*]] = peft.soft_prompt_grad %[[DY]] {count = 5 : i64} : (tensor<2x8x4xf32>) -> tensor<2x3x4xf32>
  // CHECK-DAG: %[[DP:.*]] = peft.soft_prompt_weight_grad %[[DY]] {count = 5 : i64} : (tensor<2x8x4xf32>) -> tensor<5x4xf32>
  // CHECK-DAG: train.accumulate @x, %[[DX]]
  // CHECK-DAG: train.accumulate @prompt, %[[DP]]
  return %loss : tensor<f32>
}

// -----

// override_columns:  dcolumns is what dy has there, dx is 0 there
nn.parameter trainable @w : tensor<9x4xf32>
nn.parameter trainable @rows : tensor<2x4xf32>
// CHECK-LABEL: func.func @micro_step
func.func @loss(%x: tensor<8x4xf32>, %ids: tensor<8xi32>) -> tensor<f32> {
  %w = nn.get @w : tensor<9x4xf32>
  %r = nn.get @rows : tensor<2x4xf32>
  %c = nn.linear %x, %r : (tensor<8x4xf32>, tensor<2x4xf32>) -> tensor<8x2xf32>
  %y = nn.linear %x, %w : (tensor<8x4xf32>, tensor<9x4xf32>) -> tensor<8x9xf32>
  %z = peft.override_columns %y, %c {indices = array<i32: 3, 7>} : (tensor<8x9xf32>, tensor<8x2xf32>) -> tensor<8x9xf32>
  %loss, %lse = nn.cross_entropy %z, %ids : (tensor<8x9xf32>, tensor<8xi32>) -> (tensor<f32>, tensor<8xf32>)
  // The columns are read before they are zeroed, so that dx can take dy's place.
  // CHECK: %[[DZ:.*]] = nn.cross_entropy_grad
  // CHECK: %[[DC:.*]] = peft.select_columns %[[DZ]] {indices = array<i32: 3, 7>} : (tensor<8x9xf32>) -> tensor<8x2xf32>
  // CHECK: %[[DY:.*]] = peft.override_columns_grad %[[DZ]] {indices = array<i32: 3, 7>} : (tensor<8x9xf32>) -> tensor<8x9xf32>
  // CHECK-DAG: %[[DR:.*]] = nn.linear_weight_grad %[[DC]]
  // CHECK-DAG: %[[DW:.*]] = nn.linear_weight_grad %[[DY]]
  // CHECK-DAG: train.accumulate @rows, %[[DR]]
  // CHECK-DAG: train.accumulate @w, %[[DW]]
  return %loss : tensor<f32>
}

// -----

// override_rows:  dx is 0 in the replaced rows, which have the rest;  embedding_columns:  dtable[:, ids[i]] += dy[i, :]
nn.parameter trainable @a : tensor<4x9xf32>
nn.parameter trainable @rows : tensor<2x4xf32>
// CHECK-LABEL: func.func @micro_step
func.func @loss(%ids: tensor<8xi32>) -> tensor<f32> {
  %a = nn.get @a : tensor<4x9xf32>
  %r = nn.get @rows : tensor<2x4xf32>
  %x = peft.embedding_columns %ids, %a : (tensor<8xi32>, tensor<4x9xf32>) -> tensor<8x4xf32>
  %y = peft.override_rows %x, %ids, %r {indices = array<i32: 3, 7>} : (tensor<8x4xf32>, tensor<8xi32>, tensor<2x4xf32>) -> tensor<8x4xf32>
  %loss, %lse = nn.cross_entropy %y, %ids : (tensor<8x4xf32>, tensor<8xi32>) -> (tensor<f32>, tensor<8xf32>)
  // CHECK: %[[DY:.*]] = nn.cross_entropy_grad
  // CHECK-DAG: %[[DX:.*]] = peft.override_rows_grad %[[DY]], %{{.*}} {indices = array<i32: 3, 7>}
  // CHECK-DAG: %[[DR:.*]] = peft.override_rows_weight_grad %[[DY]], %{{.*}} {indices = array<i32: 3, 7>} : {{.*}} -> tensor<2x4xf32>
  // CHECK-DAG: %[[DA:.*]] = peft.embedding_columns_weight_grad %[[DX]], %{{.*}} {vocab = 9 : i64} : {{.*}} -> tensor<4x9xf32>
  // CHECK-DAG: train.accumulate @rows, %[[DR]]
  // CHECK-DAG: train.accumulate @a, %[[DA]]
  return %loss : tensor<f32>
}

// -----

// quantized_linear:  dx = alpha dy W of the same encoded weight,  db = sum of dy's rows
nn.parameter frozen @w : tensor<6x4xf32, #peft.nf4<block = 64, nested = 0>>
nn.parameter trainable @x : tensor<8x4xf32>
nn.parameter trainable @b : tensor<6xf32>
// CHECK-LABEL: func.func @micro_step
func.func @loss(%t: tensor<8xi32>) -> tensor<f32> {
  // CHECK: %[[W:.*]] = nn.get @w
  %w = nn.get @w : tensor<6x4xf32, #peft.nf4<block = 64, nested = 0>>
  %x = nn.get @x : tensor<8x4xf32>
  %b = nn.get @b : tensor<6xf32>
  %y = peft.quantized_linear %x, %w bias %b : (tensor<8x4xf32>, tensor<6x4xf32, #peft.nf4<block = 64, nested = 0>>, tensor<6xf32>) -> tensor<8x6xf32>
  %loss, %lse = nn.cross_entropy %y, %t : (tensor<8x6xf32>, tensor<8xi32>) -> (tensor<f32>, tensor<8xf32>)
  // CHECK: %[[DY:.*]] = nn.cross_entropy_grad
  // CHECK-DAG: %[[DX:.*]] = peft.quantized_linear %[[DY]], %[[W]] transposed :
  // CHECK-DAG: %[[DB:.*]] = nn.sum_rows %[[DY]]
  // CHECK-DAG: train.accumulate @x, %[[DX]]
  // CHECK-DAG: train.accumulate @b, %[[DB]]
  return %loss : tensor<f32>
}
