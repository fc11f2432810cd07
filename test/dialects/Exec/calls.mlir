// A call is one function of the runtime: results first, then operands, then attributes.

// RUN: peft-opt %s | peft-opt | FileCheck %s
// RUN: peft-opt %s --mlir-print-op-generic | peft-opt | FileCheck %s

func.func private @silu_mul(%a: f32, %b: f32) -> f32 {
  %0 = nn.activation silu %a : f32
  %1 = arith.mulf %0, %b : f32
  return %1 : f32
}

func.func private @mul_add(%a: f32, %b: f32) -> (f32, f32) {
  %0 = arith.mulf %a, %b : f32
  %1 = arith.addf %a, %b : f32
  return %0, %1 : f32, f32
}

// CHECK-LABEL: @forward_calls
func.func @forward_calls(%x: memref<8x4xf32>, %w: memref<4x4xf32>, %v: memref<4xf32>, %ids: memref<8xi32>) {
  %y = exec.buffer "y" : memref<8x4xf32>
  // CHECK: exec.embedding %y, %{{.*}}, %{{.*}} : memref<8x4xf32>, memref<8xi32>, memref<4x4xf32>
  exec.embedding %y, %ids, %w : memref<8x4xf32>, memref<8xi32>, memref<4x4xf32>
  // CHECK: exec.rms_norm %y, %{{.*}}, %{{.*}} {eps = 1.000000e-05 : f64} : memref<8x4xf32>, memref<8x4xf32>, memref<4xf32>
  exec.rms_norm %y, %x, %v {eps = 1.0e-5 : f64} : memref<8x4xf32>, memref<8x4xf32>, memref<4xf32>
  // A bias stands before the attributes, and may be absent.
  // CHECK: exec.linear %y, %{{.*}}, %{{.*}} {alpha = 1.000000e+00 : f64, transposed = false} : memref<8x4xf32>, memref<8x4xf32>, memref<4x4xf32>
  exec.linear %y, %x, %w {transposed = false, alpha = 1.0 : f64} : memref<8x4xf32>, memref<8x4xf32>, memref<4x4xf32>
  // CHECK: exec.linear %y, %{{.*}}, %{{.*}}, %{{.*}} {{.*}} : memref<8x4xf32>, memref<8x4xf32>, memref<4x4xf32>, memref<4xf32>
  exec.linear %y, %x, %w, %v {transposed = false, alpha = 1.0 : f64} : memref<8x4xf32>, memref<8x4xf32>, memref<4x4xf32>, memref<4xf32>
  // CHECK: exec.map @silu_mul(%y, %y, %{{.*}}) : memref<8x4xf32>, memref<8x4xf32>, memref<8x4xf32>
  exec.map @silu_mul(%y, %y, %x) : memref<8x4xf32>, memref<8x4xf32>, memref<8x4xf32>
  // The example of the documentation.
  %s = exec.buffer "s" : memref<8x4xf32>
  // CHECK: exec.map @mul_add(%y, %s, %{{.*}}, %y) outputs(2) : memref<8x4xf32>, memref<8x4xf32>, memref<8x4xf32>, memref<8x4xf32>
  exec.map @mul_add(%y, %s, %x, %y) outputs(2) : memref<8x4xf32>, memref<8x4xf32>, memref<8x4xf32>, memref<8x4xf32>
  return
}

// CHECK-LABEL: @update_calls
func.func @update_calls(%p: memref<64xf32>, %g: memref<64xf32>, %m: memref<64xf32>, %v: memref<64xf32>) {
  %u = exec.argument "update" : !emitc.opaque<"peft_update_t">
  %n = exec.buffer "norm" : memref<f32>
  // CHECK: exec.clip_norm %norm, %{{.*}}, %{{.*}} : memref<f32>, memref<64xf32>, !emitc.opaque<"peft_update_t">
  exec.clip_norm %n, %g, %u : memref<f32>, memref<64xf32>, !emitc.opaque<"peft_update_t">
  // CHECK: exec.adamw %{{.*}} : memref<64xf32>, memref<64xf32>, memref<64xf32>, memref<64xf32>, !emitc.opaque<"peft_update_t">
  exec.adamw %p, %g, %m, %v, %u : memref<64xf32>, memref<64xf32>, memref<64xf32>, memref<64xf32>, !emitc.opaque<"peft_update_t">
  // CHECK: exec.sgd %{{.*}} : memref<64xf32>, memref<64xf32>, memref<64xf32>, !emitc.opaque<"peft_update_t">
  exec.sgd %p, %g, %m, %u : memref<64xf32>, memref<64xf32>, memref<64xf32>, !emitc.opaque<"peft_update_t">
  return
}

// CHECK-LABEL: @host_calls
func.func @host_calls(%x: memref<8x4xbf16>) {
  %h = exec.buffer "x_host" at 0 : memref<8x4xbf16, 1>
  // CHECK: exec.offload %x_host, %{{.*}} : memref<8x4xbf16, 1>, memref<8x4xbf16>
  exec.offload %h, %x : memref<8x4xbf16, 1>, memref<8x4xbf16>
  // CHECK: exec.await %{{.*}} : memref<8x4xbf16>
  exec.await %x : memref<8x4xbf16>
  // CHECK: exec.fetch %{{.*}}, %x_host : memref<8x4xbf16>, memref<8x4xbf16, 1>
  exec.fetch %x, %h : memref<8x4xbf16>, memref<8x4xbf16, 1>
  return
}
