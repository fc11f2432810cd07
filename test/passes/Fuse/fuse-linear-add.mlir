// a + linear(x, w) -> linear_add(a, x, w), where neither has another reader.

// RUN: peft-opt %s --peft-fuse-linear-add | FileCheck %s

// CHECK-LABEL: @a_sum_of_products_is_added_up_in_one_buffer
func.func @a_sum_of_products_is_added_up_in_one_buffer(%x: tensor<8x4xf32>, %u: tensor<6x4xf32>, %v: tensor<4x6xf32>, %w: tensor<6x4xf32>) -> tensor<8x6xf32> {
  // CHECK-NEXT: %[[A:.*]] = nn.linear %[[X:.*]], %{{.*}} : (tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  // CHECK-NEXT: %[[B:.*]] = nn.linear_add %[[A]], %[[X]], %{{.*}} transposed {alpha = 2.000000e+00 : f64} : (tensor<8x6xf32>, tensor<8x4xf32>, tensor<4x6xf32>)
  // CHECK-NEXT: %[[C:.*]] = nn.linear_add %[[B]], %[[X]], %{{.*}} : (tensor<8x6xf32>, tensor<8x4xf32>, tensor<6x4xf32>)
  // CHECK-NEXT: return %[[C]]
  %0 = nn.linear %x, %u : (tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  %1 = nn.linear %x, %v transposed {alpha = 2.0 : f64} : (tensor<8x4xf32>, tensor<4x6xf32>) -> tensor<8x6xf32>
  %2 = arith.addf %0, %1 : tensor<8x6xf32>
  %3 = nn.linear %x, %w : (tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  %4 = arith.addf %2, %3 : tensor<8x6xf32>
  return %4 : tensor<8x6xf32>
}

// Refused: the product is read elsewhere too.
// CHECK-LABEL: @a_product_with_another_reader_stays
func.func @a_product_with_another_reader_stays(%x: tensor<8x4xf32>, %u: tensor<6x4xf32>, %v: tensor<6x4xf32>) -> (tensor<8x6xf32>, tensor<8x6xf32>) {
  // CHECK-NOT: nn.linear_add
  %0 = nn.linear %x, %u : (tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  %1 = nn.linear %x, %v : (tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  %2 = arith.addf %0, %1 : tensor<8x6xf32>
  return %1, %2 : tensor<8x6xf32>, tensor<8x6xf32>
}

// Refused: what would be added to is read elsewhere too.
// CHECK-LABEL: @a_sum_with_another_reader_stays
func.func @a_sum_with_another_reader_stays(%x: tensor<8x4xf32>, %u: tensor<6x4xf32>, %v: tensor<6x4xf32>) -> (tensor<8x6xf32>, tensor<8x6xf32>) {
  // CHECK-NOT: nn.linear_add
  %0 = nn.linear %x, %u : (tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  %1 = nn.linear %x, %v : (tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  %2 = arith.addf %0, %1 : tensor<8x6xf32>
  return %0, %2 : tensor<8x6xf32>, tensor<8x6xf32>
}

// Refused: what the caller passes is not ours to add to.
// CHECK-LABEL: @an_argument_is_not_added_to
func.func @an_argument_is_not_added_to(%a: tensor<8x6xf32>, %x: tensor<8x4xf32>, %u: tensor<6x4xf32>) -> tensor<8x6xf32> {
  // CHECK-NOT: nn.linear_add
  %0 = nn.linear %x, %u : (tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  %1 = arith.addf %a, %0 : tensor<8x6xf32>
  return %1 : tensor<8x6xf32>
}

// Refused: a product with a bias has no form that adds.
// CHECK-LABEL: @a_bias_stays
func.func @a_bias_stays(%x: tensor<8x4xf32>, %u: tensor<6x4xf32>, %b: tensor<6xf32>) -> tensor<8x6xf32> {
  // CHECK-NOT: nn.linear_add
  %0 = nn.linear %x, %u : (tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  %1 = nn.linear %x, %u bias %b : (tensor<8x4xf32>, tensor<6x4xf32>, tensor<6xf32>) -> tensor<8x6xf32>
  %2 = arith.addf %0, %1 : tensor<8x6xf32>
  return %2 : tensor<8x6xf32>
}

// linear_add(linear(x, w), s, b) -> linear_add(linear(s, b), x, w): adding is hidden in the deeper product.
// CHECK-LABEL: @a_thin_product_comes_first
func.func @a_thin_product_comes_first(%x: tensor<8x4xf32>, %w: tensor<6x4xf32>, %s: tensor<8x2xf32>, %b: tensor<6x2xf32>) -> tensor<8x6xf32> {
  // CHECK-SAME: (%[[X:.*]]: tensor<8x4xf32>, %[[W:.*]]: tensor<6x4xf32>, %[[S:.*]]: tensor<8x2xf32>, %[[B:.*]]: tensor<6x2xf32>)
  // CHECK-NEXT: %[[THIN:.*]] = nn.linear %[[S]], %[[B]] {alpha = 2.000000e+00 : f64}
  // CHECK-NEXT: %[[Y:.*]] = nn.linear_add %[[THIN]], %[[X]], %[[W]]
  // CHECK-NEXT: return %[[Y]]
  %0 = nn.linear %x, %w module("q_proj") : (tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  %1 = nn.linear_add %0, %s, %b {alpha = 2.0 : f64} : (tensor<8x6xf32>, tensor<8x2xf32>, tensor<6x2xf32>) -> tensor<8x6xf32>
  return %1 : tensor<8x6xf32>
}

// Refused: a base product with a bias has no form that adds.
// CHECK-LABEL: @a_base_with_a_bias_comes_first
func.func @a_base_with_a_bias_comes_first(%x: tensor<8x4xf32>, %w: tensor<6x4xf32>, %c: tensor<6xf32>, %s: tensor<8x2xf32>, %b: tensor<6x2xf32>) -> tensor<8x6xf32> {
  // CHECK-NEXT: nn.linear %{{.*}} bias
  // CHECK-NEXT: nn.linear_add
  %0 = nn.linear %x, %w bias %c : (tensor<8x4xf32>, tensor<6x4xf32>, tensor<6xf32>) -> tensor<8x6xf32>
  %1 = nn.linear_add %0, %s, %b : (tensor<8x6xf32>, tensor<8x2xf32>, tensor<6x2xf32>) -> tensor<8x6xf32>
  return %1 : tensor<8x6xf32>
}

// The same for products of encoded weights: the sum of two, and an adapter's product that goes first.
// CHECK-LABEL: @encoded_weights
func.func @encoded_weights(%x: tensor<8x32xf32>, %u: tensor<16x32xf32, #peft.fp8>, %v: tensor<32x16xf32, #peft.fp8>, %s: tensor<8x2xf32>, %b: tensor<16x2xf32>) -> tensor<8x16xf32> {
  // CHECK-NEXT: %[[THIN:.*]] = nn.linear %[[S:.*]], %{{.*}} {alpha = 2.000000e+00 : f64} : (tensor<8x2xf32>
  // CHECK-NEXT: %[[A:.*]] = peft.quantized_linear_add %[[THIN]], %[[X:.*]], %{{.*}} : (tensor<8x16xf32>, tensor<8x32xf32>, tensor<16x32xf32, #peft.fp8>)
  // CHECK-NEXT: %[[B:.*]] = peft.quantized_linear_add %[[A]], %[[X]], %{{.*}} transposed {alpha = 5.000000e-01 : f64}
  // CHECK-NEXT: return %[[B]]
  %0 = peft.quantized_linear %x, %u : (tensor<8x32xf32>, tensor<16x32xf32, #peft.fp8>) -> tensor<8x16xf32>
  %1 = nn.linear_add %0, %s, %b {alpha = 2.0 : f64} : (tensor<8x16xf32>, tensor<8x2xf32>, tensor<16x2xf32>) -> tensor<8x16xf32>
  %2 = peft.quantized_linear %x, %v transposed {alpha = 0.5 : f64} : (tensor<8x32xf32>, tensor<32x16xf32, #peft.fp8>) -> tensor<8x16xf32>
  %3 = arith.addf %1, %2 : tensor<8x16xf32>
  return %3 : tensor<8x16xf32>
}

// Refused: a bias of an encoded product.
// CHECK-LABEL: @an_encoded_base_with_a_bias_comes_first
func.func @an_encoded_base_with_a_bias_comes_first(%x: tensor<8x32xf32>, %w: tensor<16x32xf32, #peft.fp8>, %c: tensor<16xf32>, %s: tensor<8x2xf32>, %b: tensor<16x2xf32>) -> tensor<8x16xf32> {
  // CHECK-NEXT: peft.quantized_linear %{{.*}} bias
  // CHECK-NEXT: nn.linear_add
  %0 = peft.quantized_linear %x, %w bias %c : (tensor<8x32xf32>, tensor<16x32xf32, #peft.fp8>, tensor<16xf32>) -> tensor<8x16xf32>
  %1 = nn.linear_add %0, %s, %b : (tensor<8x16xf32>, tensor<8x2xf32>, tensor<16x2xf32>) -> tensor<8x16xf32>
  return %1 : tensor<8x16xf32>
}
