// A map that sums its results over rows, with thin tensors.

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

// The example of the documentation.
// CHECK-LABEL: @one
func.func @one(%gate: memref<8x32xbf16>, %up: memref<8x32xbf16>, %h: memref<8x32xbf16>, %grad_A: memref<4x32xf32>, %ds: memref<8x4xbf16>) {
  // CHECK: exec.map_weight_grads @silu_mul(%{{.*}}, %{{.*}} : memref<8x32xbf16>, memref<8x32xbf16>) stores [0](%{{.*}} : memref<8x32xbf16>) grads [0](%{{.*}} : memref<4x32xf32> with %{{.*}} : memref<8x4xbf16>) scales [1.000000e+00]{{$}}
  exec.map_weight_grads @silu_mul(%gate, %up : memref<8x32xbf16>, memref<8x32xbf16>) stores [0] (%h : memref<8x32xbf16>)
      grads [0] (%grad_A : memref<4x32xf32> with %ds : memref<8x4xbf16>) scales [1.0]
  return
}

// Nothing stored, gradients of both shapes.
// CHECK-LABEL: @all
func.func @all(%x: memref<2x4x32xbf16>, %g0: memref<32x5xf32>, %g1: memref<6x32xf32>, %s0: memref<2x4x5xbf16>, %s1: memref<2x4x6xbf16>) {
  // CHECK: exec.map_weight_grads @mul_add(%{{.*}}, %{{.*}} : memref<2x4x32xbf16>, memref<2x4x32xbf16>) stores [] grads [0, 1](%{{.*}}, %{{.*}} : memref<32x5xf32>, memref<6x32xf32> with %{{.*}}, %{{.*}} : memref<2x4x5xbf16>, memref<2x4x6xbf16>) scales [3.000000e+00, 4.000000e+00]
  exec.map_weight_grads @mul_add(%x, %x : memref<2x4x32xbf16>, memref<2x4x32xbf16>) stores []
      grads [0, 1] (%g0, %g1 : memref<32x5xf32>, memref<6x32xf32> with %s0, %s1 : memref<2x4x5xbf16>, memref<2x4x6xbf16>) scales [3.0, 4.0]
  return
}
