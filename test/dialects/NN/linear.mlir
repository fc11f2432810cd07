// Rows of a table and products with a weight.

// RUN: peft-opt %s | peft-opt | FileCheck %s
// RUN: peft-opt %s --mlir-print-op-generic | peft-opt | FileCheck %s

// CHECK-LABEL: @embedding_takes_a_row_for_each_id
func.func @embedding_takes_a_row_for_each_id(%ids: tensor<2x8xi32>, %table: tensor<199x64xbf16>) -> tensor<2x8x64xbf16> {
  // CHECK: nn.embedding %{{.*}}, %{{.*}} module("model.embed_tokens") : (tensor<2x8xi32>, tensor<199x64xbf16>) -> tensor<2x8x64xbf16>
  %0 = nn.embedding %ids, %table module("model.embed_tokens") : (tensor<2x8xi32>, tensor<199x64xbf16>) -> tensor<2x8x64xbf16>
  return %0 : tensor<2x8x64xbf16>
}

// The example of the documentation.
// CHECK-LABEL: @linear_takes_its_weight_as_torch_stores_it
func.func @linear_takes_its_weight_as_torch_stores_it(%x: tensor<2x8x64xf32>, %w: tensor<199x64xf32>) -> tensor<2x8x199xf32> {
  // CHECK: nn.linear %{{.*}}, %{{.*}} module("lm_head") : (tensor<2x8x64xf32>, tensor<199x64xf32>) -> tensor<2x8x199xf32>
  %y = nn.linear %x, %w module("lm_head") : (tensor<2x8x64xf32>, tensor<199x64xf32>) -> tensor<2x8x199xf32>
  return %y : tensor<2x8x199xf32>
}

// CHECK-LABEL: @linear_takes_conv1d_weights_and_a_bias
func.func @linear_takes_conv1d_weights_and_a_bias(%x: tensor<8x4xf32>, %w: tensor<4x6xf32>, %b: tensor<6xf32>) -> tensor<8x6xf32> {
  // CHECK: nn.linear %{{.*}}, %{{.*}} bias %{{.*}} transposed {alpha = 5.000000e-01 : f64} : (tensor<8x4xf32>, tensor<4x6xf32>, tensor<6xf32>) -> tensor<8x6xf32>
  %y = nn.linear %x, %w bias %b transposed {alpha = 0.5 : f64} : (tensor<8x4xf32>, tensor<4x6xf32>, tensor<6xf32>) -> tensor<8x6xf32>
  return %y : tensor<8x6xf32>
}

// CHECK-LABEL: @linear_add_adds_to_what_is_there
func.func @linear_add_adds_to_what_is_there(%a: tensor<8x6xf32>, %x: tensor<8x4xf32>, %w: tensor<6x4xf32>, %v: tensor<4x6xf32>) -> tensor<8x6xf32> {
  // CHECK: nn.linear_add %{{.*}}, %{{.*}}, %{{.*}} {alpha = 2.000000e+00 : f64} : (tensor<8x6xf32>, tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  %0 = nn.linear_add %a, %x, %w {alpha = 2.0 : f64} : (tensor<8x6xf32>, tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  // CHECK: nn.linear_add %{{.*}}, %{{.*}}, %{{.*}} transposed : (tensor<8x6xf32>, tensor<8x4xf32>, tensor<4x6xf32>) -> tensor<8x6xf32>
  %1 = nn.linear_add %0, %x, %v transposed : (tensor<8x6xf32>, tensor<8x4xf32>, tensor<4x6xf32>) -> tensor<8x6xf32>
  return %1 : tensor<8x6xf32>
}

// CHECK-LABEL: @columns_of_a_matrix_are_matrices_side_by_side
func.func @columns_of_a_matrix_are_matrices_side_by_side(%x: tensor<2x8x48xf32>) -> tensor<2x8x48xf32> {
  // CHECK: %[[S:.*]]:2 = nn.split_columns %{{.*}} [32, 16] : (tensor<2x8x48xf32>) -> (tensor<2x8x32xf32>, tensor<2x8x16xf32>)
  %0:2 = nn.split_columns %x [32, 16] : (tensor<2x8x48xf32>) -> (tensor<2x8x32xf32>, tensor<2x8x16xf32>)
  // CHECK: nn.concat_columns %[[S]]#1, %[[S]]#0 : (tensor<2x8x16xf32>, tensor<2x8x32xf32>) -> tensor<2x8x48xf32>
  %1 = nn.concat_columns %0#1, %0#0 : (tensor<2x8x16xf32>, tensor<2x8x32xf32>) -> tensor<2x8x48xf32>
  return %1 : tensor<2x8x48xf32>
}

// CHECK-LABEL: @bordered_linear_takes_adapters_in
func.func @bordered_linear_takes_adapters_in(%x: tensor<8x64xbf16>, %s: tensor<8x6xbf16>, %w: tensor<32x64xbf16>, %q: tensor<16x4xbf16>, %v: tensor<8x2xbf16>, %h: tensor<8x32xbf16>) -> tensor<8x32xbf16> {
  // CHECK: nn.bordered_linear %{{.*}}, %{{.*}}, %{{.*}} beside %{{.*}}, %{{.*}} first [0, 24] scales [2.000000e+00, 4.000000e+00] acc(%{{.*}}) : (tensor<8x64xbf16>, tensor<8x6xbf16>, tensor<32x64xbf16>, tensor<16x4xbf16>, tensor<8x2xbf16>, tensor<8x32xbf16>) -> tensor<8x32xbf16>
  %y = nn.bordered_linear %x, %s, %w beside %q, %v first [0, 24] scales [2.0, 4.0] acc(%h) : (tensor<8x64xbf16>, tensor<8x6xbf16>, tensor<32x64xbf16>, tensor<16x4xbf16>, tensor<8x2xbf16>, tensor<8x32xbf16>) -> tensor<8x32xbf16>
  return %y : tensor<8x32xbf16>
}

// Backwards the adapter's weight lies below the layer's.
// CHECK-LABEL: @bordered_linear_transposed
func.func @bordered_linear_transposed(%dy: tensor<8x32xbf16>, %ds: tensor<8x4xbf16>, %w: tensor<32x64xbf16>, %a: tensor<4x64xbf16>) -> tensor<8x64xbf16> {
  // CHECK: nn.bordered_linear %{{.*}}, %{{.*}}, %{{.*}} beside %{{.*}} first [0] scales [1.000000e+00] transposed : (tensor<8x32xbf16>, tensor<8x4xbf16>, tensor<32x64xbf16>, tensor<4x64xbf16>) -> tensor<8x64xbf16>
  %dx = nn.bordered_linear %dy, %ds, %w beside %a first [0] scales [1.0] transposed : (tensor<8x32xbf16>, tensor<8x4xbf16>, tensor<32x64xbf16>, tensor<4x64xbf16>) -> tensor<8x64xbf16>
  return %dx : tensor<8x64xbf16>
}
