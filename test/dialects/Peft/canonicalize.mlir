// Folds, each as its equation.

// RUN: peft-opt %s --canonicalize | FileCheck %s

// select_columns(override_columns(x, c, i), i) -> c
// CHECK-LABEL: @columns_that_were_put_there
// CHECK-SAME: %[[C:[a-z0-9]*]]: tensor<8x2xf32>)
// CHECK-NEXT: return %[[C]]
func.func @columns_that_were_put_there(%x: tensor<8x9xf32>, %c: tensor<8x2xf32>) -> tensor<8x2xf32> {
  %0 = peft.override_columns %x, %c {indices = array<i32: 7, 2>} : (tensor<8x9xf32>, tensor<8x2xf32>) -> tensor<8x9xf32>
  %1 = peft.select_columns %0 {indices = array<i32: 7, 2>} : (tensor<8x9xf32>) -> tensor<8x2xf32>
  return %1 : tensor<8x2xf32>
}

// Refused: other columns, or the same in another order.
// CHECK-LABEL: @other_columns
// CHECK: peft.override_columns
// CHECK-NEXT: peft.select_columns
func.func @other_columns(%x: tensor<8x9xf32>, %c: tensor<8x2xf32>) -> tensor<8x2xf32> {
  %0 = peft.override_columns %x, %c {indices = array<i32: 7, 2>} : (tensor<8x9xf32>, tensor<8x2xf32>) -> tensor<8x9xf32>
  %1 = peft.select_columns %0 {indices = array<i32: 2, 7>} : (tensor<8x9xf32>) -> tensor<8x2xf32>
  return %1 : tensor<8x2xf32>
}

// override_columns_grad(override_columns_grad(dy, i), i) -> override_columns_grad(dy, i)
// CHECK-LABEL: @what_is_zero_already
// CHECK-NEXT: %[[G:.*]] = peft.override_columns_grad
// CHECK-NEXT: return %[[G]]
func.func @what_is_zero_already(%dy: tensor<8x9xf32>) -> tensor<8x9xf32> {
  %0 = peft.override_columns_grad %dy {indices = array<i32: 7, 2>} : (tensor<8x9xf32>) -> tensor<8x9xf32>
  %1 = peft.override_columns_grad %0 {indices = array<i32: 7, 2>} : (tensor<8x9xf32>) -> tensor<8x9xf32>
  return %1 : tensor<8x9xf32>
}

// soft_prompt_grad(soft_prompt(x, prompt), rows of prompt) -> x
// CHECK-LABEL: @rows_behind_the_prompt
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor<2x8x6xf32>,
// CHECK-NEXT: return %[[X]]
func.func @rows_behind_the_prompt(%x: tensor<2x8x6xf32>, %p: tensor<5x6xf32>) -> tensor<2x8x6xf32> {
  %0 = peft.soft_prompt %x, %p : (tensor<2x8x6xf32>, tensor<5x6xf32>) -> tensor<2x13x6xf32>
  %1 = peft.soft_prompt_grad %0 {count = 5 : i64} : (tensor<2x13x6xf32>) -> tensor<2x8x6xf32>
  return %1 : tensor<2x8x6xf32>
}

// Refused: a part of the prompt is among them.
// CHECK-LABEL: @rows_behind_a_part_of_it
// CHECK-NEXT: peft.soft_prompt
// CHECK-NEXT: peft.soft_prompt_grad
func.func @rows_behind_a_part_of_it(%x: tensor<2x8x6xf32>, %p: tensor<5x6xf32>) -> tensor<2x9x6xf32> {
  %0 = peft.soft_prompt %x, %p : (tensor<2x8x6xf32>, tensor<5x6xf32>) -> tensor<2x13x6xf32>
  %1 = peft.soft_prompt_grad %0 {count = 4 : i64} : (tensor<2x13x6xf32>) -> tensor<2x9x6xf32>
  return %1 : tensor<2x9x6xf32>
}

// Refused: y + 0 * B (A x) is not y where A x is infinite, and A and B are trained.
// CHECK-LABEL: @a_scale_of_zero
// CHECK-NEXT: peft.lora
func.func @a_scale_of_zero(%y: tensor<8x6xf32>, %x: tensor<8x4xf32>, %a: tensor<3x4xf32>, %b: tensor<6x3xf32>) -> tensor<8x6xf32> {
  %0 = peft.lora %y, %x, %a, %b scale(0.0) : (tensor<8x6xf32>, tensor<8x4xf32>, tensor<3x4xf32>, tensor<6x3xf32>) -> tensor<8x6xf32>
  return %0 : tensor<8x6xf32>
}
