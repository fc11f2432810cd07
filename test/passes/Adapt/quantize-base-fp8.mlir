// The mark's encoding goes to the frozen weights of linears; a weight that is encoded already keeps its own.

// RUN: peft-opt %s --split-input-file --peft-quantize-base --peft-fuse-quantized-linear | FileCheck %s
// RUN: sed 's/#peft.fp8}/32 : i64}/' %s | not peft-opt --split-input-file --peft-quantize-base 2>&1 | FileCheck %s --check-prefix=MARK
// RUN: sed 's/nn.parameter frozen @model.layers.0.mlp.down_proj.weight/& {peft.train = "w"}/' %s | not peft-opt --split-input-file --peft-quantize-base 2>&1 | FileCheck %s --check-prefix=NONE

module attributes {peft.quantize = #peft.fp8} {
  // CHECK: nn.parameter frozen @model.layers.0.mlp.down_proj.weight : tensor<16x48xbf16, #peft.fp8>
  nn.parameter frozen @model.layers.0.mlp.down_proj.weight : tensor<16x48xbf16>
  // CHECK: nn.parameter frozen @model.layers.0.mlp.up_proj.weight : tensor<48x16xbf16, #peft.nf4<block = 64, nested = 0>>
  nn.parameter frozen @model.layers.0.mlp.up_proj.weight : tensor<48x16xbf16, #peft.nf4<block = 64, nested = 0>>
  // CHECK: nn.parameter frozen @lm_head.weight : tensor<32x16xbf16>
  nn.parameter frozen @lm_head.weight : tensor<32x16xbf16>
  // CHECK-LABEL: @mlp
  func.func @mlp(%x: tensor<8x16xbf16>) -> tensor<8x32xbf16> {
    // CHECK: peft.quantized_linear %arg0, %{{.*}} : (tensor<8x16xbf16>, tensor<48x16xbf16, #peft.nf4<block = 64, nested = 0>>)
    %u = nn.get @model.layers.0.mlp.up_proj.weight : tensor<48x16xbf16, #peft.nf4<block = 64, nested = 0>>
    %v = peft.dequantize %u : (tensor<48x16xbf16, #peft.nf4<block = 64, nested = 0>>) -> tensor<48x16xbf16>
    %h = nn.linear %x, %v module("model.layers.0.mlp.up_proj") : (tensor<8x16xbf16>, tensor<48x16xbf16>) -> tensor<8x48xbf16>
    // CHECK: %[[W:.*]] = nn.get @model.layers.0.mlp.down_proj.weight : tensor<16x48xbf16, #peft.fp8>
    // CHECK: peft.quantized_linear %{{.*}}, %[[W]] : (tensor<8x48xbf16>, tensor<16x48xbf16, #peft.fp8>) -> tensor<8x16xbf16>
    %w = nn.get @model.layers.0.mlp.down_proj.weight : tensor<16x48xbf16>
    %y = nn.linear %h, %w module("model.layers.0.mlp.down_proj") : (tensor<8x48xbf16>, tensor<16x48xbf16>) -> tensor<8x16xbf16>
    // CHECK: nn.linear %{{.*}} module("lm_head")
    %t = nn.get @lm_head.weight : tensor<32x16xbf16>
    %z = nn.linear %y, %t module("lm_head") : (tensor<8x16xbf16>, tensor<32x16xbf16>) -> tensor<8x32xbf16>
    return %z : tensor<8x32xbf16>
  }
}

// MARK: expected peft.quantize to be an encoding such as #peft.nf4, got 32 : i64

// What is left is stored in another way: that is not what was asked for.
// NONE: --quantize: no frozen weight of a linear is left to be quantized
