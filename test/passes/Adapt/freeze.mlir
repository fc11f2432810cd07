// Everything is frozen but what is marked; a trained parameter is float32 under the name it is saved by.

// RUN: peft-opt %s --peft-freeze --split-input-file --verify-diagnostics | FileCheck %s

// CHECK: nn.parameter frozen @w : tensor<6x4xbf16>
// CHECK: nn.parameter trainable @base_model.model.q.base_layer.bias {source = "q.bias"} : tensor<6xf32>
// CHECK: nn.parameter frozen @other : tensor<6xf32>
nn.parameter frozen @w : tensor<6x4xbf16>
nn.parameter frozen @q.bias {peft.train = "base_model.model.q.base_layer.bias"} : tensor<6xbf16>
nn.parameter trainable @other : tensor<6xf32>

// CHECK-LABEL: @bf16_model
// CHECK: %[[B:.*]] = nn.get @base_model.model.q.base_layer.bias : tensor<6xf32>
// CHECK: %[[C:.*]] = nn.cast %[[B]] : tensor<6xf32> to tensor<6xbf16>
// CHECK: nn.linear %{{.*}}, %{{.*}} bias %[[C]]
func.func @bf16_model(%x: tensor<8x4xbf16>) -> tensor<8x6xbf16> {
  %w = nn.get @w : tensor<6x4xbf16>
  %b = nn.get @q.bias : tensor<6xbf16>
  %y = nn.linear %x, %w bias %b module("q") : (tensor<8x4xbf16>, tensor<6x4xbf16>, tensor<6xbf16>) -> tensor<8x6xbf16>
  return %y : tensor<8x6xbf16>
}

// -----

// expected-error @+1 {{a quantized weight can only be frozen}}
nn.parameter frozen @quantized {peft.train = "quantized"} : tensor<64x64xf32, #peft.nf4<block = 64, nested = 0>>
