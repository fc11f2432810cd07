// Passes over the same tensors become one with several results.

// RUN: peft-opt %s --peft-merge-elementwise | FileCheck %s

nn.parameter trainable @a : tensor<2x4xf32>

// A gated MLP's backward pass: silu(gate) and the product for a weight's gradient, then both cotangents. What read the
// product before the cotangent was there moves behind; silu(gate) is no result, since only the pass itself reads it.
// CHECK-LABEL: @a_gated_mlp_is_one_pass
// CHECK-SAME: (%[[X:.*]]: tensor<8x4xf32>, %[[W:.*]]: tensor<4x4xf32>, %[[S:.*]]: tensor<8x2xf32>)
func.func @a_gated_mlp_is_one_pass(%x: tensor<8x4xf32>, %w: tensor<4x4xf32>, %s: tensor<8x2xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>) {
  // CHECK-NEXT: %[[GATE:.*]] = nn.linear %[[X]], %[[W]] :
  // CHECK-NEXT: %[[UP:.*]] = nn.linear %[[X]], %[[W]] transposed
  // CHECK-NEXT: %[[DH:.*]] = nn.linear_add
  // CHECK-NEXT: %[[R:.*]]:3 = train.elementwise(%[[GATE]], %[[UP]], %[[DH]] : tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>) {
  // CHECK-NEXT: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32, %[[C:.*]]: f32):
  // CHECK-NEXT:   %[[SILU:.*]] = nn.activation silu %[[A]] : f32
  // CHECK-NEXT:   %[[H:.*]] = arith.mulf %[[SILU]], %[[B]] : f32
  // CHECK-NEXT:   %[[DUP:.*]] = arith.mulf %[[C]], %[[SILU]] : f32
  // CHECK-NEXT:   %[[DP:.*]] = arith.mulf %[[C]], %[[B]] : f32
  // CHECK-NEXT:   %[[DGATE:.*]] = nn.activation_grad silu %[[DP]], %[[A]] : f32
  // CHECK-NEXT:   train.yield %[[H]], %[[DUP]], %[[DGATE]] : f32, f32, f32
  // CHECK-NEXT: } -> tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>
  // CHECK-NEXT: %[[DA:.*]] = nn.linear_weight_grad %[[S]], %[[R]]#0
  // CHECK-NEXT: train.accumulate @a, %[[DA]]
  // CHECK-NEXT: return %[[R]]#1, %[[R]]#2
  %gate = nn.linear %x, %w : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %up = nn.linear %x, %w transposed : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %silu = train.elementwise(%gate : tensor<8x4xf32>) {
  ^bb0(%a: f32):
    %0 = nn.activation silu %a : f32
    train.yield %0 : f32
  } -> tensor<8x4xf32>
  %h = train.elementwise(%silu, %up : tensor<8x4xf32>, tensor<8x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    train.yield %0 : f32
  } -> tensor<8x4xf32>
  %da = nn.linear_weight_grad %s, %h : (tensor<8x2xf32>, tensor<8x4xf32>) -> tensor<2x4xf32>
  train.accumulate @a, %da : tensor<2x4xf32>
  %dh = nn.linear_add %x, %x, %w : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %dup = train.elementwise(%dh, %silu : tensor<8x4xf32>, tensor<8x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    train.yield %0 : f32
  } -> tensor<8x4xf32>
  %dgate = train.elementwise(%dh, %up, %gate : tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = nn.activation_grad silu %0, %c : f32
    train.yield %1 : f32
  } -> tensor<8x4xf32>
  return %dup, %dgate : tensor<8x4xf32>, tensor<8x4xf32>
}

// Refused: the later pass needs what is computed from the earlier one.
// CHECK-LABEL: @a_chain_through_a_product_stays
func.func @a_chain_through_a_product_stays(%x: tensor<8x4xf32>, %w: tensor<4x4xf32>) -> tensor<8x4xf32> {
  // CHECK: train.elementwise(%[[X:.*]] : tensor<8x4xf32>)
  // CHECK: nn.linear
  // CHECK: train.elementwise(%[[X]], %{{.*}} : tensor<8x4xf32>, tensor<8x4xf32>)
  %h = train.elementwise(%x : tensor<8x4xf32>) {
  ^bb0(%a: f32):
    %0 = nn.activation silu %a : f32
    train.yield %0 : f32
  } -> tensor<8x4xf32>
  %y = nn.linear %h, %w : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %z = train.elementwise(%x, %y : tensor<8x4xf32>, tensor<8x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    train.yield %0 : f32
  } -> tensor<8x4xf32>
  return %z : tensor<8x4xf32>
}

// Refused: nothing is read twice.
// CHECK-LABEL: @passes_over_other_tensors_stay
func.func @passes_over_other_tensors_stay(%x: tensor<8x4xf32>, %y: tensor<8x4xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>) {
  // CHECK: train.elementwise(%{{[^,]*}} : tensor<8x4xf32>)
  // CHECK: train.elementwise(%{{[^,]*}} : tensor<8x4xf32>)
  %0 = train.elementwise(%x : tensor<8x4xf32>) {
  ^bb0(%a: f32):
    %1 = nn.activation relu %a : f32
    train.yield %1 : f32
  } -> tensor<8x4xf32>
  %2 = train.elementwise(%y : tensor<8x4xf32>) {
  ^bb0(%a: f32):
    %1 = nn.activation relu %a : f32
    train.yield %1 : f32
  } -> tensor<8x4xf32>
  return %0, %2 : tensor<8x4xf32>, tensor<8x4xf32>
}

// Refused: results of two types.
// CHECK-LABEL: @results_of_two_types_stay
func.func @results_of_two_types_stay(%x: tensor<8x4xf32>) -> (tensor<8x4xf32>, tensor<8x4xbf16>) {
  // CHECK: } -> tensor<8x4xf32>{{$}}
  // CHECK: } -> tensor<8x4xbf16>{{$}}
  %0 = train.elementwise(%x : tensor<8x4xf32>) {
  ^bb0(%a: f32):
    %1 = nn.activation relu %a : f32
    train.yield %1 : f32
  } -> tensor<8x4xf32>
  %2 = train.elementwise(%x : tensor<8x4xf32>) {
  ^bb0(%a: f32):
    train.yield %a : f32
  } -> tensor<8x4xbf16>
  return %0, %2 : tensor<8x4xf32>, tensor<8x4xbf16>
}

// Refused: the backward part begins in between, and what it keeps of the forward part is told by the order.
// CHECK-LABEL: @parts_of_the_step_stay_apart
func.func @parts_of_the_step_stay_apart(%x: tensor<8x4xf32>, %w: tensor<4x4xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>) {
  // CHECK: train.elementwise
  // CHECK: nn.linear {{.*}}train.backward
  // CHECK: train.elementwise
  %0 = train.elementwise(%x : tensor<8x4xf32>) {
  ^bb0(%a: f32):
    %1 = nn.activation relu %a : f32
    train.yield %1 : f32
  } -> tensor<8x4xf32>
  %y = nn.linear %x, %w {train.backward} : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %2 = train.elementwise(%x, %y : tensor<8x4xf32>, tensor<8x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %3 = arith.addf %a, %b : f32
    train.yield %3 : f32
  } -> tensor<8x4xf32>
  return %0, %2 : tensor<8x4xf32>, tensor<8x4xf32>
}

// Refused: what would move behind reads a wide tensor, which would wait for it through a moment that is full already.
// CHECK-LABEL: @a_wide_operand_does_not_wait
func.func @a_wide_operand_does_not_wait(%x: tensor<8x4xf32>, %w: tensor<4x4xf32>, %v: tensor<64x4xf32>) -> (tensor<8x4xf32>, tensor<4x64xf32>) {
  // CHECK: train.elementwise
  // CHECK: nn.linear_weight_grad
  // CHECK: train.elementwise
  %g = nn.linear %x, %w : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %wide = nn.linear %x, %v : (tensor<8x4xf32>, tensor<64x4xf32>) -> tensor<8x64xf32>
  %h = train.elementwise(%g : tensor<8x4xf32>) {
  ^bb0(%a: f32):
    %0 = nn.activation silu %a : f32
    train.yield %0 : f32
  } -> tensor<8x4xf32>
  %dw = nn.linear_weight_grad %h, %wide : (tensor<8x4xf32>, tensor<8x64xf32>) -> tensor<4x64xf32>
  %other = nn.linear %x, %v : (tensor<8x4xf32>, tensor<64x4xf32>) -> tensor<8x64xf32>
  %y = nn.linear %other, %v transposed : (tensor<8x64xf32>, tensor<64x4xf32>) -> tensor<8x4xf32>
  %z = train.elementwise(%g, %y : tensor<8x4xf32>, tensor<8x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    train.yield %0 : f32
  } -> tensor<8x4xf32>
  return %z, %dw : tensor<8x4xf32>, tensor<4x64xf32>
}
