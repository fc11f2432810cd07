// The vector-Jacobian products of rope, attention, pointwise ops, casts and dropout, as equations.

// RUN: peft-opt %s --split-input-file --peft-differentiate | FileCheck %s

// rope:  dx turns back;  attention:  one op gives dq, dk and dv from lse
nn.parameter trainable @q : tensor<1x2x4xf32>
nn.parameter trainable @k : tensor<1x2x4xf32>
nn.parameter trainable @v : tensor<1x2x4xf32>
// CHECK-LABEL: func.func @micro_step
func.func @loss(%p: tensor<1x2xi32>, %s: tensor<1x2xi32>) -> tensor<f32> {
  %q = nn.get @q : tensor<1x2x4xf32>
  %k = nn.get @k : tensor<1x2x4xf32>
  // CHECK: %[[V:.*]] = nn.get @v
  %v = nn.get @v : tensor<1x2x4xf32>
  // CHECK: %[[R:.*]] = nn.rope
  %r = nn.rope %q, %p {head_dim = 4 : i64, inv_freq = array<f32: 1.0>, scale = 2.0 : f64} : (tensor<1x2x4xf32>, tensor<1x2xi32>) -> tensor<1x2x4xf32>
  // CHECK: %[[OUT:.*]], %[[LSE:.*]] = nn.attention
  %o, %l = nn.attention %r, %k, %v, %s {head_dim = 4 : i64, scale = 0.5 : f64, window = 2 : i64} : (tensor<1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2xi32>) -> (tensor<1x2x4xf32>, tensor<1x1x2xf32>)
  %loss, %lse = nn.cross_entropy %o, %s : (tensor<1x2x4xf32>, tensor<1x2xi32>) -> (tensor<f32>, tensor<1x2xf32>)
  // CHECK: %[[DO:.*]] = nn.cross_entropy_grad
  // CHECK-NEXT: %[[DQ:.*]], %[[DK:.*]], %[[DV:.*]] = nn.attention_grad %[[DO]], %[[R]], %{{.*}}, %[[V]], %[[OUT]], %[[LSE]], %{{.*}} {head_dim = 4 : i64, scale = 5.000000e-01 : f64, window = 2 : i64}
  // CHECK-NEXT: nn.rope %[[DQ]], %{{.*}} inverse {head_dim = 4 : i64, inv_freq = array<f32: 1.000000e+00>, scale = 2.000000e+00 : f64}
  // CHECK: train.accumulate @v, %[[DV]]
  // CHECK: train.accumulate @k, %[[DK]]
  return %loss : tensor<f32>
}

// -----

// f(a) * b:  da = dy * b * f'(a),  db = dy * f(a);  a sum passes its cotangent on
nn.parameter trainable @a : tensor<2x4xf32>
nn.parameter trainable @b : tensor<2x4xf32>
// CHECK-LABEL: func.func @micro_step
func.func @loss(%t: tensor<2xi32>) -> tensor<f32> {
  // CHECK: %[[A:.*]] = nn.get @a
  %a = nn.get @a : tensor<2x4xf32>
  // CHECK: %[[B:.*]] = nn.get @b
  %b = nn.get @b : tensor<2x4xf32>
  // CHECK: %[[F:.*]] = nn.activation silu
  %f = nn.activation silu %a : tensor<2x4xf32>
  %m = arith.mulf %f, %b : tensor<2x4xf32>
  %y = arith.addf %m, %m : tensor<2x4xf32>
  %loss, %lse = nn.cross_entropy %y, %t : (tensor<2x4xf32>, tensor<2xi32>) -> (tensor<f32>, tensor<2xf32>)
  // CHECK: %[[DY:.*]] = nn.cross_entropy_grad
  // CHECK-NEXT: %[[DM:.*]] = arith.addf %[[DY]], %[[DY]]
  // CHECK-DAG: %[[DF:.*]] = arith.mulf %[[DM]], %[[B]]
  // CHECK-DAG: %[[DB:.*]] = arith.mulf %[[DM]], %[[F]]
  // CHECK-DAG: %[[DA:.*]] = nn.activation_grad silu %[[DF]], %[[A]]
  // CHECK-DAG: train.accumulate @a, %[[DA]]
  // CHECK-DAG: train.accumulate @b, %[[DB]]
  return %loss : tensor<f32>
}

// -----

// dropout:  dx has the same mask;  cast:  a float32 gradient of a float32 weight stays what it is
nn.parameter trainable @w : tensor<4x8xf32>
nn.parameter trainable @x : tensor<2x8xf32>
// CHECK-LABEL: func.func @micro_step
func.func @loss(%t: tensor<2xi32>, %seed: i64) -> tensor<f32> {
  %w32 = nn.get @w : tensor<4x8xf32>
  %w = nn.cast %w32 : tensor<4x8xf32> to tensor<4x8xbf16>
  %x32 = nn.get @x : tensor<2x8xf32>
  %x = nn.cast %x32 : tensor<2x8xf32> to tensor<2x8xbf16>
  %d = nn.dropout %x, %seed {p = 0.5 : f64, salt = 7 : i32} : (tensor<2x8xbf16>, i64) -> tensor<2x8xbf16>
  %y = nn.linear %d, %w : (tensor<2x8xbf16>, tensor<4x8xbf16>) -> tensor<2x4xbf16>
  %loss, %lse = nn.cross_entropy %y, %t : (tensor<2x4xbf16>, tensor<2xi32>) -> (tensor<f32>, tensor<2xf32>)
  // CHECK: %[[DY:.*]] = nn.cross_entropy_grad
  // CHECK-DAG: %[[DD:.*]] = nn.linear %[[DY]], %{{.*}} transposed : (tensor<2x4xbf16>, tensor<4x8xbf16>) -> tensor<2x8xbf16>
  // CHECK-DAG: %[[DW:.*]] = nn.linear_weight_grad %{{.*}} -> tensor<4x8xf32>
  // CHECK-DAG: %[[DX:.*]] = nn.dropout %[[DD]], %{{.*}} {p = 5.000000e-01 : f64, salt = 7 : i32}
  // CHECK-DAG: %[[DX32:.*]] = nn.cast %[[DX]] : tensor<2x8xbf16> to tensor<2x8xf32>
  // CHECK-DAG: train.accumulate @x, %[[DX32]]
  // CHECK-DAG: train.accumulate @w, %[[DW]]
  return %loss : tensor<f32>
}

// -----

// (a, b) = columns of x:  dx = da and db side by side, and of one that nobody reads zeros
nn.parameter trainable @x : tensor<2x6xf32>
nn.parameter frozen @w : tensor<9x2xf32>
// CHECK-LABEL: func.func @micro_step
func.func @loss(%t: tensor<2xi32>) -> tensor<f32> {
  %x = nn.get @x : tensor<2x6xf32>
  %w = nn.get @w : tensor<9x2xf32>
  %a, %b, %c = nn.split_columns %x [2, 1, 3] : (tensor<2x6xf32>) -> (tensor<2x2xf32>, tensor<2x1xf32>, tensor<2x3xf32>)
  %y = nn.linear %a, %w : (tensor<2x2xf32>, tensor<9x2xf32>) -> tensor<2x9xf32>
  %loss, %lse = nn.cross_entropy %y, %t : (tensor<2x9xf32>, tensor<2xi32>) -> (tensor<f32>, tensor<2xf32>)
  // CHECK: %[[DA:.*]] = nn.linear %{{.*}}, %{{.*}} transposed
  // CHECK-NEXT: %[[DB:.*]] = arith.constant dense<0.000000e+00> : tensor<2x1xf32>
  // CHECK-NEXT: %[[DC:.*]] = arith.constant dense<0.000000e+00> : tensor<2x3xf32>
  // CHECK-NEXT: %[[DX:.*]] = nn.concat_columns %[[DA]], %[[DB]], %[[DC]]
  // CHECK-NEXT: train.accumulate @x, %[[DX]]
  return %loss : tensor<f32>
}

// -----

// y = a and b side by side:  (da, db) = columns of dy;  a stack's gradient is added to as one
nn.parameter trainable @first : tensor<2x8xf32>
nn.parameter trainable @second : tensor<3x8xf32>
nn.stack @both [@first, @second] : tensor<5x8xf32>
nn.parameter frozen @x : tensor<2x8xf32>
nn.parameter trainable @b : tensor<2x4xf32>
// CHECK-LABEL: func.func @micro_step
func.func @loss(%t: tensor<2xi32>) -> tensor<f32> {
  // CHECK: %[[X:.*]] = nn.get @x
  %x = nn.get @x : tensor<2x8xf32>
  %w = nn.get @both : tensor<5x8xf32>
  %a = nn.linear %x, %w : (tensor<2x8xf32>, tensor<5x8xf32>) -> tensor<2x5xf32>
  %b = nn.get @b : tensor<2x4xf32>
  %y = nn.concat_columns %a, %b : (tensor<2x5xf32>, tensor<2x4xf32>) -> tensor<2x9xf32>
  %loss, %lse = nn.cross_entropy %y, %t : (tensor<2x9xf32>, tensor<2xi32>) -> (tensor<f32>, tensor<2xf32>)
  // CHECK: %[[D:.*]]:2 = nn.split_columns %{{.*}} [5, 4]
  // CHECK-NEXT: train.accumulate @b, %[[D]]#1
  // CHECK-NEXT: %[[DW:.*]] = nn.linear_weight_grad %[[D]]#0, %[[X]]
  // CHECK-NEXT: train.accumulate @both, %[[DW]] : tensor<5x8xf32>
  return %loss : tensor<f32>
}
