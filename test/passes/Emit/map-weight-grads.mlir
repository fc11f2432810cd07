// A map with sums is a call that says as bits which results are written and which are summed.

// RUN: peft-opt %s --peft-emit | peft-translate --peft-to-cpp | FileCheck %s

// CHECK:      #include "peft/runtime/program.h"
// CHECK-NEXT: #include "peft/runtime/map_weight_grads.h"

module attributes {nn.name = "tiny", nn.path = "models/tiny", nn.vocab_size = 9 : i64, train.batch = 2 : i64, train.optimizer = "adamw", train.seq_len = 8 : i64,
  exec.layout = {arena = 4096 : i64, gradient = 1024 : i64, optimizer = 2048 : i64, optimizer_slots = 2 : i64, trainable = 0 : i64, trainable_bytes = 1024 : i64, transient = 4096 : i64, weights = 4096 : i64},
  exec.memory = [["temporaries", 256]]} {
nn.parameter trainable @a {exec.offset = 0 : i64, init = #nn.init<normal>, init_value = 0.02 : f64} : tensor<4x32xf32>

// CHECK: static PEFT_HD rt::Floats<3> three(float a)
func.func private @three(%a: f32) -> (f32, f32, f32) {
  %0 = arith.mulf %a, %a : f32
  %1 = arith.addf %a, %a : f32
  return %a, %0, %1 : f32, f32, f32
}

func.func @forward() {
  %x = exec.buffer "x" at 4096 : memref<8x32xbf16>
  %h = exec.buffer "h" at 5120 : memref<8x32xbf16>
  %t = exec.buffer "t" at 8192 : memref<8x4xbf16>
  %g = exec.gradient @a : memref<4x32xf32>
  // CHECK: static const float scales_1[] = {2.0f};
  // CHECK: rt::map_weight_grads<three, 0b100, 0b010>(ctx, grad_a, h, t, x, scales_1, 1);
  exec.map_weight_grads @three(%x : memref<8x32xbf16>) stores [2] (%h : memref<8x32xbf16>)
      grads [1] (%g : memref<4x32xf32> with %t : memref<8x4xbf16>) scales [2.0]
  %loss = exec.buffer "loss" at 9216 : memref<f32>
  exec.output "logits", %loss : memref<f32>
  return
}
}
