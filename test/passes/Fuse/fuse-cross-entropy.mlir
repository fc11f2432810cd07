// loss, lse = cross_entropy(x, t); dx = cross_entropy_grad(x, lse, t, s) -> loss, dx = cross_entropy_with_grad(x, t, s)

// RUN: peft-opt %s --peft-fuse-cross-entropy | FileCheck %s

// The backward part begins where it did.
// CHECK-LABEL: @one_reading
// CHECK-SAME:  (%[[X:.*]]: tensor<8x9xf32>, %[[T:.*]]: tensor<8xi32>, %[[S:.*]]: tensor<f32>)
func.func @one_reading(%x: tensor<8x9xf32>, %t: tensor<8xi32>, %s: tensor<f32>) -> (tensor<f32>, tensor<8x9xf32>) {
  // CHECK-NEXT: %[[L:.*]], %[[D:.*]] = nn.cross_entropy_with_grad %[[X]], %[[T]], %[[S]] {train.backward} : (tensor<8x9xf32>, tensor<8xi32>, tensor<f32>) -> (tensor<f32>, tensor<8x9xf32>)
  // CHECK-NEXT: return %[[L]], %[[D]]
  %loss, %lse = nn.cross_entropy %x, %t : (tensor<8x9xf32>, tensor<8xi32>) -> (tensor<f32>, tensor<8xf32>)
  %d = nn.cross_entropy_grad %x, %lse, %t, %s {train.backward} : (tensor<8x9xf32>, tensor<8xf32>, tensor<8xi32>, tensor<f32>) -> tensor<8x9xf32>
  return %loss, %d : tensor<f32>, tensor<8x9xf32>
}

// Refused: the loss alone, as in evaluation, and where something else wants lse.
// CHECK-LABEL: @other_readers
func.func @other_readers(%x: tensor<8x9xf32>, %t: tensor<8xi32>, %s: tensor<f32>) -> (tensor<f32>, tensor<8xf32>, tensor<8x9xf32>) {
  // CHECK: nn.cross_entropy %
  // CHECK: nn.cross_entropy_grad
  %loss, %lse = nn.cross_entropy %x, %t : (tensor<8x9xf32>, tensor<8xi32>) -> (tensor<f32>, tensor<8xf32>)
  %d = nn.cross_entropy_grad %x, %lse, %t, %s : (tensor<8x9xf32>, tensor<8xf32>, tensor<8xi32>, tensor<f32>) -> tensor<8x9xf32>
  return %loss, %lse, %d : tensor<f32>, tensor<8xf32>, tensor<8x9xf32>
}

// Refused: the loss is read before its gradient is made.
// CHECK-LABEL: @read_in_between
func.func @read_in_between(%x: tensor<8x9xf32>, %t: tensor<8xi32>) -> tensor<8x9xf32> {
  // CHECK-NOT: nn.cross_entropy_with_grad
  // CHECK: return
  %loss, %lse = nn.cross_entropy %x, %t : (tensor<8x9xf32>, tensor<8xi32>) -> (tensor<f32>, tensor<8xf32>)
  %s = arith.mulf %loss, %loss : tensor<f32>
  %d = nn.cross_entropy_grad %x, %lse, %t, %s : (tensor<8x9xf32>, tensor<8xf32>, tensor<8xi32>, tensor<f32>) -> tensor<8x9xf32>
  return %d : tensor<8x9xf32>
}
