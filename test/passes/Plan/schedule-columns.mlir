// Columns are where the whole is: products read them there and write them there, and nothing is copied.

// RUN: peft-opt %s --peft-schedule --split-input-file | FileCheck %s

nn.parameter trainable @a : tensor<2x8xf32>
nn.parameter trainable @b : tensor<3x8xf32>
nn.stack @ab [@a, @b] : tensor<5x8xf32>
nn.parameter frozen @w : tensor<9x8xf32>
nn.parameter frozen @u : tensor<8x2xf32>
nn.parameter frozen @v : tensor<8x3xf32>

// CHECK-LABEL: func.func @micro_step()
func.func @micro_step(%ids: tensor<4xi32>) -> tensor<4x8xf32> {
  %w = nn.get @w : tensor<9x8xf32>
  %u = nn.get @u : tensor<8x2xf32>
  %v = nn.get @v : tensor<8x3xf32>
  %x = nn.embedding %ids, %w : (tensor<4xi32>, tensor<9x8xf32>) -> tensor<4x8xf32>
  // The weights are one matrix where the first of them is.
  // CHECK: %[[AB:.*]] = exec.parameter @ab : memref<5x8xf32>
  // CHECK: exec.linear %[[S:linear]], %embedding, %[[AB]]
  %ab = nn.get @ab : tensor<5x8xf32>
  %s = nn.linear %x, %ab : (tensor<4x8xf32>, tensor<5x8xf32>) -> tensor<4x5xf32>
  // CHECK-NEXT: %[[SA:.*]] = exec.columns {{.*}} of %[[S]][0] : memref<4x5xf32> -> memref<4x2xf32, strided<[5, 1]>>
  // CHECK-NEXT: %[[SB:.*]] = exec.columns {{.*}} of %[[S]][2] : memref<4x5xf32> -> memref<4x3xf32, strided<[5, 1], offset: 2>>
  %sa, %sb = nn.split_columns %s [2, 3] : (tensor<4x5xf32>) -> (tensor<4x2xf32>, tensor<4x3xf32>)
  // CHECK: exec.linear %[[Y:.*]], %[[SA]], %u
  %y = nn.linear %sa, %u : (tensor<4x2xf32>, tensor<8x2xf32>) -> tensor<4x8xf32>
  // CHECK: exec.linear_add %[[Y]], %[[Y]], %[[SB]], %v
  %z = nn.linear_add %y, %sb, %v : (tensor<4x8xf32>, tensor<4x3xf32>, tensor<8x3xf32>) -> tensor<4x8xf32>
  // The later part is made first: the whole has its buffer from there on.
  // CHECK: %[[DS:.*]] = exec.buffer {{.*}} : memref<4x5xf32>
  // CHECK-NEXT: %[[DB:.*]] = exec.columns {{.*}} of %[[DS]][2] : memref<4x5xf32> -> memref<4x3xf32, strided<[5, 1], offset: 2>>
  // CHECK-NEXT: exec.linear %[[DB]], %[[Y]], %v {alpha = 1.000000e+00 : f64, transposed = true}
  %db = nn.linear %z, %v transposed : (tensor<4x8xf32>, tensor<8x3xf32>) -> tensor<4x3xf32>
  // CHECK-NEXT: %[[DA:.*]] = exec.columns {{.*}} of %[[DS]][0] : memref<4x5xf32> -> memref<4x2xf32, strided<[5, 1]>>
  // CHECK-NEXT: exec.linear %[[DA]], %[[Y]], %u
  %da = nn.linear %z, %u transposed : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x2xf32>
  %ds = nn.concat_columns %da, %db : (tensor<4x2xf32>, tensor<4x3xf32>) -> tensor<4x5xf32>
  // CHECK: %[[G:.*]] = exec.gradient @ab : memref<5x8xf32>
  // CHECK-NEXT: exec.linear_weight_grad %[[G]], %[[DS]], %embedding
  %g = nn.linear_weight_grad %ds, %x : (tensor<4x5xf32>, tensor<4x8xf32>) -> tensor<5x8xf32>
  train.accumulate @ab, %g : tensor<5x8xf32>
  return %z : tensor<4x8xf32>
}

// -----

// What is left of a whole is not overwritten while columns of it are read.
nn.parameter frozen @w : tensor<4x4xf32>
nn.parameter frozen @u : tensor<4x2xf32>

// CHECK-LABEL: func.func @forward()
func.func @forward(%ids: tensor<8xi32>) -> tensor<8x4xf32> {
  %w = nn.get @w : tensor<4x4xf32>
  %u = nn.get @u : tensor<4x2xf32>
  %x = nn.embedding %ids, %w : (tensor<8xi32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %a, %b = nn.split_columns %x [2, 2] : (tensor<8x4xf32>) -> (tensor<8x2xf32>, tensor<8x2xf32>)
  // CHECK: exec.map @mul(%[[Y:elementwise]], %embedding)
  %y = train.elementwise(%x : tensor<8x4xf32>) {
  ^bb0(%v: f32):
    %0 = arith.mulf %v, %v : f32
    train.yield %0 : f32
  } -> tensor<8x4xf32>
  // CHECK: exec.linear_add %[[Y]], %{{.*}}, %u
  %z = nn.linear_add %y, %b, %u : (tensor<8x4xf32>, tensor<8x2xf32>, tensor<4x2xf32>) -> tensor<8x4xf32>
  return %z : tensor<8x4xf32>
}
