// What stays as it is: no two products that could be one.

// RUN: peft-opt %s --split-input-file --peft-group-linears | FileCheck %s --implicit-check-not=nn.split_columns --implicit-check-not=nn.stack

// Each reads x through a mask of its own: those are two values.
nn.parameter trainable @a : tensor<4x64xf32>
nn.parameter trainable @b : tensor<4x64xf32>
nn.parameter frozen @w : tensor<64x4xf32>

// CHECK-LABEL: @dropout
func.func @dropout(%x: tensor<5x64xf32>, %seed: i64) -> (tensor<5x64xf32>, tensor<5x64xf32>) {
  %a = nn.get @a : tensor<4x64xf32>
  %b = nn.get @b : tensor<4x64xf32>
  %w = nn.get @w : tensor<64x4xf32>
  %xa = nn.dropout %x, %seed {p = 0.1 : f64, salt = 1 : i32} : (tensor<5x64xf32>, i64) -> tensor<5x64xf32>
  %xb = nn.dropout %x, %seed {p = 0.1 : f64, salt = 2 : i32} : (tensor<5x64xf32>, i64) -> tensor<5x64xf32>
  %sa = nn.linear %xa, %a : (tensor<5x64xf32>, tensor<4x64xf32>) -> tensor<5x4xf32>
  %sb = nn.linear %xb, %b : (tensor<5x64xf32>, tensor<4x64xf32>) -> tensor<5x4xf32>
  %ya = nn.linear %sa, %w : (tensor<5x4xf32>, tensor<64x4xf32>) -> tensor<5x64xf32>
  %yb = nn.linear %sb, %w : (tensor<5x4xf32>, tensor<64x4xf32>) -> tensor<5x64xf32>
  return %ya, %yb : tensor<5x64xf32>, tensor<5x64xf32>
}

// -----

// What picks single columns finds them in a matrix of its own only.
nn.parameter trainable @a : tensor<4x64xf32>
nn.parameter trainable @b : tensor<4x64xf32>
nn.parameter frozen @w : tensor<64x4xf32>

// CHECK-LABEL: @another_reader
func.func @another_reader(%x: tensor<5x64xf32>) -> (tensor<5x64xf32>, tensor<5x64xf32>) {
  %a = nn.get @a : tensor<4x64xf32>
  %b = nn.get @b : tensor<4x64xf32>
  %w = nn.get @w : tensor<64x4xf32>
  %sa = nn.linear %x, %a : (tensor<5x64xf32>, tensor<4x64xf32>) -> tensor<5x4xf32>
  %sb = nn.linear %x, %b : (tensor<5x64xf32>, tensor<4x64xf32>) -> tensor<5x4xf32>
  %ga = peft.select_columns %sa {indices = array<i32: 3, 2, 1, 0>} : (tensor<5x4xf32>) -> tensor<5x4xf32>
  %ya = nn.linear %ga, %w : (tensor<5x4xf32>, tensor<64x4xf32>) -> tensor<5x64xf32>
  %yb = nn.linear %sb, %w : (tensor<5x4xf32>, tensor<64x4xf32>) -> tensor<5x64xf32>
  return %ya, %yb : tensor<5x64xf32>, tensor<5x64xf32>
}

// -----

// Frozen weights lie where the model's file has them, unless the pass may move them (`frozen`).
nn.parameter frozen @a : tensor<4x64xf32>
nn.parameter frozen @b : tensor<4x64xf32>
nn.parameter frozen @w : tensor<64x4xf32>

// CHECK-LABEL: @frozen
func.func @frozen(%x: tensor<5x64xf32>) -> (tensor<5x64xf32>, tensor<5x64xf32>) {
  %a = nn.get @a : tensor<4x64xf32>
  %b = nn.get @b : tensor<4x64xf32>
  %w = nn.get @w : tensor<64x4xf32>
  %sa = nn.linear %x, %a : (tensor<5x64xf32>, tensor<4x64xf32>) -> tensor<5x4xf32>
  %sb = nn.linear %x, %b : (tensor<5x64xf32>, tensor<4x64xf32>) -> tensor<5x4xf32>
  %ya = nn.linear %sa, %w : (tensor<5x4xf32>, tensor<64x4xf32>) -> tensor<5x64xf32>
  %yb = nn.linear %sb, %w : (tensor<5x4xf32>, tensor<64x4xf32>) -> tensor<5x64xf32>
  return %ya, %yb : tensor<5x64xf32>, tensor<5x64xf32>
}

// -----

// A factor belongs to one of the two.
nn.parameter trainable @a : tensor<4x64xf32>
nn.parameter trainable @b : tensor<4x64xf32>
nn.parameter frozen @w : tensor<64x4xf32>

// CHECK-LABEL: @a_factor
func.func @a_factor(%x: tensor<5x64xf32>) -> (tensor<5x64xf32>, tensor<5x64xf32>) {
  %a = nn.get @a : tensor<4x64xf32>
  %b = nn.get @b : tensor<4x64xf32>
  %w = nn.get @w : tensor<64x4xf32>
  %sa = nn.linear %x, %a {alpha = 2.0 : f64} : (tensor<5x64xf32>, tensor<4x64xf32>) -> tensor<5x4xf32>
  %sb = nn.linear %x, %b : (tensor<5x64xf32>, tensor<4x64xf32>) -> tensor<5x4xf32>
  %ya = nn.linear %sa, %w : (tensor<5x4xf32>, tensor<64x4xf32>) -> tensor<5x64xf32>
  %yb = nn.linear %sb, %w : (tensor<5x4xf32>, tensor<64x4xf32>) -> tensor<5x64xf32>
  return %ya, %yb : tensor<5x64xf32>, tensor<5x64xf32>
}

// -----

// So does a bias.
nn.parameter trainable @a : tensor<4x64xf32>
nn.parameter trainable @b : tensor<4x64xf32>
nn.parameter frozen @w : tensor<64x4xf32>
nn.parameter trainable @c : tensor<4xf32>

// CHECK-LABEL: @a_bias
func.func @a_bias(%x: tensor<5x64xf32>) -> (tensor<5x64xf32>, tensor<5x64xf32>) {
  %a = nn.get @a : tensor<4x64xf32>
  %b = nn.get @b : tensor<4x64xf32>
  %w = nn.get @w : tensor<64x4xf32>
  %c = nn.get @c : tensor<4xf32>
  %sa = nn.linear %x, %a bias %c : (tensor<5x64xf32>, tensor<4x64xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  %sb = nn.linear %x, %b : (tensor<5x64xf32>, tensor<4x64xf32>) -> tensor<5x4xf32>
  %ya = nn.linear %sa, %w : (tensor<5x4xf32>, tensor<64x4xf32>) -> tensor<5x64xf32>
  %yb = nn.linear %sb, %w : (tensor<5x4xf32>, tensor<64x4xf32>) -> tensor<5x64xf32>
  return %ya, %yb : tensor<5x64xf32>, tensor<5x64xf32>
}

// -----

// A weight has one place: the second product of one is not part of a group.
nn.parameter trainable @a : tensor<4x64xf32>
nn.parameter trainable @b : tensor<4x64xf32>
nn.parameter frozen @w : tensor<64x4xf32>

// CHECK-LABEL: @one_weight_twice
func.func @one_weight_twice(%x: tensor<5x64xf32>) -> (tensor<5x64xf32>, tensor<5x64xf32>) {
  %a = nn.get @a : tensor<4x64xf32>
  %b = nn.get @b : tensor<4x64xf32>
  %w = nn.get @w : tensor<64x4xf32>
  %sa = nn.linear %x, %a : (tensor<5x64xf32>, tensor<4x64xf32>) -> tensor<5x4xf32>
  %sb = nn.linear %x, %a : (tensor<5x64xf32>, tensor<4x64xf32>) -> tensor<5x4xf32>
  %ya = nn.linear %sa, %w : (tensor<5x4xf32>, tensor<64x4xf32>) -> tensor<5x64xf32>
  %yb = nn.linear %sb, %w : (tensor<5x4xf32>, tensor<64x4xf32>) -> tensor<5x64xf32>
  return %ya, %yb : tensor<5x64xf32>, tensor<5x64xf32>
}

// -----

// Behind 60 floats there is a gap, as each parameter begins at a multiple of 64 bytes.
nn.parameter trainable @a : tensor<3x20xf32>
nn.parameter trainable @b : tensor<3x20xf32>
nn.parameter frozen @w : tensor<64x3xf32>

// CHECK-LABEL: @a_gap
func.func @a_gap(%x: tensor<5x20xf32>) -> (tensor<5x64xf32>, tensor<5x64xf32>) {
  %a = nn.get @a : tensor<3x20xf32>
  %b = nn.get @b : tensor<3x20xf32>
  %w = nn.get @w : tensor<64x3xf32>
  %sa = nn.linear %x, %a : (tensor<5x20xf32>, tensor<3x20xf32>) -> tensor<5x3xf32>
  %sb = nn.linear %x, %b : (tensor<5x20xf32>, tensor<3x20xf32>) -> tensor<5x3xf32>
  %ya = nn.linear %sa, %w : (tensor<5x3xf32>, tensor<64x3xf32>) -> tensor<5x64xf32>
  %yb = nn.linear %sb, %w : (tensor<5x3xf32>, tensor<64x3xf32>) -> tensor<5x64xf32>
  return %ya, %yb : tensor<5x64xf32>, tensor<5x64xf32>
}
