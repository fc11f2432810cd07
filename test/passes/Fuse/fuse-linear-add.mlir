// a + linear(x, w) -> linear_add(a, x, w), where nothing else reads the product.

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

// What else reads the left side finds it unchanged: it is for the schedule to see to that.
// CHECK-LABEL: @what_is_added_to_may_have_another_reader
func.func @what_is_added_to_may_have_another_reader(%x: tensor<8x4xf32>, %u: tensor<6x4xf32>, %v: tensor<6x4xf32>) -> (tensor<8x6xf32>, tensor<8x6xf32>) {
  // CHECK-NEXT: %[[A:.*]] = nn.linear
  // CHECK-NEXT: %[[Y:.*]] = nn.linear_add %[[A]]
  // CHECK-NEXT: return %[[A]], %[[Y]]
  %0 = nn.linear %x, %u : (tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  %1 = nn.linear %x, %v : (tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  %2 = arith.addf %0, %1 : tensor<8x6xf32>
  return %0, %2 : tensor<8x6xf32>, tensor<8x6xf32>
}

// A residual is such a sum.
// CHECK-LABEL: @a_residual_is_added_to
func.func @a_residual_is_added_to(%a: tensor<8x6xf32>, %x: tensor<8x4xf32>, %u: tensor<6x4xf32>) -> tensor<8x6xf32> {
  // CHECK-SAME: (%[[A:.*]]: tensor<8x6xf32>, %[[X:.*]]: tensor<8x4xf32>, %[[U:.*]]: tensor<6x4xf32>)
  // CHECK-NEXT: %[[Y:.*]] = nn.linear_add %[[A]], %[[X]], %[[U]] :
  // CHECK-NEXT: return %[[Y]]
  %0 = nn.linear %x, %u : (tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  %1 = nn.residual %a, %0 module("mlp") : tensor<8x6xf32>
  return %1 : tensor<8x6xf32>
}

// a + linear_add(c, x, w) -> linear_add(a + c, x, w): with an adapter, whose product comes first.
// CHECK-LABEL: @the_adapter_takes_the_residual_in
func.func @the_adapter_takes_the_residual_in(%a: tensor<8x6xf32>, %x: tensor<8x4xf32>, %w: tensor<6x4xf32>, %s: tensor<8x2xf32>, %b: tensor<6x2xf32>) -> (tensor<8x6xf32>, tensor<8x6xf32>) {
  // CHECK-SAME: (%[[A:.*]]: tensor<8x6xf32>, %[[X:.*]]: tensor<8x4xf32>, %[[W:.*]]: tensor<6x4xf32>, %[[S:.*]]: tensor<8x2xf32>, %[[B:.*]]: tensor<6x2xf32>)
  // CHECK-NEXT: %[[THIN:.*]] = nn.linear_add %[[A]], %[[S]], %[[B]] {alpha = 2.000000e+00 : f64}
  // CHECK-NEXT: %[[Y:.*]] = nn.linear_add %[[THIN]], %[[X]], %[[W]] :
  // CHECK-NEXT: return %[[A]], %[[Y]]
  %0 = nn.linear %x, %w module("o_proj") : (tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  %1 = nn.linear_add %0, %s, %b {alpha = 2.0 : f64} : (tensor<8x6xf32>, tensor<8x2xf32>, tensor<6x2xf32>) -> tensor<8x6xf32>
  %2 = nn.residual %a, %1 module("self_attn") : tensor<8x6xf32>
  return %a, %2 : tensor<8x6xf32>, tensor<8x6xf32>
}

// Refused: in bfloat16 the residual would swallow what the adapter says, before the layer's product comes to it.
// CHECK-LABEL: @a_coarse_residual_takes_in_whole_branches
func.func @a_coarse_residual_takes_in_whole_branches(%a: tensor<8x6xbf16>, %x: tensor<8x4xbf16>, %w: tensor<6x4xbf16>, %s: tensor<8x2xbf16>, %b: tensor<6x2xbf16>) -> (tensor<8x6xbf16>, tensor<8x6xbf16>) {
  // CHECK-NEXT: %[[THIN:.*]] = nn.linear %arg3, %arg4
  // CHECK-NEXT: %[[BRANCH:.*]] = nn.linear_add %[[THIN]], %arg1, %arg2
  // CHECK-NEXT: %[[Y:.*]] = nn.residual %arg0, %[[BRANCH]]
  // CHECK-NEXT: nn.linear_add %[[Y]], %arg1, %arg2
  %0 = nn.linear %x, %w : (tensor<8x4xbf16>, tensor<6x4xbf16>) -> tensor<8x6xbf16>
  %1 = nn.linear_add %0, %s, %b : (tensor<8x6xbf16>, tensor<8x2xbf16>, tensor<6x2xbf16>) -> tensor<8x6xbf16>
  %2 = nn.residual %a, %1 : tensor<8x6xbf16>
  %3 = nn.linear %x, %w : (tensor<8x4xbf16>, tensor<6x4xbf16>) -> tensor<8x6xbf16>
  %4 = nn.residual %2, %3 : tensor<8x6xbf16>
  return %2, %4 : tensor<8x6xbf16>, tensor<8x6xbf16>
}

// Refused: the branch is read elsewhere too, so it is wanted without the residual.
// CHECK-LABEL: @a_branch_with_another_reader_stays
func.func @a_branch_with_another_reader_stays(%a: tensor<8x6xf32>, %x: tensor<8x4xf32>, %w: tensor<6x4xf32>, %s: tensor<8x2xf32>, %b: tensor<6x2xf32>) -> (tensor<8x6xf32>, tensor<8x6xf32>) {
  // CHECK: nn.residual
  %0 = nn.linear %s, %b : (tensor<8x2xf32>, tensor<6x2xf32>) -> tensor<8x6xf32>
  %1 = nn.linear_add %0, %x, %w : (tensor<8x6xf32>, tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  %2 = nn.residual %a, %1 : tensor<8x6xf32>
  return %1, %2 : tensor<8x6xf32>, tensor<8x6xf32>
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

// Refused: such a base adds nothing, so the residual is a sum of its own.
// CHECK-LABEL: @a_residual_of_a_base_with_a_bias
func.func @a_residual_of_a_base_with_a_bias(%a: tensor<8x6xf32>, %x: tensor<8x4xf32>, %w: tensor<6x4xf32>, %c: tensor<6xf32>, %s: tensor<8x2xf32>, %b: tensor<6x2xf32>) -> tensor<8x6xf32> {
  // CHECK-NEXT: nn.linear %{{.*}} bias
  // CHECK-NEXT: nn.linear_add
  // CHECK-NEXT: nn.residual
  %0 = nn.linear %x, %w bias %c : (tensor<8x4xf32>, tensor<6x4xf32>, tensor<6xf32>) -> tensor<8x6xf32>
  %1 = nn.linear_add %0, %s, %b : (tensor<8x6xf32>, tensor<8x2xf32>, tensor<6x2xf32>) -> tensor<8x6xf32>
  %2 = nn.residual %a, %1 : tensor<8x6xf32>
  return %2 : tensor<8x6xf32>
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

// CHECK-LABEL: @the_adapter_of_an_encoded_base_takes_the_residual_in
func.func @the_adapter_of_an_encoded_base_takes_the_residual_in(%a: tensor<8x16xf32>, %x: tensor<8x32xf32>, %w: tensor<16x32xf32, #peft.fp8>, %s: tensor<8x2xf32>, %b: tensor<16x2xf32>) -> tensor<8x16xf32> {
  // CHECK-NEXT: %[[THIN:.*]] = nn.linear_add %arg0, %arg3, %arg4
  // CHECK-NEXT: %[[Y:.*]] = peft.quantized_linear_add %[[THIN]], %arg1, %arg2
  // CHECK-NEXT: return %[[Y]]
  %0 = peft.quantized_linear %x, %w : (tensor<8x32xf32>, tensor<16x32xf32, #peft.fp8>) -> tensor<8x16xf32>
  %1 = nn.linear_add %0, %s, %b : (tensor<8x16xf32>, tensor<8x2xf32>, tensor<16x2xf32>) -> tensor<8x16xf32>
  %2 = nn.residual %a, %1 : tensor<8x16xf32>
  return %2 : tensor<8x16xf32>
}

// a + bordered_linear(x, s, w beside b) -> bordered_linear(x, s, w beside b, acc a), in bfloat16 too: what is added is
// rounded with the rest, once.
// CHECK-LABEL: @the_residual_stream_and_an_adapter
func.func @the_residual_stream_and_an_adapter(%h: tensor<8x6xbf16>, %x: tensor<8x4xbf16>, %s: tensor<8x2xbf16>, %w: tensor<6x4xbf16>, %b: tensor<6x2xbf16>) -> tensor<8x6xbf16> {
  // CHECK-NEXT: %[[Y:.*]] = nn.bordered_linear %{{.*}} beside %{{.*}} first [0] scales [2.000000e+00] acc(%{{.*}})
  // CHECK-NEXT: return %[[Y]]
  %y = nn.bordered_linear %x, %s, %w beside %b first [0] scales [2.0] : (tensor<8x4xbf16>, tensor<8x2xbf16>, tensor<6x4xbf16>, tensor<6x2xbf16>) -> tensor<8x6xbf16>
  %z = nn.residual %h, %y : tensor<8x6xbf16>
  return %z : tensor<8x6xbf16>
}

nn.parameter frozen @w : tensor<6x4xf32>
nn.parameter trainable @a : tensor<2x4xf32>
nn.parameter trainable @b : tensor<6x2xf32>

// linear_add(linear(ds, a, transposed), dy, w, transposed) -> bordered_linear(dy, ds, w beside a, transposed), where w has
// a border: a product of the forward part says so. Sums of cotangents come as they come.
// CHECK-LABEL: @a_gradient_with_a_border
func.func @a_gradient_with_a_border(%h: tensor<8x4xf32>, %dz: tensor<8x6xf32>) -> (tensor<8x6xf32>, tensor<8x4xf32>) {
  %w = nn.get @w : tensor<6x4xf32>
  %a = nn.get @a : tensor<2x4xf32>
  %b = nn.get @b : tensor<6x2xf32>
  %s = nn.linear %h, %a : (tensor<8x4xf32>, tensor<2x4xf32>) -> tensor<8x2xf32>
  %y = nn.bordered_linear %h, %s, %w beside %b first [0] scales [1.0] : (tensor<8x4xf32>, tensor<8x2xf32>, tensor<6x4xf32>, tensor<6x2xf32>) -> tensor<8x6xf32>
  // CHECK: %[[DY:.*]] = arith.mulf
  %dy = arith.mulf %dz, %dz : tensor<8x6xf32>
  %dx = nn.linear %dy, %w transposed : (tensor<8x6xf32>, tensor<6x4xf32>) -> tensor<8x4xf32>
  // CHECK: %[[DS:.*]] = nn.linear %[[DY]]
  %ds = nn.linear %dy, %b transposed : (tensor<8x6xf32>, tensor<6x2xf32>) -> tensor<8x2xf32>
  %dx2 = nn.linear %ds, %a transposed : (tensor<8x2xf32>, tensor<2x4xf32>) -> tensor<8x4xf32>
  // CHECK: %[[DX:.*]] = nn.bordered_linear %[[DY]], %[[DS]], %{{.*}} beside %{{.*}} first [0] scales [1.000000e+00] transposed
  // CHECK: return %{{.*}}, %[[DX]]
  %sum = arith.addf %dx, %dx2 : tensor<8x4xf32>
  return %y, %sum : tensor<8x6xf32>, tensor<8x4xf32>
}

// Refused: dy is an argument, beside which nothing can be put.
// CHECK-LABEL: @a_gradient_of_an_argument
func.func @a_gradient_of_an_argument(%dy: tensor<8x6xf32>) -> tensor<8x4xf32> {
  // CHECK-NOT: nn.bordered_linear
  // CHECK: return
  %w = nn.get @w : tensor<6x4xf32>
  %a = nn.get @a : tensor<2x4xf32>
  %b = nn.get @b : tensor<6x2xf32>
  %dx = nn.linear %dy, %w transposed : (tensor<8x6xf32>, tensor<6x4xf32>) -> tensor<8x4xf32>
  %ds = nn.linear %dy, %b transposed : (tensor<8x6xf32>, tensor<6x2xf32>) -> tensor<8x2xf32>
  %dx2 = nn.linear %ds, %a transposed : (tensor<8x2xf32>, tensor<2x4xf32>) -> tensor<8x4xf32>
  %sum = arith.addf %dx, %dx2 : tensor<8x4xf32>
  return %sum : tensor<8x4xf32>
}
