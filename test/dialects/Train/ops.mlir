// The training step as IR: gradients, fused shapes, the optimizer.

// RUN: peft-opt %s | peft-opt | FileCheck %s
// RUN: peft-opt %s --mlir-print-op-generic | peft-opt | FileCheck %s

nn.parameter trainable @"base_model.model.lm_head.lora_A.weight" : tensor<4x64xf32>

// The example of the documentation.
// CHECK-LABEL: @a_gradient_is_added_to_its_parameter
func.func @a_gradient_is_added_to_its_parameter(%dA: tensor<4x64xf32>) {
  // CHECK: train.accumulate @base_model.model.lm_head.lora_A.weight, %{{.*}} : tensor<4x64xf32>
  train.accumulate @"base_model.model.lm_head.lora_A.weight", %dA : tensor<4x64xf32>
  return
}

// The example of the documentation.
// CHECK-LABEL: @a_tree_of_pointwise_ops_is_one_pass
func.func @a_tree_of_pointwise_ops_is_one_pass(%gate: tensor<8x112xf32>, %up: tensor<8x112xf32>) -> tensor<8x112xf32> {
  // CHECK:      train.elementwise(%{{.*}}, %{{.*}} : tensor<8x112xf32>, tensor<8x112xf32>) {
  // CHECK-NEXT: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32):
  // CHECK-NEXT:   %[[S:.*]] = nn.activation silu %[[A]] : f32
  // CHECK-NEXT:   %[[P:.*]] = arith.mulf %[[S]], %[[B]] : f32
  // CHECK-NEXT:   train.yield %[[P]] : f32
  // CHECK-NEXT: } -> tensor<8x112xf32>
  %h = train.elementwise(%gate, %up : tensor<8x112xf32>, tensor<8x112xf32>) {
  ^bb0(%a: f32, %b: f32):
    %s = nn.activation silu %a : f32
    %p = arith.mulf %s, %b : f32
    train.yield %p : f32
  } -> tensor<8x112xf32>
  return %h : tensor<8x112xf32>
}

// CHECK-LABEL: @a_pass_may_have_several_results
func.func @a_pass_may_have_several_results(%x: tensor<8x4xbf16>, %y: tensor<8x4xf32>) -> (tensor<8x4xbf16>, tensor<8x4xbf16>) {
  // CHECK:        %[[R:.*]]:2 = train.elementwise(
  // CHECK:          train.yield %{{.*}}, %{{.*}} : f32, f32
  // CHECK-NEXT:   } -> tensor<8x4xbf16>, tensor<8x4xbf16>
  %0:2 = train.elementwise(%x, %y : tensor<8x4xbf16>, tensor<8x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %a, %b : f32
    train.yield %p, %s : f32, f32
  } -> tensor<8x4xbf16>, tensor<8x4xbf16>
  return %0#0, %0#1 : tensor<8x4xbf16>, tensor<8x4xbf16>
}

// A value of the chunk's rows goes back to those rows, a sum is added up over the chunks.
// CHECK-LABEL: @rows_with_a_target_are_taken_a_few_at_a_time
func.func @rows_with_a_target_are_taken_a_few_at_a_time(%t: tensor<2x8xi32>, %x: tensor<2x8x4xf32>) -> (tensor<2x8x4xf32>, tensor<4xf32>) {
  // CHECK:      train.chunk_rows of %{{.*}} rows(%{{.*}}) chunk(4) sums([false, true]) {
  // CHECK-NEXT: ^bb0(%[[C:.*]]: tensor<4x4xf32>):
  // CHECK-NEXT:   %[[S:.*]] = nn.sum_rows %[[C]]
  // CHECK-NEXT:   train.yield %[[C]], %[[S]] : tensor<4x4xf32>, tensor<4xf32>
  // CHECK-NEXT: } : (tensor<2x8xi32>, tensor<2x8x4xf32>) -> (tensor<2x8x4xf32>, tensor<4xf32>)
  %0:2 = train.chunk_rows of %t rows(%x) chunk(4) sums([false, true]) {
  ^bb0(%c: tensor<4x4xf32>):
    %s = nn.sum_rows %c : (tensor<4x4xf32>) -> tensor<4xf32>
    train.yield %c, %s : tensor<4x4xf32>, tensor<4xf32>
  } : (tensor<2x8xi32>, tensor<2x8x4xf32>) -> (tensor<2x8x4xf32>, tensor<4xf32>)
  return %0#0, %0#1 : tensor<2x8x4xf32>, tensor<4xf32>
}

// CHECK-LABEL: @update
func.func @update() -> tensor<f32> {
  // CHECK-NEXT: %[[N:.*]] = train.clip_norm : tensor<f32>
  // CHECK-NEXT: train.adamw
  // CHECK-NEXT: train.sgd
  // CHECK-NEXT: return %[[N]]
  %norm = train.clip_norm : tensor<f32>
  train.adamw
  train.sgd
  return %norm : tensor<f32>
}

// CHECK-LABEL: @host_memory
func.func @host_memory(%x: tensor<8x4xbf16>) -> tensor<8x4xbf16> {
  // CHECK-NEXT: %[[H:.*]] = train.offload %{{.*}} : tensor<8x4xbf16> -> tensor<8x4xbf16, "host">
  // CHECK-NEXT: train.await %{{.*}} : tensor<8x4xbf16>
  // CHECK-NEXT: %[[Y:.*]] = train.fetch %[[H]] : tensor<8x4xbf16, "host"> -> tensor<8x4xbf16>
  // CHECK-NEXT: train.await %[[Y]] : tensor<8x4xbf16>
  %h = train.offload %x : tensor<8x4xbf16> -> tensor<8x4xbf16, "host">
  %0 = train.await %x : tensor<8x4xbf16>
  %y = train.fetch %h : tensor<8x4xbf16, "host"> -> tensor<8x4xbf16>
  %z = train.await %y : tensor<8x4xbf16>
  return %z : tensor<8x4xbf16>
}
