// y = x + h becomes y = x + bottleneck(h, x + h).

// RUN: peft-opt %s --peft-insert-bottleneck --split-input-file --verify-diagnostics | FileCheck %s

// CHECK: nn.parameter frozen @l.adapter_down.0.weight {init = #nn.init<normal>, init_value = 2.000000e-02 : f64, {{.*}}} : tensor<2x4xf32>
// CHECK: nn.parameter frozen @l.adapter_down.0.bias {init = #nn.init<zeros>, {{.*}}} : tensor<2xf32>
// CHECK: nn.parameter frozen @l.adapter_up.weight {init = #nn.init<normal>, {{.*}}} : tensor<4x2xf32>
// CHECK: nn.parameter frozen @l.adapter_up.bias
// CHECK-LABEL: @pfeiffer(%arg0: tensor<8x4xf32>, %arg1: tensor<8x4xf32>)
// CHECK: %[[T:.*]] = nn.residual %arg0, %arg1 : tensor<8x4xf32>
// CHECK: %[[Z:.*]] = peft.bottleneck relu %arg1, %[[T]],
// CHECK: %[[Y:.*]] = nn.residual %arg0, %[[Z]] module("l.mlp") : tensor<8x4xf32>
// CHECK: return %[[Y]]
func.func @pfeiffer(%x: tensor<8x4xf32>, %h: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %y = nn.residual %x, %h module("l.mlp") {peft.bottleneck = #peft.bottleneck<width = 2, activation = "relu", scale = 1.0 : f64, key = "l">} : tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// CHECK-LABEL: @kept_without_mark
// CHECK-NEXT: nn.residual
// CHECK-NEXT: return
func.func @kept_without_mark(%x: tensor<8x4xf32>, %h: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %y = nn.residual %x, %h module("l.mlp") : tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

func.func @not_a_residual(%x: tensor<8x4xf32>, %h: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error @+1 {{expected #peft.bottleneck as peft.bottleneck on an nn.residual of tensors}}
  %y = arith.addf %x, %h {peft.bottleneck = #peft.bottleneck<width = 2, activation = "relu", scale = 1.0 : f64, key = "l">} : tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}
