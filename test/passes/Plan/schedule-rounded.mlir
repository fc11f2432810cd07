// A model that computes in bfloat16 reads float32 parameters rounded. All of them are rounded by one call where the
// function begins, and each is a part of that copy: the forward and the backward part read the same.

// RUN: peft-opt %s --peft-schedule --split-input-file | FileCheck %s

nn.parameter trainable @"m.q_proj.lora_A.weight" : tensor<2x4xf32>
nn.parameter trainable @"m.q_proj.lora_B.weight" : tensor<4x2xf32>
nn.parameter frozen @x : tensor<8x4xbf16>
nn.parameter frozen @l : tensor<f32>

// CHECK-LABEL: @evaluate
// CHECK:     %adapters = exec.buffer "adapters" : memref<32xbf16>
// A parameter begins at a multiple of 16 floats.
// CHECK-DAG: %[[A:.*]] = exec.slice "q_proj_lora_A" of %adapters[0] : memref<32xbf16> -> memref<2x4xbf16>
// CHECK-DAG: %[[B:.*]] = exec.slice "q_proj_lora_B" of %adapters[16] : memref<32xbf16> -> memref<4x2xbf16>
// CHECK-DAG: %[[ALL:.*]] = exec.flat "parameters" : memref<32xf32>
// CHECK:     exec.map @identity(%adapters, %[[ALL]])
// CHECK-NOT: exec.map
// CHECK:     exec.linear %[[S:.*]], %{{.*}}, %[[A]]
// CHECK:     exec.linear %{{.*}}, %[[S]], %[[B]]
func.func @evaluate() -> tensor<f32> {
  %a32 = nn.get @"m.q_proj.lora_A.weight" : tensor<2x4xf32>
  %b32 = nn.get @"m.q_proj.lora_B.weight" : tensor<4x2xf32>
  %x = nn.get @x : tensor<8x4xbf16>
  %l = nn.get @l : tensor<f32>
  %a = train.elementwise(%a32 : tensor<2x4xf32>) {
  ^bb0(%v: f32):
    train.yield %v : f32
  } -> tensor<2x4xbf16>
  %b = train.elementwise(%b32 : tensor<4x2xf32>) {
  ^bb0(%v: f32):
    train.yield %v : f32
  } -> tensor<4x2xbf16>
  %s = nn.linear %x, %a : (tensor<8x4xbf16>, tensor<2x4xbf16>) -> tensor<8x2xbf16>
  %y = nn.linear %s, %b : (tensor<8x2xbf16>, tensor<4x2xbf16>) -> tensor<8x4xbf16>
  return %l : tensor<f32>
}

// -----

// A copy of a large parameter would cost memory all the time, and its rounding costs its traffic, not its call: where
// there is one, each is rounded where it is read, into a buffer that soon is free again.

nn.parameter trainable @"m.q_proj.lora_A.weight" : tensor<2x4xf32>
nn.parameter trainable @"m.embed.weight" : tensor<1024x1024xf32>
nn.parameter frozen @x : tensor<8x4xbf16>
nn.parameter frozen @l : tensor<f32>

// CHECK-LABEL: @evaluate
// CHECK-NOT: exec.slice
// CHECK:     exec.map @identity(%{{.*}}, %lora_A_weight)
// CHECK-NOT: exec.slice
func.func @evaluate() -> tensor<f32> {
  %a32 = nn.get @"m.q_proj.lora_A.weight" : tensor<2x4xf32>
  %x = nn.get @x : tensor<8x4xbf16>
  %l = nn.get @l : tensor<f32>
  %a = train.elementwise(%a32 : tensor<2x4xf32>) {
  ^bb0(%v: f32):
    train.yield %v : f32
  } -> tensor<2x4xbf16>
  %s = nn.linear %x, %a : (tensor<8x4xbf16>, tensor<2x4xbf16>) -> tensor<8x2xbf16>
  return %l : tensor<f32>
}
