// A call works in place where its function may and the operand has no later reader.

// RUN: peft-opt %s --split-input-file --peft-schedule | FileCheck %s

nn.parameter frozen @w : tensor<4x4xf32>
nn.parameter frozen @v : tensor<4x4xf32>

// CHECK-LABEL: func.func @forward()
func.func @forward(%ids: tensor<8xi32>, %labels: tensor<8xi32>, %positions: tensor<8xi32>) -> tensor<8x4xf32> {
  %w = nn.get @w : tensor<4x4xf32>
  %x = nn.embedding %ids, %w : (tensor<8xi32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  // Refused: %x is read again below.
  // CHECK: exec.rope %[[R:rope]], %embedding, %{{.*}} {
  %r = nn.rope %x, %positions {head_dim = 4 : i64, inv_freq = array<f32: 1.0>} : (tensor<8x4xf32>, tensor<8xi32>) -> tensor<8x4xf32>
  // Refused: a product can't overwrite what it reads.
  // CHECK: exec.linear %linear, %[[R]], %w
  %y = nn.linear %r, %w : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  // %y dies here: the product is added to it where it is.
  // CHECK-NEXT: exec.linear_add %linear, %linear, %[[R]], %w
  %z = nn.linear_add %y, %r, %w : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  // The first operand that may be overwritten is.
  // CHECK-NEXT: exec.map @add(%linear, %linear, %embedding)
  %s = train.elementwise(%z, %x : tensor<8x4xf32>, tensor<8x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    train.yield %0 : f32
  } -> tensor<8x4xf32>
  // CHECK-NEXT: exec.rope %linear, %linear
  %t = nn.rope %s, %positions {head_dim = 4 : i64, inv_freq = array<f32: 1.0>} : (tensor<8x4xf32>, tensor<8xi32>) -> tensor<8x4xf32>
  // CHECK-NEXT: exec.output "logits", %linear
  return %t : tensor<8x4xf32>
}

// -----

// A buffer of another element type is another place.
// CHECK-LABEL: func.func @forward()
nn.parameter frozen @w : tensor<4x4xf32>
func.func @forward(%ids: tensor<8xi32>) -> tensor<8x4xbf16> {
  %w = nn.get @w : tensor<4x4xf32>
  %x = nn.embedding %ids, %w : (tensor<8xi32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  // CHECK: exec.map @identity(%[[Y:.*]], %embedding) : memref<8x4xbf16>, memref<8x4xf32>
  %y = train.elementwise(%x : tensor<8x4xf32>) {
  ^bb0(%a: f32):
    train.yield %a : f32
  } -> tensor<8x4xbf16>
  // CHECK: exec.output "logits", %[[Y]]
  return %y : tensor<8x4xbf16>
}

// -----

// Refused: what is added to has a later reader, so the sum is another buffer.
// CHECK-LABEL: func.func @forward()
nn.parameter frozen @w : tensor<4x4xf32>
func.func @forward(%ids: tensor<8xi32>) -> tensor<8x4xf32> {
  %w = nn.get @w : tensor<4x4xf32>
  %x = nn.embedding %ids, %w : (tensor<8xi32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %y = nn.linear %x, %w : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  // CHECK: exec.linear_add %linear_add, %linear, %embedding, %w
  %z = nn.linear_add %y, %x, %w : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  // CHECK: exec.linear_add %linear_add, %linear_add, %linear, %w
  %u = nn.linear_add %z, %y, %w : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  return %u : tensor<8x4xf32>
}

// -----

// Refused: a product can't overwrite what it multiplies, also where both die.
// CHECK-LABEL: func.func @forward()
nn.parameter frozen @w : tensor<4x4xf32>
func.func @forward(%ids: tensor<8xi32>) -> tensor<8x4xf32> {
  %w = nn.get @w : tensor<4x4xf32>
  %x = nn.embedding %ids, %w : (tensor<8xi32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  // CHECK: exec.linear_add %linear_add, %embedding, %embedding, %w
  %z = nn.linear_add %x, %x, %w : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  return %z : tensor<8x4xf32>
}

// -----

// Columns are replaced where the matrix is, in the gradient too: what is read of it there is read before.
// CHECK-LABEL: func.func @forward()
nn.parameter frozen @w : tensor<4x4xf32>
func.func @forward(%ids: tensor<8xi32>) -> tensor<8x4xf32> {
  %w = nn.get @w : tensor<4x4xf32>
  %x = nn.embedding %ids, %w : (tensor<8xi32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  // CHECK: exec.select_columns %[[C:select_columns]], %embedding {indices = array<i32: 3, 0>} : memref<8x2xf32>, memref<8x4xf32>
  %c = peft.select_columns %x {indices = array<i32: 3, 0>} : (tensor<8x4xf32>) -> tensor<8x2xf32>
  // CHECK: exec.override_columns_grad %embedding, %embedding {indices = array<i32: 3, 0>}
  %d = peft.override_columns_grad %x {indices = array<i32: 3, 0>} : (tensor<8x4xf32>) -> tensor<8x4xf32>
  // CHECK: exec.override_columns %embedding, %embedding, %[[C]] {indices = array<i32: 3, 0>}
  %y = peft.override_columns %d, %c {indices = array<i32: 3, 0>} : (tensor<8x4xf32>, tensor<8x2xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// Refused: the columns are read after they are zeroed.
// CHECK-LABEL: func.func @forward()
nn.parameter frozen @w : tensor<4x4xf32>
func.func @forward(%ids: tensor<8xi32>) -> tensor<8x4xf32> {
  %w = nn.get @w : tensor<4x4xf32>
  %x = nn.embedding %ids, %w : (tensor<8xi32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  // CHECK: exec.override_columns_grad %d_override_columns_grad, %embedding
  %d = peft.override_columns_grad %x {indices = array<i32: 3, 0>} : (tensor<8x4xf32>) -> tensor<8x4xf32>
  %c = peft.select_columns %x {indices = array<i32: 3, 0>} : (tensor<8x4xf32>) -> tensor<8x2xf32>
  %y = peft.override_columns %d, %c {indices = array<i32: 3, 0>} : (tensor<8x4xf32>, tensor<8x2xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// Each result takes another operand that dies; %x does not, so the third has a buffer of its own.
// CHECK-LABEL: func.func @forward()
nn.parameter frozen @w : tensor<4x4xf32>
func.func @forward(%ids: tensor<8xi32>) -> tensor<8x4xf32> {
  %w = nn.get @w : tensor<4x4xf32>
  %x = nn.embedding %ids, %w : (tensor<8xi32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %y = nn.linear %x, %w : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %z = nn.linear %y, %w : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  // CHECK: exec.linear %[[Z:linear_2]], %linear, %w
  // CHECK: %[[E:.*]] = exec.buffer "elementwise"
  // CHECK: exec.map @add_add_add(%linear, %[[Z]], %[[E]], %embedding, %linear, %[[Z]]) outputs(3) :
  %p:3 = train.elementwise(%x, %y, %z : tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.addf %a, %b : f32
    %1 = arith.addf %a, %c : f32
    %2 = arith.addf %b, %c : f32
    train.yield %0, %1, %2 : f32, f32, f32
  } -> tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>
  %u = nn.linear_add %p#2, %p#0, %w : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %v = nn.linear_add %u, %p#1, %w : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %t = nn.linear_add %v, %x, %w : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  return %t : tensor<8x4xf32>
}

// -----

// A norm's gradient is added to the residual stream's where that is, unless it is read again.
// CHECK-LABEL: func.func @forward()
nn.parameter frozen @w : tensor<4x4xf32>
nn.parameter frozen @norm : tensor<4xf32>
func.func @forward(%ids: tensor<8xi32>) -> tensor<8x4xf32> {
  %w = nn.get @w : tensor<4x4xf32>
  %n = nn.get @norm : tensor<4xf32>
  %x = nn.embedding %ids, %w : (tensor<8xi32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %d = nn.linear %x, %w : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  // CHECK: exec.rms_norm_grad %[[DX:d_rms_norm_grad]], %embedding, %linear, %norm, %embedding
  %dx = nn.rms_norm_grad %x, %d, %n residual %x eps(1.0e-5) : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  // CHECK: exec.rms_norm_grad %[[DX]], %linear, %embedding, %norm, %[[DX]]
  %e = nn.rms_norm_grad %d, %x, %n residual %dx eps(1.0e-5) : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  return %e : tensor<8x4xf32>
}
