// Norm, rotary positions and attention: what a block's first branch is made of.

// RUN: peft-opt %s | peft-opt | FileCheck %s
// RUN: peft-opt %s --mlir-print-op-generic | peft-opt | FileCheck %s

// CHECK-LABEL: @rms_norm_of_a_block_and_of_each_head
func.func @rms_norm_of_a_block_and_of_each_head(%x: tensor<2x8x64xf32>, %w: tensor<64xf32>, %h: tensor<16xf32>) -> tensor<2x8x64xf32> {
  // CHECK: nn.rms_norm %{{.*}}, %{{.*}} eps(1.000000e-05) : (tensor<2x8x64xf32>, tensor<64xf32>) -> tensor<2x8x64xf32>
  %0 = nn.rms_norm %x, %w eps(1.0e-5) : (tensor<2x8x64xf32>, tensor<64xf32>) -> tensor<2x8x64xf32>
  // CHECK: nn.rms_norm %{{.*}}, %{{.*}} eps(2.500000e-01) : (tensor<2x8x64xf32>, tensor<16xf32>) -> tensor<2x8x64xf32>
  %1 = nn.rms_norm %0, %h eps(0.25) : (tensor<2x8x64xf32>, tensor<16xf32>) -> tensor<2x8x64xf32>
  return %1 : tensor<2x8x64xf32>
}

// A part of each head may stay as it is: two frequencies turn four of its dimensions.
// CHECK-LABEL: @rope_turns_and_turns_back
func.func @rope_turns_and_turns_back(%x: tensor<2x8x64xf32>, %p: tensor<2x8xi32>) -> tensor<2x8x64xf32> {
  // CHECK: nn.rope %{{.*}}, %{{.*}} {head_dim = 16 : i64, inv_freq = array<f32: 1.000000e+00, 1.000000e-01>, scale = 1.250000e+00 : f64} : (tensor<2x8x64xf32>, tensor<2x8xi32>) -> tensor<2x8x64xf32>
  %0 = nn.rope %x, %p {head_dim = 16 : i64, inv_freq = array<f32: 1.0, 0.1>, scale = 1.25 : f64} : (tensor<2x8x64xf32>, tensor<2x8xi32>) -> tensor<2x8x64xf32>
  // CHECK: nn.rope %{{.*}}, %{{.*}} inverse {head_dim = 16 : i64, inv_freq = array<f32: 1.000000e+00, 1.000000e-01>} :
  %1 = nn.rope %0, %p inverse {head_dim = 16 : i64, inv_freq = array<f32: 1.0, 0.1>} : (tensor<2x8x64xf32>, tensor<2x8xi32>) -> tensor<2x8x64xf32>
  return %1 : tensor<2x8x64xf32>
}

// Four heads of queries share two of keys; lse has a value for each query head and token.
// CHECK-LABEL: @attention_shares_keys_among_heads
func.func @attention_shares_keys_among_heads(%q: tensor<2x8x64xbf16>, %k: tensor<2x8x32xbf16>, %v: tensor<2x8x32xbf16>, %s: tensor<2x8xi32>) -> (tensor<2x8x64xbf16>, tensor<2x4x8xf32>) {
  // CHECK: nn.attention %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {head_dim = 16 : i64, scale = 2.500000e-01 : f64, window = 4 : i64} : (tensor<2x8x64xbf16>, tensor<2x8x32xbf16>, tensor<2x8x32xbf16>, tensor<2x8xi32>) -> (tensor<2x8x64xbf16>, tensor<2x4x8xf32>)
  %out, %lse = nn.attention %q, %k, %v, %s {head_dim = 16 : i64, scale = 0.25 : f64, window = 4 : i64} : (tensor<2x8x64xbf16>, tensor<2x8x32xbf16>, tensor<2x8x32xbf16>, tensor<2x8xi32>) -> (tensor<2x8x64xbf16>, tensor<2x4x8xf32>)
  return %out, %lse : tensor<2x8x64xbf16>, tensor<2x4x8xf32>
}
