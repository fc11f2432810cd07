// RUN: not peft-opt %s --peft-rematerialize 2>&1 | FileCheck %s

// CHECK: 'nn.linear' op is marked train.keep = "forget": expected "recompute" or "offload"
func.func @micro_step(%a: tensor<8x4xf32>, %v: tensor<4x4xf32>) -> tensor<8x4xf32> {
  %x = nn.linear %a, %v {train.keep = "forget"} : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %dw = nn.linear_weight_grad %a, %x {train.backward} : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<4x4xf32>
  return %x : tensor<8x4xf32>
}
