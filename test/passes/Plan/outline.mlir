// Layers that differ in their buffers only become one function, called with a table of places.

// RUN: peft-opt %s --split-input-file --peft-outline | FileCheck %s

nn.parameter frozen @layers.0.mlp.up.weight : tensor<4x4xf32>
nn.parameter frozen @layers.1.mlp.up.weight : tensor<4x4xf32>

// The function's places are named as in the layer; the layers' numbers are gone.
// CHECK:      func.func private @inference_layer(%[[X:.*]]: memref<8x4xf32> {exec.name = "x"}, %[[H:.*]]: memref<8x4xf32> {exec.name = "h"}, %[[W:.*]]: memref<4x4xf32> {exec.name = "up_weight"}) {
// CHECK-NEXT:   exec.zero %[[X]]
// CHECK-NEXT:   exec.linear %[[H]], %[[X]], %[[W]]
// CHECK-NEXT:   exec.linear %[[X]], %[[H]], %[[W]]
// CHECK-NEXT:   exec.copy %[[H]], %[[X]]
// CHECK-NEXT:   return
// CHECK-LABEL: func.func @forward()
func.func @forward() {
  // Places stand first, so that calls are consecutive.
  // CHECK-NEXT: %[[X0:.*]] = exec.buffer "x" at 0
  // CHECK-NEXT: %[[H0:.*]] = exec.buffer "h" at 128
  // CHECK-NEXT: %[[W0:.*]] = exec.parameter @layers.0.mlp.up.weight
  // CHECK-NEXT: %[[H1:.*]] = exec.buffer "h_2" at 256
  // CHECK-NEXT: %[[W1:.*]] = exec.parameter @layers.1.mlp.up.weight
  // CHECK-NEXT: exec.call @inference_layer(%[[X0]], %[[H0]], %[[W0]])
  // CHECK-NEXT: exec.call @inference_layer(%[[X0]], %[[H1]], %[[W1]])
  // CHECK-NEXT: exec.output "logits", %[[H1]]
  %x = exec.buffer "x" at 0 : memref<8x4xf32>
  %h0 = exec.buffer "h" at 128 : memref<8x4xf32>
  %w0 = exec.parameter @layers.0.mlp.up.weight : memref<4x4xf32>
  exec.zero %x : memref<8x4xf32> loc("model.layers.0.norm")
  exec.linear %h0, %x, %w0 {transposed = false, alpha = 1.0 : f64} : memref<8x4xf32>, memref<8x4xf32>, memref<4x4xf32> loc("model.layers.0.mlp.up")
  exec.linear %x, %h0, %w0 {transposed = false, alpha = 1.0 : f64} : memref<8x4xf32>, memref<8x4xf32>, memref<4x4xf32> loc("model.layers.0.mlp.up")
  exec.copy %h0, %x : memref<8x4xf32>, memref<8x4xf32> loc("model.layers.0.mlp")
  %h1 = exec.buffer "h_2" at 256 : memref<8x4xf32>
  %w1 = exec.parameter @layers.1.mlp.up.weight : memref<4x4xf32>
  exec.zero %x : memref<8x4xf32> loc("model.layers.1.norm")
  exec.linear %h1, %x, %w1 {transposed = false, alpha = 1.0 : f64} : memref<8x4xf32>, memref<8x4xf32>, memref<4x4xf32> loc("model.layers.1.mlp.up")
  exec.linear %x, %h1, %w1 {transposed = false, alpha = 1.0 : f64} : memref<8x4xf32>, memref<8x4xf32>, memref<4x4xf32> loc("model.layers.1.mlp.up")
  exec.copy %h1, %x : memref<8x4xf32>, memref<8x4xf32> loc("model.layers.1.mlp")
  exec.output "logits", %h1 : memref<8x4xf32>
  return
}

// -----

// The body of exec.chunks becomes a function of the chunk's number; a key of one dot keeps its module's name.
nn.parameter frozen @lm_head.weight : tensor<9x4xf32>

// CHECK:      func.func private @evaluate_head(%{{.*}}: memref<4x9xf32> {exec.name = "logits"}, %{{.*}}: memref<4x4xf32> {exec.name = "rows"}, %{{.*}}: memref<9x4xf32> {exec.name = "lm_head_weight"}
// CHECK:        exec.argument "chunk" : i64
// CHECK-LABEL: func.func @evaluate()
func.func @evaluate() {
  %w = exec.parameter @lm_head.weight : memref<9x4xf32>
  %rows = exec.buffer "rows" at 0 : memref<4x4xf32>
  %logits = exec.buffer "logits" at 64 : memref<4x9xf32>
  %labelled = exec.buffer "labelled" at 256 : memref<8xi32>
  %count = exec.buffer "count" at 320 : memref<1xi32>
  // CHECK: exec.call @evaluate_head(%logits, %rows, %lm_head_weight, %labelled, %count) count %count size 4
  exec.chunks %count size 4 {
  ^bb0(%chunk: i64):
    exec.linear %logits, %rows, %w {transposed = false, alpha = 1.0 : f64} : memref<4x9xf32>, memref<4x4xf32>, memref<9x4xf32>
    exec.scatter_rows %logits, %rows, %labelled, %count, %chunk : memref<4x9xf32>, memref<4x4xf32>, memref<8xi32>, memref<1xi32>, i64
  } : memref<1xi32>
  return
}
