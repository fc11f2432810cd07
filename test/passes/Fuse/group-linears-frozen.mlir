// With `frozen`, the layers' own products too: what reads them reads columns of one result.

// RUN: peft-opt %s --split-input-file --peft-group-linears=frozen | FileCheck %s

// CHECK:      nn.parameter frozen @layers.0.q : tensor<8x64xf32>
// CHECK-NEXT: nn.parameter frozen @layers.0.k : tensor<4x64xf32>
// CHECK-NEXT: nn.stack @layers.0.q_k [@layers.0.q, @layers.0.k] : tensor<12x64xf32>
// CHECK-NEXT: nn.parameter trainable @a
// CHECK-NEXT: nn.parameter trainable @b
nn.parameter frozen @layers.0.q : tensor<8x64xf32>
nn.parameter trainable @a : tensor<4x64xf32>
nn.parameter trainable @b : tensor<8x4xf32>
nn.parameter frozen @layers.0.k : tensor<4x64xf32>

// An adapter adds to the columns that are its layer's.
// CHECK-LABEL: @two_layers_of_one_value
func.func @two_layers_of_one_value(%x: tensor<5x64xf32>) -> (tensor<5x8xf32>, tensor<5x4xf32>) {
  // CHECK: %[[W:.*]] = nn.get @layers.0.q_k : tensor<12x64xf32>
  // CHECK: %[[Y:.*]] = nn.linear %{{.*}}, %[[W]] : (tensor<5x64xf32>, tensor<12x64xf32>) -> tensor<5x12xf32>
  // CHECK: %[[P:.*]]:2 = nn.split_columns %[[Y]] [8, 4]
  // CHECK: nn.linear_add %[[P]]#0
  // CHECK: nn.activation silu %[[P]]#1
  %wq = nn.get @layers.0.q : tensor<8x64xf32>
  %q = nn.linear %x, %wq : (tensor<5x64xf32>, tensor<8x64xf32>) -> tensor<5x8xf32> loc("layers.0.q")
  %a = nn.get @a : tensor<4x64xf32>
  %b = nn.get @b : tensor<8x4xf32>
  %s = nn.linear %x, %a : (tensor<5x64xf32>, tensor<4x64xf32>) -> tensor<5x4xf32>
  %q2 = nn.linear_add %q, %s, %b : (tensor<5x8xf32>, tensor<5x4xf32>, tensor<8x4xf32>) -> tensor<5x8xf32>
  %wk = nn.get @layers.0.k : tensor<4x64xf32>
  %k = nn.linear %x, %wk : (tensor<5x64xf32>, tensor<4x64xf32>) -> tensor<5x4xf32> loc("layers.0.k")
  %k2 = nn.activation silu %k : tensor<5x4xf32>
  return %q2, %k2 : tensor<5x8xf32>, tensor<5x4xf32>
}

// -----

// Refused: a weight that another op reads too would have to lie in two places; a bias belongs to one of the two.
nn.parameter frozen @q : tensor<8x64xf32>
nn.parameter frozen @k : tensor<8x64xf32>
nn.parameter frozen @v : tensor<8x64xf32>
nn.parameter frozen @c : tensor<8xf32>

// CHECK-LABEL: @what_stays_apart
func.func @what_stays_apart(%x: tensor<5x64xf32>, %z: tensor<5x64xf32>) -> (tensor<5x8xf32>, tensor<5x8xf32>, tensor<5x8xf32>, tensor<5x8xf32>) {
  // CHECK-NOT: nn.split_columns
  // CHECK: return
  %wq = nn.get @q : tensor<8x64xf32>
  %q = nn.linear %x, %wq : (tensor<5x64xf32>, tensor<8x64xf32>) -> tensor<5x8xf32> loc("layers.0.q")
  %q2 = nn.activation silu %q : tensor<5x8xf32>
  %again = nn.get @q : tensor<8x64xf32>
  %other = nn.linear %z, %again : (tensor<5x64xf32>, tensor<8x64xf32>) -> tensor<5x8xf32> loc("layers.1.q")
  %wk = nn.get @k : tensor<8x64xf32>
  %k = nn.linear %x, %wk : (tensor<5x64xf32>, tensor<8x64xf32>) -> tensor<5x8xf32> loc("layers.0.k")
  %k2 = nn.activation silu %k : tensor<5x8xf32>
  %wv = nn.get @v : tensor<8x64xf32>
  %c = nn.get @c : tensor<8xf32>
  %v = nn.linear %x, %wv bias %c : (tensor<5x64xf32>, tensor<8x64xf32>, tensor<8xf32>) -> tensor<5x8xf32> loc("layers.0.v")
  %v2 = nn.activation silu %v : tensor<5x8xf32>
  return %q2, %other, %k2, %v2 : tensor<5x8xf32>, tensor<5x8xf32>, tensor<5x8xf32>, tensor<5x8xf32>
}
