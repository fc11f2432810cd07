// Each op becomes the runtime call of its name, each value a buffer, in the order of the ops.

// RUN: peft-opt %s --split-input-file --peft-schedule | FileCheck %s

nn.parameter frozen @table.weight : tensor<9x64xf32>
nn.parameter frozen @norm.weight : tensor<64xf32>
nn.parameter frozen @head.weight : tensor<9x64xf32>

// CHECK-LABEL: func.func @forward()
func.func @forward(%ids: tensor<2x8xi32>, %labels: tensor<2x8xi32>, %positions: tensor<2x8xi32>, %segments: tensor<2x8xi32>, %seed: i64, %rows: tensor<2xi32>) -> tensor<2x9xf32> {
  // What the caller passes is named; what nobody reads is not asked for.
  // CHECK-NOT: "labels"
  // CHECK-DAG: %[[ROWS:.*]] = exec.argument "rows" : memref<2xi32>
  // CHECK-DAG: %[[IDS:.*]] = exec.argument "input_ids" : memref<2x8xi32>
  %t = nn.get @table.weight : tensor<9x64xf32>
  // CHECK: %table_weight = exec.parameter @table.weight : memref<9x64xf32>
  // CHECK-NEXT: %embedding = exec.buffer "embedding" : memref<2x8x64xf32>
  // CHECK-NEXT: exec.embedding %embedding, %[[IDS]], %table_weight
  %x = nn.embedding %ids, %t : (tensor<2x8xi32>, tensor<9x64xf32>) -> tensor<2x8x64xf32>
  // The example of the documentation.
  // CHECK-NEXT: %norm_weight = exec.parameter @norm.weight : memref<64xf32>
  // CHECK-NEXT: %rms_norm = exec.buffer "rms_norm" : memref<2x8x64xf32>
  // CHECK-NEXT: exec.rms_norm %rms_norm, %embedding, %norm_weight {eps = 1.000000e-05 : f64} : memref<2x8x64xf32>, memref<2x8x64xf32>, memref<64xf32>
  %w = nn.get @norm.weight : tensor<64xf32>
  %y = nn.rms_norm %x, %w eps(1.0e-5) : (tensor<2x8x64xf32>, tensor<64xf32>) -> tensor<2x8x64xf32>
  // CHECK-NEXT: %selected = exec.buffer "selected" : memref<2x64xf32>
  // CHECK-NEXT: exec.select_rows %selected, %rms_norm, %[[ROWS]]
  %s = nn.select_rows %y, %rows : (tensor<2x8x64xf32>, tensor<2xi32>) -> tensor<2x64xf32>
  %h = nn.get @head.weight : tensor<9x64xf32>
  // A buffer is named for its module where the op knows it, and exists once.
  // CHECK: %lm_head = exec.buffer "lm_head" : memref<2x9xf32>
  // CHECK-NEXT: exec.linear %lm_head, %selected, %head_weight {alpha = 1.000000e+00 : f64, transposed = false}
  %z = nn.linear %s, %h : (tensor<2x64xf32>, tensor<9x64xf32>) -> tensor<2x9xf32> loc("lm_head")
  // CHECK-NEXT: exec.output "logits", %lm_head
  // CHECK-NEXT: return
  return %z : tensor<2x9xf32>
}

// -----

// @update works on all trainable floats at once; each parameter begins at a multiple of 16.
nn.parameter trainable @a : tensor<3xf32>
nn.parameter trainable @b : tensor<17xf32>
nn.parameter frozen @c : tensor<100xf32>

// CHECK-LABEL: func.func @update()
func.func @update() -> tensor<f32> {
  // CHECK: %[[U:.*]] = exec.argument "update" : !emitc.opaque<"peft_update_t">
  // CHECK: exec.clip_norm %grad_norm, %{{.*}}, %[[U]] : memref<f32>, memref<48xf32>
  // CHECK: exec.flat "state.0" : memref<48xf32>
  // CHECK: exec.sgd
  // CHECK: exec.output "grad_norm", %grad_norm
  %norm = train.clip_norm : tensor<f32>
  train.sgd
  return %norm : tensor<f32>
}
