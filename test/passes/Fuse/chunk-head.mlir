// Head and loss run over a few labelled rows at a time: the whole logits never exist.

// RUN: peft-opt %s --split-input-file --peft-chunk-head | FileCheck %s
// RUN: peft-opt %s --split-input-file --peft-chunk-head=chunk=8 | FileCheck %s --check-prefix=EIGHT

// The example of the documentation.
// EIGHT: chunk(8)
// CHECK-LABEL: @evaluate
// CHECK-SAME: %[[H:.*]]: tensor<4x256x64xf32>, %[[W:.*]]: tensor<999x64xf32>, %[[T:.*]]: tensor<4x256xi32>
func.func @evaluate(%h: tensor<4x256x64xf32>, %w: tensor<999x64xf32>, %targets: tensor<4x256xi32>) -> tensor<f32> {
  // CHECK-NEXT: %[[LOSS:.*]] = train.chunk_rows of %[[T]] rows(%[[H]], %[[T]]) chunk(256) sums([true]) {
  // CHECK-NEXT: ^bb0(%[[HC:.*]]: tensor<256x64xf32>, %[[TC:.*]]: tensor<256xi32>):
  // CHECK-NEXT:   %[[Y:.*]] = nn.linear %[[HC]], %[[W]] : (tensor<256x64xf32>, tensor<999x64xf32>) -> tensor<256x999xf32>
  // CHECK-NEXT:   %[[SUM:.*]], %{{.*}} = nn.cross_entropy %[[Y]], %[[TC]] : (tensor<256x999xf32>, tensor<256xi32>) -> (tensor<f32>, tensor<256xf32>)
  // CHECK-NEXT:   train.yield %[[SUM]] : tensor<f32>
  // CHECK-NEXT: } : (tensor<4x256xi32>, tensor<4x256x64xf32>, tensor<4x256xi32>) -> tensor<f32>
  // CHECK-NEXT: return %[[LOSS]]
  %logits = nn.linear %h, %w : (tensor<4x256x64xf32>, tensor<999x64xf32>) -> tensor<4x256x999xf32>
  %loss, %lse = nn.cross_entropy %logits, %targets : (tensor<4x256x999xf32>, tensor<4x256xi32>) -> (tensor<f32>, tensor<4x256xf32>)
  return %loss : tensor<f32>
}

// -----

// With the backward pass and a trained head whose weight has an adapter: forward and backward of the head share the
// region, gradients are accumulated in it, and the hidden states' cotangent comes out of it.
nn.parameter trainable @head : tensor<9x4xf32>
nn.parameter trainable @b : tensor<9x2xf32>

// A chunk is never larger than the batch.
// EIGHT: chunk(8)
// CHECK-LABEL: @micro_step
func.func @micro_step(%h: tensor<2x8x4xf32>, %s: tensor<2x8x2xf32>, %t: tensor<2x8xi32>, %scale: tensor<f32>) -> (tensor<f32>, tensor<2x8x4xf32>, tensor<2x8x2xf32>) {
  // CHECK-NEXT: %[[W:.*]] = nn.get @head
  // CHECK-NEXT: %[[B:.*]] = nn.get @b
  %w = nn.get @head : tensor<9x4xf32>
  %b = nn.get @b : tensor<9x2xf32>
  // CHECK-NEXT: %[[R:.*]]:3 = train.chunk_rows of %{{.*}} rows(%{{.*}}, %{{.*}}, %{{.*}}) chunk(16) sums([true, false, false]) {
  // CHECK-NEXT: ^bb0(%[[HC:.*]]: tensor<16x4xf32>, %[[SC:.*]]: tensor<16x2xf32>, %[[TC:.*]]: tensor<16xi32>):
  // CHECK-NEXT:   %[[Y:.*]] = nn.linear %[[HC]], %[[W]]
  // CHECK-NEXT:   %[[Z:.*]] = nn.linear_add %[[Y]], %[[SC]], %[[B]]
  // CHECK-NEXT:   %[[SUM:.*]], %[[LSE:.*]] = nn.cross_entropy %[[Z]], %[[TC]]
  // CHECK-NEXT:   %[[D:.*]] = nn.cross_entropy_grad %[[Z]], %[[LSE]], %[[TC]], %{{.*}} {train.backward} :
  // CHECK-NEXT:   %[[DS:.*]] = nn.linear %[[D]], %[[B]] transposed
  // CHECK-NEXT:   %[[DB:.*]] = nn.linear_weight_grad %[[D]], %[[SC]]
  // CHECK-NEXT:   train.accumulate @b, %[[DB]]
  // CHECK-NEXT:   %[[DH:.*]] = nn.linear %[[D]], %[[W]] transposed
  // CHECK-NEXT:   %[[DW:.*]] = nn.linear_weight_grad %[[D]], %[[HC]]
  // CHECK-NEXT:   train.accumulate @head, %[[DW]]
  // CHECK-NEXT:   train.yield %[[SUM]], %[[DS]], %[[DH]] : tensor<f32>, tensor<16x2xf32>, tensor<16x4xf32>
  // CHECK-NEXT: }
  // CHECK-NEXT: return %[[R]]#0, %[[R]]#2, %[[R]]#1
  %y = nn.linear %h, %w : (tensor<2x8x4xf32>, tensor<9x4xf32>) -> tensor<2x8x9xf32>
  %z = nn.linear_add %y, %s, %b : (tensor<2x8x9xf32>, tensor<2x8x2xf32>, tensor<9x2xf32>) -> tensor<2x8x9xf32>
  %loss, %lse = nn.cross_entropy %z, %t : (tensor<2x8x9xf32>, tensor<2x8xi32>) -> (tensor<f32>, tensor<2x8xf32>)
  %d = nn.cross_entropy_grad %z, %lse, %t, %scale {train.backward} : (tensor<2x8x9xf32>, tensor<2x8xf32>, tensor<2x8xi32>, tensor<f32>) -> tensor<2x8x9xf32>
  %ds = nn.linear %d, %b transposed : (tensor<2x8x9xf32>, tensor<9x2xf32>) -> tensor<2x8x2xf32>
  %db = nn.linear_weight_grad %d, %s : (tensor<2x8x9xf32>, tensor<2x8x2xf32>) -> tensor<9x2xf32>
  %dh = nn.linear %d, %w transposed : (tensor<2x8x9xf32>, tensor<9x4xf32>) -> tensor<2x8x4xf32>
  %dw = nn.linear_weight_grad %d, %h : (tensor<2x8x9xf32>, tensor<2x8x4xf32>) -> tensor<9x4xf32>
  train.accumulate @b, %db : tensor<9x2xf32>
  train.accumulate @head, %dw : tensor<9x4xf32>
  return %loss, %dh, %ds : tensor<f32>, tensor<2x8x4xf32>, tensor<2x8x2xf32>
}

// -----

// Trained rows of a tied head: their logits come in as rows, are put in place in the region, and their cotangent
// comes out. A splat constant on the logits is made in the region: the same in every row.
// CHECK-LABEL: @tied_rows
func.func @tied_rows(%h: tensor<2x8x4xf32>, %c: tensor<2x8x2xf32>, %w: tensor<9x4xf32>, %t: tensor<2x8xi32>, %scale: tensor<f32>) -> (tensor<f32>, tensor<2x8x4xf32>, tensor<2x8x2xf32>) {
  // CHECK: train.chunk_rows of %{{.*}} chunk(16) sums([true, false, false]) {
  // CHECK-NEXT: ^bb0(%[[HC:.*]]: tensor<16x4xf32>, %[[CC:.*]]: tensor<16x2xf32>, %[[TC:.*]]: tensor<16xi32>):
  // CHECK-NEXT:   %[[TWO:.*]] = arith.constant dense<2.000000e+00> : tensor<16x9xf32>
  // CHECK-NEXT:   %[[Y:.*]] = nn.linear %[[HC]], %{{.*}} -> tensor<16x9xf32>
  // CHECK-NEXT:   %[[Z:.*]] = peft.override_columns %[[Y]], %[[CC]] {indices = array<i32: 7, 2>} : (tensor<16x9xf32>, tensor<16x2xf32>) -> tensor<16x9xf32>
  // CHECK-NEXT:   %[[S:.*]] = arith.mulf %[[Z]], %[[TWO]] : tensor<16x9xf32>
  // CHECK-NEXT:   nn.cross_entropy %[[S]], %[[TC]]
  // CHECK-NEXT:   %[[D:.*]] = nn.cross_entropy_grad %[[S]]
  // CHECK-NEXT:   %[[DZ:.*]] = arith.mulf %[[D]], %[[TWO]] : tensor<16x9xf32>
  // CHECK-NEXT:   %[[DC:.*]] = peft.select_columns %[[DZ]] {indices = array<i32: 7, 2>} : (tensor<16x9xf32>) -> tensor<16x2xf32>
  // CHECK-NEXT:   %[[DY:.*]] = peft.override_columns_grad %[[DZ]] {indices = array<i32: 7, 2>} : (tensor<16x9xf32>) -> tensor<16x9xf32>
  // CHECK-NEXT:   %[[DH:.*]] = nn.linear %[[DY]], %{{.*}} transposed
  // CHECK-NEXT:   train.yield %{{.*}}, %[[DC]], %[[DH]] : tensor<f32>, tensor<16x2xf32>, tensor<16x4xf32>
  %two = arith.constant dense<2.0> : tensor<2x8x9xf32>
  %y = nn.linear %h, %w : (tensor<2x8x4xf32>, tensor<9x4xf32>) -> tensor<2x8x9xf32>
  %z = peft.override_columns %y, %c {indices = array<i32: 7, 2>} : (tensor<2x8x9xf32>, tensor<2x8x2xf32>) -> tensor<2x8x9xf32>
  %s = arith.mulf %z, %two : tensor<2x8x9xf32>
  %loss, %lse = nn.cross_entropy %s, %t : (tensor<2x8x9xf32>, tensor<2x8xi32>) -> (tensor<f32>, tensor<2x8xf32>)
  %d = nn.cross_entropy_grad %s, %lse, %t, %scale : (tensor<2x8x9xf32>, tensor<2x8xf32>, tensor<2x8xi32>, tensor<f32>) -> tensor<2x8x9xf32>
  %dz = arith.mulf %d, %two : tensor<2x8x9xf32>
  %dc = peft.select_columns %dz {indices = array<i32: 7, 2>} : (tensor<2x8x9xf32>) -> tensor<2x8x2xf32>
  %dy = peft.override_columns_grad %dz {indices = array<i32: 7, 2>} : (tensor<2x8x9xf32>) -> tensor<2x8x9xf32>
  %dh = nn.linear %dy, %w transposed : (tensor<2x8x9xf32>, tensor<9x4xf32>) -> tensor<2x8x4xf32>
  return %loss, %dh, %dc : tensor<f32>, tensor<2x8x4xf32>, tensor<2x8x2xf32>
}
