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

// -----

// Products of eight-bit weights read codes of x, which are made once for all of them; one that adds does so in place.
nn.parameter frozen @table : tensor<9x32xf32>
nn.parameter frozen @q_proj : tensor<16x32xf32, #peft.fp8>
nn.parameter frozen @k_proj : tensor<16x32xf32, #peft.fp8>
nn.parameter frozen @bias : tensor<16xf32>

// CHECK-LABEL: func.func @forward()
func.func @forward(%ids: tensor<2x8xi32>) -> tensor<2x8x32xf32> {
  %t = nn.get @table : tensor<9x32xf32>
  %wq = nn.get @q_proj : tensor<16x32xf32, #peft.fp8>
  %wk = nn.get @k_proj : tensor<16x32xf32, #peft.fp8>
  %b = nn.get @bias : tensor<16xf32>
  // CHECK: %q_proj = exec.parameter @q_proj : memref<1216xi8>
  // CHECK: exec.embedding %embedding
  %x = nn.embedding %ids, %t : (tensor<2x8xi32>, tensor<9x32xf32>) -> tensor<2x8x32xf32>
  // CHECK-NEXT: %embedding_codes = exec.buffer "embedding_codes" : memref<2x8x32xi8>
  // CHECK-NEXT: %embedding_scales = exec.buffer "embedding_scales" : memref<2x8xf32>
  // CHECK-NEXT: exec.quantize_rows %embedding_codes, %embedding_scales, %embedding
  // CHECK-NEXT: %[[Y:.*]] = exec.buffer
  // CHECK-NEXT: exec.fp8_linear %[[Y]], %embedding_codes, %embedding_scales, %q_proj, %bias {alpha = 1.000000e+00 : f64, transposed = false}
  %y = peft.quantized_linear %x, %wq bias %b : (tensor<2x8x32xf32>, tensor<16x32xf32, #peft.fp8>, tensor<16xf32>) -> tensor<2x8x16xf32>
  // CHECK-NEXT: exec.fp8_linear_add %[[Y]], %[[Y]], %embedding_codes, %embedding_scales, %k_proj {alpha = 5.000000e-01 : f64, transposed = false}
  %z = peft.quantized_linear_add %y, %x, %wk {alpha = 0.5 : f64} : (tensor<2x8x16xf32>, tensor<2x8x32xf32>, tensor<16x32xf32, #peft.fp8>) -> tensor<2x8x16xf32>
  // CHECK-NEXT: %[[CODES:.*]] = exec.buffer {{.*}} : memref<2x8x16xi8>
  // CHECK-NEXT: %[[SCALES:.*]] = exec.buffer {{.*}} : memref<2x8xf32>
  // CHECK-NEXT: exec.quantize_rows %[[CODES]], %[[SCALES]], %[[Y]]
  // CHECK-NEXT: %[[DX:.*]] = exec.buffer
  // CHECK-NEXT: exec.fp8_linear %[[DX]], %[[CODES]], %[[SCALES]], %q_proj {alpha = 1.000000e+00 : f64, transposed = true}
  %dx = peft.quantized_linear %z, %wq transposed : (tensor<2x8x16xf32>, tensor<16x32xf32, #peft.fp8>) -> tensor<2x8x32xf32>
  return %dx : tensor<2x8x32xf32>
}

// -----

// Those of NF4 read the dense weight, and add in place too.
nn.parameter frozen @table : tensor<9x4xf32>
nn.parameter frozen @w : tensor<4x4xf32, #peft.nf4<block = 64, nested = 0>>

// CHECK-LABEL: func.func @forward()
func.func @forward(%ids: tensor<2x8xi32>) -> tensor<2x8x4xf32> {
  %t = nn.get @table : tensor<9x4xf32>
  %w = nn.get @w : tensor<4x4xf32, #peft.nf4<block = 64, nested = 0>>
  %a = nn.embedding %ids, %t : (tensor<2x8xi32>, tensor<9x4xf32>) -> tensor<2x8x4xf32>
  // CHECK: exec.embedding %[[X:embedding_2]]
  %x = nn.embedding %ids, %t : (tensor<2x8xi32>, tensor<9x4xf32>) -> tensor<2x8x4xf32>
  // CHECK: exec.dequantize_nf4 %[[DENSE:.*]], %w
  // CHECK-NEXT: exec.linear_add %embedding, %embedding, %[[X]], %[[DENSE]]
  %y = peft.quantized_linear_add %a, %x, %w : (tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<4x4xf32, #peft.nf4<block = 64, nested = 0>>) -> tensor<2x8x4xf32>
  return %y : tensor<2x8x4xf32>
}
