// Sums over rows of what a map makes are made by the map.

// RUN: peft-opt %s --peft-attach-weight-grads | FileCheck %s

nn.parameter trainable @gate_B : tensor<512x4xf32>
nn.parameter trainable @up_B : tensor<512x16xf32>
nn.parameter trainable @down_A : tensor<8x512xf32>

func.func private @three(%a: f32, %b: f32, %c: f32) -> (f32, f32, f32) {
  %0 = arith.mulf %a, %b : f32
  %1 = arith.mulf %b, %c : f32
  %2 = arith.mulf %a, %c : f32
  return %0, %1, %2 : f32, f32, f32
}

func.func private @mul(%a: f32, %b: f32) -> f32 {
  %0 = arith.mulf %a, %b : f32
  return %0 : f32
}

// The gradient of a gated MLP: %d is wanted for one gradient only, so it is not stored. gate and up are columns of a
// wider buffer, of which the product in between writes others.
// CHECK-LABEL: func.func @micro_step()
func.func @micro_step() {
  %w = exec.buffer "w" : memref<1024x64xbf16>
  %all = exec.buffer "all" : memref<4x8192x1088xbf16>
  %both = exec.columns "both" of %all[0] : memref<4x8192x1088xbf16> -> memref<4x8192x1024xbf16, strided<[8912896, 1088, 1]>>
  %gate = exec.columns "gate" of %both[0] : memref<4x8192x1024xbf16, strided<[8912896, 1088, 1]>> -> memref<4x8192x512xbf16, strided<[8912896, 1088, 1]>>
  %up = exec.columns "up" of %both[512] : memref<4x8192x1024xbf16, strided<[8912896, 1088, 1]>> -> memref<4x8192x512xbf16, strided<[8912896, 1088, 1], offset: 512>>
  %d = exec.buffer "d" : memref<4x8192x512xbf16>
  %s = exec.buffer "s" : memref<4x8192x64xbf16>
  %ds_down = exec.buffer "ds_down" : memref<4x8192x8xbf16>
  // Places that the map names stand before it.
  // CHECK: %[[GRAD_A:.*]] = exec.gradient @down_A
  // CHECK: %[[GRAD_G:.*]] = exec.gradient @gate_B
  // CHECK: %[[SG:.*]] = exec.columns "s_gate" of %s[0]
  // CHECK: %[[GRAD_U:.*]] = exec.gradient @up_B
  // CHECK: %[[SU:.*]] = exec.columns "s_up" of %s[4]
  // CHECK: exec.map_weight_grads @three(%gate, %up, %d : {{.*}}) stores [1, 2](%up, %gate :
  // CHECK-SAME: grads [0, 1, 2](%[[GRAD_A]], %[[GRAD_U]], %[[GRAD_G]] : memref<8x512xf32>, memref<512x16xf32>, memref<512x4xf32>
  // CHECK-SAME: with %ds_down, %[[SU]], %[[SG]] :
  // CHECK-SAME: scales [3.000000e+00, 2.000000e+00, 2.000000e+00]
  exec.map @three(%d, %up, %gate, %gate, %up, %d) outputs(3) : memref<4x8192x512xbf16>, memref<4x8192x512xbf16, strided<[8912896, 1088, 1], offset: 512>>, memref<4x8192x512xbf16, strided<[8912896, 1088, 1]>>, memref<4x8192x512xbf16, strided<[8912896, 1088, 1]>>, memref<4x8192x512xbf16, strided<[8912896, 1088, 1], offset: 512>>, memref<4x8192x512xbf16>
  // CHECK-NOT: exec.linear_weight_grad
  %grad_A = exec.gradient @down_A : memref<8x512xf32>
  exec.linear_weight_grad %grad_A, %ds_down, %d {alpha = 3.0 : f64} : memref<8x512xf32>, memref<4x8192x8xbf16>, memref<4x8192x512xbf16>
  // CHECK: exec.linear %ds
  %ds = exec.columns "ds" of %all[1024] : memref<4x8192x1088xbf16> -> memref<4x8192x64xbf16, strided<[8912896, 1088, 1], offset: 1024>>
  exec.linear %ds, %both, %w {alpha = 1.0 : f64, transposed = true} : memref<4x8192x64xbf16, strided<[8912896, 1088, 1], offset: 1024>>, memref<4x8192x1024xbf16, strided<[8912896, 1088, 1]>>, memref<1024x64xbf16>
  %s_gate = exec.columns "s_gate" of %s[0] : memref<4x8192x64xbf16> -> memref<4x8192x4xbf16, strided<[524288, 64, 1]>>
  %grad_gate = exec.gradient @gate_B : memref<512x4xf32>
  exec.linear_weight_grad %grad_gate, %gate, %s_gate {alpha = 2.0 : f64} : memref<512x4xf32>, memref<4x8192x512xbf16, strided<[8912896, 1088, 1]>>, memref<4x8192x4xbf16, strided<[524288, 64, 1]>>
  %s_up = exec.columns "s_up" of %s[4] : memref<4x8192x64xbf16> -> memref<4x8192x16xbf16, strided<[524288, 64, 1], offset: 4>>
  %grad_up = exec.gradient @up_B : memref<512x16xf32>
  exec.linear_weight_grad %grad_up, %up, %s_up {alpha = 2.0 : f64} : memref<512x16xf32>, memref<4x8192x512xbf16, strided<[8912896, 1088, 1], offset: 512>>, memref<4x8192x16xbf16, strided<[524288, 64, 1], offset: 4>>
  // CHECK-NOT: exec.linear_weight_grad
  // CHECK: return
  return
}

// The backward part begins with what is next where it began with a sum that has moved.
// CHECK-LABEL: func.func @backward_begins()
func.func @backward_begins() {
  %x = exec.buffer "x" : memref<4x8192x512xbf16>
  %h = exec.buffer "h" : memref<4x8192x512xbf16>
  %s = exec.buffer "s" : memref<4x8192x4xbf16>
  %g = exec.gradient @gate_B : memref<512x4xf32>
  // CHECK: exec.map_weight_grads @mul({{.*}} scales [1.000000e+00]{{$}}
  exec.map @mul(%h, %x, %x) : memref<4x8192x512xbf16>, memref<4x8192x512xbf16>, memref<4x8192x512xbf16>
  exec.linear_weight_grad %g, %h, %s {alpha = 1.0 : f64, exec.backward} : memref<512x4xf32>, memref<4x8192x512xbf16>, memref<4x8192x4xbf16>
  // CHECK-NEXT: exec.copy %x, %h {exec.backward}
  exec.copy %x, %h : memref<4x8192x512xbf16>, memref<4x8192x512xbf16>
  // CHECK: exec.map_weight_grads @mul({{.*}} scales [1.000000e+00] {exec.backward}
  exec.map @mul(%x, %h, %h) {exec.backward} : memref<4x8192x512xbf16>, memref<4x8192x512xbf16>, memref<4x8192x512xbf16>
  exec.linear_weight_grad %g, %x, %s {alpha = 1.0 : f64} : memref<512x4xf32>, memref<4x8192x512xbf16>, memref<4x8192x4xbf16>
  return
}
