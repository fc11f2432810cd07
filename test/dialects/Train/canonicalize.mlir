// Folds, each as its equation.

// RUN: peft-opt %s --canonicalize | FileCheck %s

// elementwise(…, x : t, …) { yield x } : t -> x
// CHECK-LABEL: @a_pass_that_changes_nothing
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor<8x4xbf16>)
// CHECK-NEXT: return %[[X]]
func.func @a_pass_that_changes_nothing(%w: tensor<8x4xbf16>, %x: tensor<8x4xbf16>) -> tensor<8x4xbf16> {
  %0 = train.elementwise(%w, %x : tensor<8x4xbf16>, tensor<8x4xbf16>) {
  ^bb0(%a: f32, %b: f32):
    train.yield %b : f32
  } -> tensor<8x4xbf16>
  return %0 : tensor<8x4xbf16>
}

// CHECK-LABEL: @results_that_are_operands
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor<8x4xf32>, %[[Y:[a-z0-9]*]]: tensor<8x4xf32>)
// CHECK-NEXT: return %[[Y]], %[[X]]
func.func @results_that_are_operands(%x: tensor<8x4xf32>, %y: tensor<8x4xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>) {
  %0:2 = train.elementwise(%x, %y : tensor<8x4xf32>, tensor<8x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    train.yield %b, %a : f32, f32
  } -> tensor<8x4xf32>, tensor<8x4xf32>
  return %0#0, %0#1 : tensor<8x4xf32>, tensor<8x4xf32>
}

// Refused: one of its results is computed.
// CHECK-LABEL: @a_pass_that_computes_one_of_two
// CHECK-NEXT: train.elementwise
func.func @a_pass_that_computes_one_of_two(%x: tensor<8x4xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>) {
  %0:2 = train.elementwise(%x : tensor<8x4xf32>) {
  ^bb0(%a: f32):
    %p = arith.mulf %a, %a : f32
    train.yield %a, %p : f32, f32
  } -> tensor<8x4xf32>, tensor<8x4xf32>
  return %0#0, %0#1 : tensor<8x4xf32>, tensor<8x4xf32>
}

// Refused: it rounds.
// CHECK-LABEL: @a_pass_that_rounds
// CHECK-NEXT: train.elementwise
func.func @a_pass_that_rounds(%x: tensor<8x4xf32>) -> tensor<8x4xbf16> {
  %0 = train.elementwise(%x : tensor<8x4xf32>) {
  ^bb0(%a: f32):
    train.yield %a : f32
  } -> tensor<8x4xbf16>
  return %0 : tensor<8x4xbf16>
}

// Refused: what changes a parameter stays, though nobody reads a result of it.
nn.parameter trainable @a : tensor<4xf32>
// CHECK-LABEL: @update
// CHECK-NEXT: train.accumulate
// CHECK-NEXT: train.clip_norm
// CHECK-NEXT: train.adamw
func.func @update(%g: tensor<4xf32>) {
  train.accumulate @a, %g : tensor<4xf32>
  %0 = train.clip_norm : tensor<f32>
  train.adamw
  return
}
