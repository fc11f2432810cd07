// A tree of pointwise ops becomes one pass over its leaves.

// RUN: peft-opt %s --peft-fuse-elementwise | FileCheck %s

// CHECK-LABEL: @silu_times_up_is_one_pass
// CHECK-SAME: %[[G:.*]]: tensor<8x4xf32>, %[[U:.*]]: tensor<8x4xf32>
func.func @silu_times_up_is_one_pass(%gate: tensor<8x4xf32>, %up: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // CHECK-NEXT: %[[H:.*]] = train.elementwise(%[[G]], %[[U]] : tensor<8x4xf32>, tensor<8x4xf32>) {
  // CHECK-NEXT: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32):
  // CHECK-NEXT:   %[[S:.*]] = nn.activation silu %[[A]] : f32
  // CHECK-NEXT:   %[[P:.*]] = arith.mulf %[[S]], %[[B]] : f32
  // CHECK-NEXT:   train.yield %[[P]] : f32
  // CHECK-NEXT: } -> tensor<8x4xf32>
  // CHECK-NEXT: return %[[H]]
  %0 = nn.activation silu %gate : tensor<8x4xf32>
  %1 = arith.mulf %0, %up : tensor<8x4xf32>
  return %1 : tensor<8x4xf32>
}

// A leaf that is read twice is one operand.
// CHECK-LABEL: @a_square_has_one_leaf
func.func @a_square_has_one_leaf(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // CHECK-NEXT: train.elementwise(%{{[^,]*}} : tensor<8x4xf32>) {
  // CHECK-NEXT: ^bb0(%[[A:.*]]: f32):
  // CHECK-NEXT:   arith.mulf %[[A]], %[[A]] : f32
  %0 = arith.mulf %x, %x : tensor<8x4xf32>
  return %0 : tensor<8x4xf32>
}

// Scalars are f32 whatever the tensors hold: casts cost nothing inside, and a residual is a sum.
// CHECK-LABEL: @casts_and_residuals_vanish
func.func @casts_and_residuals_vanish(%x: tensor<8x4xbf16>, %y: tensor<8x4xf32>) -> tensor<8x4xbf16> {
  // CHECK-NEXT: train.elementwise(%{{.*}}, %{{.*}} : tensor<8x4xbf16>, tensor<8x4xf32>) {
  // CHECK-NEXT: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32):
  // CHECK-NEXT:   %[[S:.*]] = arith.addf %[[A]], %[[B]] : f32
  // CHECK-NEXT:   train.yield %[[S]] : f32
  // CHECK-NEXT: } -> tensor<8x4xbf16>
  %0 = nn.cast %y : tensor<8x4xf32> to tensor<8x4xbf16>
  %1 = nn.residual %x, %0 module("m") : tensor<8x4xbf16>
  return %1 : tensor<8x4xbf16>
}

// Where the backward pass begins moves with the op that marks it.
// CHECK-LABEL: @the_mark_of_the_backward_pass_stays
func.func @the_mark_of_the_backward_pass_stays(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // CHECK: nn.activation relu %{{.*}} : f32
  // CHECK: } -> tensor<8x4xf32> {train.backward}
  %0 = nn.activation relu %x {train.backward} : tensor<8x4xf32>
  %1 = arith.addf %0, %x : tensor<8x4xf32>
  return %1 : tensor<8x4xf32>
}

// Refused: a value with two readers is a pass of its own, so that it is computed once.
// CHECK-LABEL: @a_value_with_two_readers_is_computed_once
func.func @a_value_with_two_readers_is_computed_once(%x: tensor<8x4xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>) {
  // CHECK: %[[F:.*]] = train.elementwise
  // CHECK: nn.activation silu
  // CHECK: train.elementwise(%[[F]], %{{.*}} :
  // CHECK-NOT: nn.activation silu
  // CHECK: train.elementwise(%[[F]] :
  %0 = nn.activation silu %x : tensor<8x4xf32>
  %1 = arith.mulf %0, %x : tensor<8x4xf32>
  %2 = arith.addf %0, %0 : tensor<8x4xf32>
  return %1, %2 : tensor<8x4xf32>, tensor<8x4xf32>
}

// Refused: an op that sees a whole row is no part of a tree.
// CHECK-LABEL: @a_norm_is_a_leaf
func.func @a_norm_is_a_leaf(%x: tensor<8x4xf32>, %w: tensor<4xf32>) -> tensor<8x4xf32> {
  // CHECK-NEXT: %[[N:.*]] = nn.rms_norm
  // CHECK-NEXT: train.elementwise(%[[N]], %{{.*}} :
  %0 = nn.rms_norm %x, %w eps(1.0e-5) : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>
  %1 = arith.addf %0, %x : tensor<8x4xf32>
  return %1 : tensor<8x4xf32>
}
