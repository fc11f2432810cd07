// What a GPU alone has a function for.

// RUN: peft-opt %s --peft-plan --verify-diagnostics
// RUN: peft-opt %s --peft-plan=target=cuda | FileCheck %s

func.func private @double(%a: f32) -> f32 {
  %0 = arith.addf %a, %a : f32
  return %0 : f32
}

nn.parameter trainable @g : tensor<32x4xf32>

// CHECK-LABEL: @micro_step
func.func @micro_step() {
  // CHECK: exec.buffer "x" at {{[0-9]+}}
  %x = exec.buffer "x" : memref<8x32xbf16>
  // CHECK: exec.buffer "s" at {{[0-9]+}}
  %s = exec.buffer "s" : memref<8x4xbf16>
  %g = exec.gradient @g : memref<32x4xf32>
  // expected-error @+2 {{has no function on target cpu}}
  // expected-note @+1 {{peft-attach-weight-grads makes it for cuda only}}
  exec.map_weight_grads @double(%x : memref<8x32xbf16>) stores [] grads [0] (%g : memref<32x4xf32> with %s : memref<8x4xbf16>) scales [1.0]
  return
}
