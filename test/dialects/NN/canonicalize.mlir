// Folds, each as its equation.

// RUN: peft-opt %s --canonicalize | FileCheck %s

// cast(x : t) : t -> x
// CHECK-LABEL: @a_cast_to_its_own_type_is_nothing
// CHECK-SAME: %[[X:.*]]: tensor<8x4xf32>
// CHECK-NEXT: return %[[X]]
func.func @a_cast_to_its_own_type_is_nothing(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %0 = nn.cast %x : tensor<8x4xf32> to tensor<8x4xf32>
  return %0 : tensor<8x4xf32>
}

// cast(cast(x : bf16) : f32) : bf16 -> x: what was widened fits again.
// CHECK-LABEL: @a_value_that_was_widened_is_itself
// CHECK-SAME: %[[X:.*]]: tensor<8x4xbf16>
// CHECK-NEXT: return %[[X]]
func.func @a_value_that_was_widened_is_itself(%x: tensor<8x4xbf16>) -> tensor<8x4xbf16> {
  %0 = nn.cast %x : tensor<8x4xbf16> to tensor<8x4xf32>
  %1 = nn.cast %0 : tensor<8x4xf32> to tensor<8x4xbf16>
  return %1 : tensor<8x4xbf16>
}

// Refused: cast(cast(x : f32) : bf16) : f32 is x rounded, not x.
// CHECK-LABEL: @a_value_that_was_rounded_stays_rounded
func.func @a_value_that_was_rounded_stays_rounded(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // CHECK-NEXT: %[[H:.*]] = nn.cast %{{.*}} : tensor<8x4xf32> to tensor<8x4xbf16>
  // CHECK-NEXT: %[[Y:.*]] = nn.cast %[[H]] : tensor<8x4xbf16> to tensor<8x4xf32>
  // CHECK-NEXT: return %[[Y]]
  %0 = nn.cast %x : tensor<8x4xf32> to tensor<8x4xbf16>
  %1 = nn.cast %0 : tensor<8x4xbf16> to tensor<8x4xf32>
  return %1 : tensor<8x4xf32>
}

// Ops of the model are pure: one that nobody reads is removed, with its weight's read.
nn.parameter frozen @w : tensor<6x4xf32>
// CHECK-LABEL: @what_nobody_reads_is_not_computed
// CHECK-NEXT: return
func.func @what_nobody_reads_is_not_computed(%x: tensor<8x4xf32>) {
  %w = nn.get @w : tensor<6x4xf32>
  %0 = nn.linear %x, %w : (tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  return
}

// dropout(x, p = 0) -> x
// CHECK-LABEL: @nothing_is_dropped
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor<8x4xf32>
// CHECK-NEXT: return %[[X]]
func.func @nothing_is_dropped(%x: tensor<8x4xf32>, %seed: i64) -> tensor<8x4xf32> {
  %0 = nn.dropout %x, %seed {p = 0.0 : f64, salt = 1 : i32} : (tensor<8x4xf32>, i64) -> tensor<8x4xf32>
  return %0 : tensor<8x4xf32>
}

// Refused: something is.
// CHECK-LABEL: @something_is_dropped
// CHECK-NEXT: nn.dropout
func.func @something_is_dropped(%x: tensor<8x4xf32>, %seed: i64) -> tensor<8x4xf32> {
  %0 = nn.dropout %x, %seed {p = 0.1 : f64, salt = 1 : i32} : (tensor<8x4xf32>, i64) -> tensor<8x4xf32>
  return %0 : tensor<8x4xf32>
}

// split_columns(concat_columns(a, b), widths of a and b) -> a, b
// CHECK-LABEL: @columns_that_were_put_together_come_apart
// CHECK-SAME: %[[A:.*]]: tensor<8x2xf32>, %[[B:.*]]: tensor<8x3xf32>
// CHECK-NEXT: return %[[A]], %[[B]]
func.func @columns_that_were_put_together_come_apart(%a: tensor<8x2xf32>, %b: tensor<8x3xf32>) -> (tensor<8x2xf32>, tensor<8x3xf32>) {
  %0 = nn.concat_columns %a, %b : (tensor<8x2xf32>, tensor<8x3xf32>) -> tensor<8x5xf32>
  %1:2 = nn.split_columns %0 [2, 3] : (tensor<8x5xf32>) -> (tensor<8x2xf32>, tensor<8x3xf32>)
  return %1#0, %1#1 : tensor<8x2xf32>, tensor<8x3xf32>
}

// Refused: the widths are others.
// CHECK-LABEL: @columns_come_apart_elsewhere
// CHECK: nn.split_columns
func.func @columns_come_apart_elsewhere(%a: tensor<8x2xf32>, %b: tensor<8x3xf32>) -> (tensor<8x3xf32>, tensor<8x2xf32>) {
  %0 = nn.concat_columns %a, %b : (tensor<8x2xf32>, tensor<8x3xf32>) -> tensor<8x5xf32>
  %1:2 = nn.split_columns %0 [3, 2] : (tensor<8x5xf32>) -> (tensor<8x3xf32>, tensor<8x2xf32>)
  return %1#0, %1#1 : tensor<8x3xf32>, tensor<8x2xf32>
}

// concat_columns(split_columns(x)) -> x
// CHECK-LABEL: @columns_that_came_apart_are_put_together
// CHECK-SAME: %[[X:.*]]: tensor<8x5xf32>
// CHECK-NEXT: return %[[X]]
func.func @columns_that_came_apart_are_put_together(%x: tensor<8x5xf32>) -> tensor<8x5xf32> {
  %0:2 = nn.split_columns %x [2, 3] : (tensor<8x5xf32>) -> (tensor<8x2xf32>, tensor<8x3xf32>)
  %1 = nn.concat_columns %0#0, %0#1 : (tensor<8x2xf32>, tensor<8x3xf32>) -> tensor<8x5xf32>
  return %1 : tensor<8x5xf32>
}

// Refused: in another order it is another matrix.
// CHECK-LABEL: @columns_in_another_order
// CHECK: nn.concat_columns
func.func @columns_in_another_order(%x: tensor<8x5xf32>) -> tensor<8x5xf32> {
  %0:2 = nn.split_columns %x [2, 3] : (tensor<8x5xf32>) -> (tensor<8x2xf32>, tensor<8x3xf32>)
  %1 = nn.concat_columns %0#1, %0#0 : (tensor<8x3xf32>, tensor<8x2xf32>) -> tensor<8x5xf32>
  return %1 : tensor<8x5xf32>
}

// split_columns(x, all columns) -> x; concat_columns(x) -> x
// CHECK-LABEL: @one_part_is_the_whole
// CHECK-SAME: %[[X:.*]]: tensor<8x5xf32>
// CHECK-NEXT: return %[[X]], %[[X]]
func.func @one_part_is_the_whole(%x: tensor<8x5xf32>) -> (tensor<8x5xf32>, tensor<8x5xf32>) {
  %0 = nn.split_columns %x [5] : (tensor<8x5xf32>) -> tensor<8x5xf32>
  %1 = nn.concat_columns %x : (tensor<8x5xf32>) -> tensor<8x5xf32>
  return %0, %1 : tensor<8x5xf32>, tensor<8x5xf32>
}
