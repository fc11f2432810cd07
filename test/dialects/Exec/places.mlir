// Where things are: buffers of the arena, parameters, what the caller passes and gets.

// RUN: peft-opt %s | peft-opt | FileCheck %s
// RUN: peft-opt %s --mlir-print-op-generic | peft-opt | FileCheck %s

nn.parameter trainable @lm_head.weight : tensor<9x4xf32>

// CHECK-LABEL: @places_have_names
func.func @places_have_names() {
  // CHECK: %hidden = exec.buffer "hidden" : memref<8x4xf32>
  %0 = exec.buffer "hidden" : memref<8x4xf32>
  // CHECK: %kept = exec.buffer "kept" at 1024 saved : memref<8x4xf32>
  %1 = exec.buffer "kept" at 1024 saved : memref<8x4xf32>
  // CHECK: %lm_head_weight = exec.parameter @lm_head.weight : memref<9x4xf32>
  %2 = exec.parameter @lm_head.weight : memref<9x4xf32>
  // CHECK: exec.gradient @lm_head.weight : memref<9x4xf32>
  %3 = exec.gradient @lm_head.weight : memref<9x4xf32>
  // CHECK: exec.flat "state.0" : memref<48xf32>
  %4 = exec.flat "state.0" : memref<48xf32>
  // CHECK: %adapters = exec.buffer "adapters" : memref<48xbf16>
  // CHECK: %lm_head_lora_A = exec.slice "lm_head_lora_A" of %adapters[16] : memref<48xbf16> -> memref<2x4xbf16>
  %7 = exec.buffer "adapters" : memref<48xbf16>
  %8 = exec.slice "lm_head_lora_A" of %7[16] : memref<48xbf16> -> memref<2x4xbf16>
  // CHECK: %qv = exec.buffer "qv" : memref<2x8x32xf32>
  // CHECK: %v_proj = exec.columns "v_proj" of %qv[24] : memref<2x8x32xf32> -> memref<2x8x8xf32, strided<[256, 32, 1], offset: 24>>
  %9 = exec.buffer "qv" : memref<2x8x32xf32>
  %10 = exec.columns "v_proj" of %9[24] : memref<2x8x32xf32> -> memref<2x8x8xf32, strided<[256, 32, 1], offset: 24>>
  // Columns of columns have the rows of the whole.
  // CHECK: %half = exec.columns "half" of %v_proj[4] : {{.*}} -> memref<2x8x4xf32, strided<[256, 32, 1], offset: 28>>
  %11 = exec.columns "half" of %10[4] : memref<2x8x8xf32, strided<[256, 32, 1], offset: 24>> -> memref<2x8x4xf32, strided<[256, 32, 1], offset: 28>>
  // Rows keep their distance.
  // CHECK: %below = exec.rows "below" of %w[32] : memref<36x64xf32> -> memref<4x64xf32>
  %12 = exec.buffer "w" : memref<36x64xf32>
  %13 = exec.rows "below" of %12[32] : memref<36x64xf32> -> memref<4x64xf32>
  // CHECK: exec.argument "input_ids" : memref<8xi32>
  %5 = exec.argument "input_ids" : memref<8xi32>
  // CHECK: exec.argument "update" : !emitc.opaque<"peft_update_t">
  %6 = exec.argument "update" : !emitc.opaque<"peft_update_t">
  // CHECK: exec.output "logits", %hidden : memref<8x4xf32>
  exec.output "logits", %0 : memref<8x4xf32>
  return
}

// CHECK-LABEL: @a_region_runs_for_each_chunk_of_labelled_rows
func.func @a_region_runs_for_each_chunk_of_labelled_rows() {
  %x = exec.buffer "x" : memref<8x4xf32>
  %y = exec.buffer "y" : memref<4x4xf32>
  %rows = exec.buffer "rows" : memref<8xi32>
  %count = exec.buffer "count" : memref<1xi32>
  // CHECK:      exec.chunks %count size 4 {
  // CHECK-NEXT: ^bb0(%[[C:.*]]: i64):
  // CHECK-NEXT:   exec.gather_rows %y, %x, %rows, %count, %[[C]] : memref<4x4xf32>, memref<8x4xf32>, memref<8xi32>, memref<1xi32>, i64
  // CHECK-NEXT: } : memref<1xi32>
  exec.chunks %count size 4 {
  ^bb0(%chunk: i64):
    exec.gather_rows %y, %x, %rows, %count, %chunk : memref<4x4xf32>, memref<8x4xf32>, memref<8xi32>, memref<1xi32>, i64
  } : memref<1xi32>
  return
}

func.func private @forward_layer(memref<8x64xf32>, memref<64x64xf32>)

// CHECK-LABEL: @an_outlined_function_is_called_with_places
func.func @an_outlined_function_is_called_with_places() {
  %x = exec.buffer "x" : memref<8x64xf32>
  %q_proj_weight = exec.buffer "w" : memref<64x64xf32>
  %count = exec.buffer "count" : memref<1xi32>
  // The example of the documentation.
  // CHECK: exec.call @forward_layer(%x, %w) : memref<8x64xf32>, memref<64x64xf32>
  exec.call @forward_layer(%x, %q_proj_weight) : memref<8x64xf32>, memref<64x64xf32>
  // CHECK: exec.call @forward_layer(%x, %w) count %count size 4 : memref<1xi32> : memref<8x64xf32>, memref<64x64xf32>
  exec.call @forward_layer(%x, %q_proj_weight) count %count size 4 : memref<1xi32> : memref<8x64xf32>, memref<64x64xf32>
  return
}
