// The other runtime functions, printed and read back. The reference shows each as its example.

// RUN: peft-opt %s | peft-opt | FileCheck %s
// RUN: peft-opt %s --mlir-print-op-generic | peft-opt | FileCheck %s

// CHECK-LABEL: @linear_add(
// CHECK-NEXT: exec.linear_add %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {{{.*}}} : memref<2x7x12xf32>, memref<2x7x12xf32>, memref<2x7x3xf32>, memref<12x3xf32>
func.func @linear_add(%y: memref<2x7x12xf32>, %acc: memref<2x7x12xf32>, %x: memref<2x7x3xf32>, %w: memref<12x3xf32>) {
  exec.linear_add %y, %acc, %x, %w {alpha = 2.0 : f64, transposed = false} : memref<2x7x12xf32>, memref<2x7x12xf32>, memref<2x7x3xf32>, memref<12x3xf32>
  return
}

// CHECK-LABEL: @linear_weight_grad(
// CHECK-NEXT: exec.linear_weight_grad %{{.*}}, %{{.*}}, %{{.*}} {{{.*}}} : memref<11x8xf32>, memref<4x11xf32>, memref<4x8xf32>
func.func @linear_weight_grad(%sum: memref<11x8xf32>, %dy: memref<4x11xf32>, %x: memref<4x8xf32>) {
  exec.linear_weight_grad %sum, %dy, %x {alpha = 1.0 : f64} : memref<11x8xf32>, memref<4x11xf32>, memref<4x8xf32>
  return
}

// CHECK-LABEL: @sum_rows(
// CHECK-NEXT: exec.sum_rows %{{.*}}, %{{.*}} : memref<12xf32>, memref<2x7x12xf32>
func.func @sum_rows(%sum: memref<12xf32>, %dy: memref<2x7x12xf32>) {
  exec.sum_rows %sum, %dy : memref<12xf32>, memref<2x7x12xf32>
  return
}

// CHECK-LABEL: @embedding_weight_grad(
// CHECK-NEXT: exec.embedding_weight_grad %{{.*}}, %{{.*}}, %{{.*}} : memref<9x8xf32>, memref<2x7x8xf32>, memref<2x7xi32>
func.func @embedding_weight_grad(%sum: memref<9x8xf32>, %dy: memref<2x7x8xf32>, %ids: memref<2x7xi32>) {
  exec.embedding_weight_grad %sum, %dy, %ids : memref<9x8xf32>, memref<2x7x8xf32>, memref<2x7xi32>
  return
}

// CHECK-LABEL: @embedding_columns(
// CHECK-NEXT: exec.embedding_columns %{{.*}}, %{{.*}}, %{{.*}} : memref<2x7x3xf32>, memref<2x7xi32>, memref<3x9xf32>
func.func @embedding_columns(%y: memref<2x7x3xf32>, %ids: memref<2x7xi32>, %table: memref<3x9xf32>) {
  exec.embedding_columns %y, %ids, %table : memref<2x7x3xf32>, memref<2x7xi32>, memref<3x9xf32>
  return
}

// CHECK-LABEL: @embedding_columns_weight_grad(
// CHECK-NEXT: exec.embedding_columns_weight_grad %{{.*}}, %{{.*}}, %{{.*}} : memref<3x9xf32>, memref<2x7x3xf32>, memref<2x7xi32>
func.func @embedding_columns_weight_grad(%sum: memref<3x9xf32>, %dy: memref<2x7x3xf32>, %ids: memref<2x7xi32>) {
  exec.embedding_columns_weight_grad %sum, %dy, %ids : memref<3x9xf32>, memref<2x7x3xf32>, memref<2x7xi32>
  return
}

// CHECK-LABEL: @override_rows(
// CHECK-NEXT: exec.override_rows %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {{{.*}}} : memref<2x7x8xf32>, memref<2x7x8xf32>, memref<2x7xi32>, memref<3x8xf32>
func.func @override_rows(%y: memref<2x7x8xf32>, %x: memref<2x7x8xf32>, %ids: memref<2x7xi32>, %rows: memref<3x8xf32>) {
  exec.override_rows %y, %x, %ids, %rows {indices = array<i32: 2, 5, 7>} : memref<2x7x8xf32>, memref<2x7x8xf32>, memref<2x7xi32>, memref<3x8xf32>
  return
}

// CHECK-LABEL: @override_rows_grad(
// CHECK-NEXT: exec.override_rows_grad %{{.*}}, %{{.*}}, %{{.*}} {{{.*}}} : memref<2x7x8xf32>, memref<2x7x8xf32>, memref<2x7xi32>
func.func @override_rows_grad(%dx: memref<2x7x8xf32>, %dy: memref<2x7x8xf32>, %ids: memref<2x7xi32>) {
  exec.override_rows_grad %dx, %dy, %ids {indices = array<i32: 2, 5, 7>} : memref<2x7x8xf32>, memref<2x7x8xf32>, memref<2x7xi32>
  return
}

// CHECK-LABEL: @override_rows_weight_grad(
// CHECK-NEXT: exec.override_rows_weight_grad %{{.*}}, %{{.*}}, %{{.*}} {{{.*}}} : memref<3x8xf32>, memref<2x7x8xf32>, memref<2x7xi32>
func.func @override_rows_weight_grad(%sum: memref<3x8xf32>, %dy: memref<2x7x8xf32>, %ids: memref<2x7xi32>) {
  exec.override_rows_weight_grad %sum, %dy, %ids {indices = array<i32: 2, 5, 7>} : memref<3x8xf32>, memref<2x7x8xf32>, memref<2x7xi32>
  return
}

// CHECK-LABEL: @override_columns(
// CHECK-NEXT: exec.override_columns %{{.*}}, %{{.*}}, %{{.*}} {{{.*}}} : memref<4x11xf32>, memref<4x11xf32>, memref<4x3xf32>
func.func @override_columns(%y: memref<4x11xf32>, %x: memref<4x11xf32>, %columns: memref<4x3xf32>) {
  exec.override_columns %y, %x, %columns {indices = array<i32: 2, 5, 7>} : memref<4x11xf32>, memref<4x11xf32>, memref<4x3xf32>
  return
}

// CHECK-LABEL: @override_columns_grad(
// CHECK-NEXT: exec.override_columns_grad %{{.*}}, %{{.*}} {{{.*}}} : memref<4x11xf32>, memref<4x11xf32>
func.func @override_columns_grad(%dx: memref<4x11xf32>, %dy: memref<4x11xf32>) {
  exec.override_columns_grad %dx, %dy {indices = array<i32: 2, 5, 7>} : memref<4x11xf32>, memref<4x11xf32>
  return
}

// CHECK-LABEL: @select_columns(
// CHECK-NEXT: exec.select_columns %{{.*}}, %{{.*}} {{{.*}}} : memref<4x3xf32>, memref<4x11xf32>
func.func @select_columns(%y: memref<4x3xf32>, %x: memref<4x11xf32>) {
  exec.select_columns %y, %x {indices = array<i32: 2, 5, 7>} : memref<4x3xf32>, memref<4x11xf32>
  return
}

// CHECK-LABEL: @rms_norm_grad(
// CHECK-NEXT: exec.rms_norm_grad %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {{{.*}}} : memref<2x7x8xf32>, memref<2x7x8xf32>, memref<2x7x8xf32>, memref<8xf32>, memref<2x7x8xf32>
// CHECK-NEXT: exec.rms_norm_grad %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {{{.*}}} : memref<2x7x8xf32>, memref<2x7x8xf32>, memref<2x7x8xf32>, memref<8xf32>
func.func @rms_norm_grad(%dx: memref<2x7x8xf32>, %dy: memref<2x7x8xf32>, %x: memref<2x7x8xf32>, %w: memref<8xf32>, %residual: memref<2x7x8xf32>) {
  exec.rms_norm_grad %dx, %dy, %x, %w, %residual {eps = 1.0e-5 : f64} : memref<2x7x8xf32>, memref<2x7x8xf32>, memref<2x7x8xf32>, memref<8xf32>, memref<2x7x8xf32>
  exec.rms_norm_grad %dx, %dy, %x, %w {eps = 1.0e-5 : f64} : memref<2x7x8xf32>, memref<2x7x8xf32>, memref<2x7x8xf32>, memref<8xf32>
  return
}

// CHECK-LABEL: @rms_norm_weight_grad(
// CHECK-NEXT: exec.rms_norm_weight_grad %{{.*}}, %{{.*}}, %{{.*}} {{{.*}}} : memref<8xf32>, memref<2x7x8xf32>, memref<2x7x8xf32>
func.func @rms_norm_weight_grad(%sum: memref<8xf32>, %dy: memref<2x7x8xf32>, %x: memref<2x7x8xf32>) {
  exec.rms_norm_weight_grad %sum, %dy, %x {eps = 1.0e-5 : f64} : memref<8xf32>, memref<2x7x8xf32>, memref<2x7x8xf32>
  return
}

// CHECK-LABEL: @rope(
// CHECK-NEXT: exec.rope %{{.*}}, %{{.*}}, %{{.*}} {{{.*}}} : memref<2x7x8xf32>, memref<2x7x8xf32>, memref<2x7xi32>
func.func @rope(%y: memref<2x7x8xf32>, %x: memref<2x7x8xf32>, %positions: memref<2x7xi32>) {
  exec.rope %y, %x, %positions {head_dim = 4 : i64, inv_freq = array<f32: 1.0, 0.1>, inverse = false, scale = 1.25 : f64} : memref<2x7x8xf32>, memref<2x7x8xf32>, memref<2x7xi32>
  return
}

// CHECK-LABEL: @attention(
// CHECK-NEXT: exec.attention %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {{{.*}}} : memref<2x7x12xf32>, memref<2x3x7xf32>, memref<2x7x12xf32>, memref<2x7x12xf32>, memref<2x7x12xf32>, memref<2x7xi32>
func.func @attention(%o: memref<2x7x12xf32>, %lse: memref<2x3x7xf32>, %q: memref<2x7x12xf32>, %k: memref<2x7x12xf32>, %v: memref<2x7x12xf32>, %segments: memref<2x7xi32>) {
  exec.attention %o, %lse, %q, %k, %v, %segments {head_dim = 4 : i64, scale = 2.0 : f64, window = 0 : i64} : memref<2x7x12xf32>, memref<2x3x7xf32>, memref<2x7x12xf32>, memref<2x7x12xf32>, memref<2x7x12xf32>, memref<2x7xi32>
  return
}

// CHECK-LABEL: @attention_grad(
// CHECK-NEXT: exec.attention_grad %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {{{.*}}} : memref<2x7x12xf32>, memref<2x7x12xf32>, memref<2x7x12xf32>, memref<2x7x12xf32>, memref<2x7x12xf32>, memref<2x7x12xf32>, memref<2x7x12xf32>, memref<2x7x12xf32>, memref<2x3x7xf32>, memref<2x7xi32>
func.func @attention_grad(%dq: memref<2x7x12xf32>, %dk: memref<2x7x12xf32>, %dv: memref<2x7x12xf32>, %dout: memref<2x7x12xf32>, %q: memref<2x7x12xf32>, %k: memref<2x7x12xf32>, %v: memref<2x7x12xf32>, %o: memref<2x7x12xf32>, %lse: memref<2x3x7xf32>, %segments: memref<2x7xi32>) {
  exec.attention_grad %dq, %dk, %dv, %dout, %q, %k, %v, %o, %lse, %segments {head_dim = 4 : i64, scale = 2.0 : f64, window = 0 : i64} : memref<2x7x12xf32>, memref<2x7x12xf32>, memref<2x7x12xf32>, memref<2x7x12xf32>, memref<2x7x12xf32>, memref<2x7x12xf32>, memref<2x7x12xf32>, memref<2x7x12xf32>, memref<2x3x7xf32>, memref<2x7xi32>
  return
}

// CHECK-LABEL: @shift_labels(
// CHECK-NEXT: exec.shift_labels %{{.*}}, %{{.*}}, %{{.*}} : memref<2x7xi32>, memref<2x7xi32>, memref<2x7xi32>
func.func @shift_labels(%targets: memref<2x7xi32>, %labels: memref<2x7xi32>, %segments: memref<2x7xi32>) {
  exec.shift_labels %targets, %labels, %segments : memref<2x7xi32>, memref<2x7xi32>, memref<2x7xi32>
  return
}

// CHECK-LABEL: @cross_entropy(
// CHECK-NEXT: exec.cross_entropy %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : memref<f32>, memref<4xf32>, memref<4x11xf32>, memref<4xi32>
func.func @cross_entropy(%sum: memref<f32>, %lse: memref<4xf32>, %logits: memref<4x11xf32>, %targets: memref<4xi32>) {
  exec.cross_entropy %sum, %lse, %logits, %targets : memref<f32>, memref<4xf32>, memref<4x11xf32>, memref<4xi32>
  return
}

// CHECK-LABEL: @cross_entropy_grad(
// CHECK-NEXT: exec.cross_entropy_grad %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : memref<4x11xf32>, memref<4x11xf32>, memref<4xf32>, memref<4xi32>, f32
func.func @cross_entropy_grad(%dlogits: memref<4x11xf32>, %logits: memref<4x11xf32>, %lse: memref<4xf32>, %targets: memref<4xi32>, %scale: f32) {
  exec.cross_entropy_grad %dlogits, %logits, %lse, %targets, %scale : memref<4x11xf32>, memref<4x11xf32>, memref<4xf32>, memref<4xi32>, f32
  return
}

// CHECK-LABEL: @labelled_rows(
// CHECK-NEXT: exec.labelled_rows %{{.*}}, %{{.*}}, %{{.*}} : memref<14xi32>, memref<1xi32>, memref<2x7xi32>
func.func @labelled_rows(%rows: memref<14xi32>, %count: memref<1xi32>, %targets: memref<2x7xi32>) {
  exec.labelled_rows %rows, %count, %targets : memref<14xi32>, memref<1xi32>, memref<2x7xi32>
  return
}

// CHECK-LABEL: @gather_targets(
// CHECK-NEXT: exec.gather_targets %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : memref<4xi32>, memref<2x7xi32>, memref<14xi32>, memref<1xi32>, i64
func.func @gather_targets(%y: memref<4xi32>, %targets: memref<2x7xi32>, %rows: memref<14xi32>, %count: memref<1xi32>, %chunk: i64) {
  exec.gather_targets %y, %targets, %rows, %count, %chunk : memref<4xi32>, memref<2x7xi32>, memref<14xi32>, memref<1xi32>, i64
  return
}

// CHECK-LABEL: @scatter_rows(
// CHECK-NEXT: exec.scatter_rows %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : memref<2x7x8xf32>, memref<4x8xf32>, memref<14xi32>, memref<1xi32>, i64
func.func @scatter_rows(%y: memref<2x7x8xf32>, %x: memref<4x8xf32>, %rows: memref<14xi32>, %count: memref<1xi32>, %chunk: i64) {
  exec.scatter_rows %y, %x, %rows, %count, %chunk : memref<2x7x8xf32>, memref<4x8xf32>, memref<14xi32>, memref<1xi32>, i64
  return
}

// CHECK-LABEL: @select_rows(
// CHECK-NEXT: exec.select_rows %{{.*}}, %{{.*}}, %{{.*}} : memref<2x8xf32>, memref<2x7x8xf32>, memref<2xi32>
func.func @select_rows(%y: memref<2x8xf32>, %x: memref<2x7x8xf32>, %rows: memref<2xi32>) {
  exec.select_rows %y, %x, %rows : memref<2x8xf32>, memref<2x7x8xf32>, memref<2xi32>
  return
}

// CHECK-LABEL: @soft_prompt(
// CHECK-NEXT: exec.soft_prompt %{{.*}}, %{{.*}}, %{{.*}} : memref<2x9x8xf32>, memref<2x7x8xf32>, memref<2x8xf32>
func.func @soft_prompt(%y: memref<2x9x8xf32>, %x: memref<2x7x8xf32>, %prompt: memref<2x8xf32>) {
  exec.soft_prompt %y, %x, %prompt : memref<2x9x8xf32>, memref<2x7x8xf32>, memref<2x8xf32>
  return
}

// CHECK-LABEL: @soft_prompt_grad(
// CHECK-NEXT: exec.soft_prompt_grad %{{.*}}, %{{.*}} : memref<2x7x8xf32>, memref<2x9x8xf32>
func.func @soft_prompt_grad(%dx: memref<2x7x8xf32>, %dy: memref<2x9x8xf32>) {
  exec.soft_prompt_grad %dx, %dy : memref<2x7x8xf32>, memref<2x9x8xf32>
  return
}

// CHECK-LABEL: @soft_prompt_weight_grad(
// CHECK-NEXT: exec.soft_prompt_weight_grad %{{.*}}, %{{.*}} : memref<2x8xf32>, memref<2x9x8xf32>
func.func @soft_prompt_weight_grad(%sum: memref<2x8xf32>, %dy: memref<2x9x8xf32>) {
  exec.soft_prompt_weight_grad %sum, %dy : memref<2x8xf32>, memref<2x9x8xf32>
  return
}

// CHECK-LABEL: @prepend(
// CHECK-NEXT: exec.prepend %{{.*}}, %{{.*}} {{{.*}}} : memref<2x9xi32>, memref<2x7xi32>
func.func @prepend(%y: memref<2x9xi32>, %x: memref<2x7xi32>) {
  exec.prepend %y, %x {positions = false, value = -100 : i32} : memref<2x9xi32>, memref<2x7xi32>
  return
}

// CHECK-LABEL: @dropout(
// CHECK-NEXT: exec.dropout %{{.*}}, %{{.*}}, %{{.*}} {{{.*}}} : memref<2x7x8xf32>, memref<2x7x8xf32>, i64
func.func @dropout(%y: memref<2x7x8xf32>, %x: memref<2x7x8xf32>, %seed: i64) {
  exec.dropout %y, %x, %seed {p = 0.3 : f64, salt = 1 : i32} : memref<2x7x8xf32>, memref<2x7x8xf32>, i64
  return
}

// CHECK-LABEL: @cross_entropy_with_grad(
// CHECK-NEXT: exec.cross_entropy_with_grad %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : memref<f32>, memref<8x9xbf16>, memref<8x9xbf16>, memref<8xi32>, f32
func.func @cross_entropy_with_grad(%sum: memref<f32>, %dx: memref<8x9xbf16>, %x: memref<8x9xbf16>, %t: memref<8xi32>, %scale: f32) {
  exec.cross_entropy_with_grad %sum, %dx, %x, %t, %scale : memref<f32>, memref<8x9xbf16>, memref<8x9xbf16>, memref<8xi32>, f32
  return
}

// CHECK-LABEL: @fill_borders(
// CHECK-NEXT: exec.fill_borders [#exec.border<@q_proj.lora_B to @q_proj[0, 64] scale 2.000000e+00 : f64>] : bf16
func.func @fill_borders() {
  exec.fill_borders [#exec.border<@q_proj.lora_B to @q_proj[0, 64] scale 2.0 : f64>] : bf16
  return
}

// CHECK-LABEL: @dequantize_nf4(
// CHECK-NEXT: exec.dequantize_nf4 %{{.*}}, %{{.*}} {{{.*}}} : memref<12x8xf32>, memref<56xi8>
func.func @dequantize_nf4(%y: memref<12x8xf32>, %bytes: memref<56xi8>) {
  exec.dequantize_nf4 %y, %bytes {block = 64 : i64, nested = 0 : i64} : memref<12x8xf32>, memref<56xi8>
  return
}

// CHECK-LABEL: @copy(
// CHECK-NEXT: exec.copy %{{.*}}, %{{.*}} : memref<2x7x8xf32>, memref<2x7x8xf32>
func.func @copy(%y: memref<2x7x8xf32>, %x: memref<2x7x8xf32>) {
  exec.copy %y, %x : memref<2x7x8xf32>, memref<2x7x8xf32>
  return
}

// CHECK-LABEL: @zero(
// CHECK-NEXT: exec.zero %{{.*}} : memref<2x7x8xf32>
func.func @zero(%y: memref<2x7x8xf32>) {
  exec.zero %y : memref<2x7x8xf32>
  return
}

// CHECK-LABEL: @quantize_rows(
// CHECK-NEXT: exec.quantize_rows %{{.*}}, %{{.*}}, %{{.*}} : memref<16x32xi8>, memref<16xf32>, memref<16x32xbf16>
func.func @quantize_rows(%codes: memref<16x32xi8>, %scales: memref<16xf32>, %x: memref<16x32xbf16>) {
  exec.quantize_rows %codes, %scales, %x : memref<16x32xi8>, memref<16xf32>, memref<16x32xbf16>
  return
}

// CHECK-LABEL: @fp8_linear(
// CHECK-NEXT: exec.fp8_linear %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {{{.*}}} : memref<16x48xbf16>, memref<16x32xi8>, memref<16xf32>, memref<3392xi8>
func.func @fp8_linear(%y: memref<16x48xbf16>, %codes: memref<16x32xi8>, %scales: memref<16xf32>, %w: memref<3392xi8>) {
  exec.fp8_linear %y, %codes, %scales, %w {transposed = false, alpha = 1.0 : f64} : memref<16x48xbf16>, memref<16x32xi8>, memref<16xf32>, memref<3392xi8>
  return
}

// CHECK-LABEL: @fp8_linear_add(
// CHECK-NEXT: exec.fp8_linear_add %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {{{.*}}} : memref<16x48xbf16>, memref<16x48xbf16>, memref<16x32xi8>, memref<16xf32>, memref<3392xi8>
func.func @fp8_linear_add(%y: memref<16x48xbf16>, %acc: memref<16x48xbf16>, %codes: memref<16x32xi8>, %scales: memref<16xf32>, %w: memref<3392xi8>) {
  exec.fp8_linear_add %y, %acc, %codes, %scales, %w {transposed = false, alpha = 1.0 : f64} : memref<16x48xbf16>, memref<16x48xbf16>, memref<16x32xi8>, memref<16xf32>, memref<3392xi8>
  return
}
