// One node behind each marked op; parameters are float32 whatever the model computes in.

// RUN: peft-opt %s --peft-insert-lora | FileCheck %s

// CHECK-DAG: nn.parameter frozen @base_model.model.q.lora_A.weight {init = #nn.init<uniform>, init_value = 5.000000e-01 : f64, peft.train = "base_model.model.q.lora_A.weight"} : tensor<2x4xf32>
// CHECK-DAG: nn.parameter frozen @base_model.model.q.lora_B.weight {init = #nn.init<zeros>, peft.train = "base_model.model.q.lora_B.weight"} : tensor<6x2xf32>
// CHECK-DAG: @base_model.model.g.lora_A.weight {init = #nn.init<normal>, init_value = 5.000000e-01 : f64
// CHECK-DAG: @base_model.model.g.lora_B.bias {init = #nn.init<zeros>
// CHECK-DAG: @base_model.model.e.lora_embedding_A {init = #nn.init<zeros>, peft.train = "base_model.model.e.lora_embedding_A"} : tensor<2x9xf32>
// CHECK-DAG: @base_model.model.e.lora_embedding_B {init = #nn.init<normal>, init_value = 1.000000e+00 : f64, peft.train = "base_model.model.e.lora_embedding_B"} : tensor<4x2xf32>
nn.parameter frozen @e.weight : tensor<9x4xbf16>
nn.parameter frozen @q.weight : tensor<6x4xbf16>

// CHECK-LABEL: @bf16_model
func.func @bf16_model(%ids: tensor<8xi32>, %seed: i64) -> (tensor<8x6xbf16>, tensor<8x6xbf16>, tensor<8x6xbf16>) {
  // CHECK: %[[E:.*]] = nn.embedding
  // CHECK: %[[X:.*]] = peft.lora_embedding %[[E]], %{{.*}}, %{{.*}}, %{{.*}} scale(5.000000e-01)
  %t = nn.get @e.weight : tensor<9x4xbf16>
  %x = nn.embedding %ids, %t module("e") {peft.lora = #peft.lora<r = 2, scale = 0.5 : f64, dropout = 0.0 : f64, bias = false, init = "default">} : (tensor<8xi32>, tensor<9x4xbf16>) -> tensor<8x4xbf16>
  %w = nn.get @q.weight : tensor<6x4xbf16>
  // CHECK: %[[Q:.*]] = nn.linear %[[X]], %{{.*}} module("q") :
  // CHECK: %[[A32:.*]] = nn.get @base_model.model.q.lora_A.weight : tensor<2x4xf32>
  // CHECK: %[[A:.*]] = nn.cast %[[A32]] : tensor<2x4xf32> to tensor<2x4xbf16>
  // CHECK: %[[LQ:.*]] = peft.lora %[[Q]], %[[X]], %[[A]], %{{.*}} seed %{{.*}} scale(2.000000e+00) {dropout = 1.000000e-01 : f64, salt = 1 : i32}
  %q = nn.linear %x, %w module("q") {peft.lora = #peft.lora<r = 2, scale = 2.0 : f64, dropout = 0.1 : f64, bias = false, init = "default">} : (tensor<8x4xbf16>, tensor<6x4xbf16>) -> tensor<8x6xbf16>
  // Each place has a mask of its own.
  // CHECK: peft.lora {{.*}} bias %{{.*}} seed %{{.*}} salt = 2 : i32
  %g = nn.linear %x, %w module("g") {peft.lora = #peft.lora<r = 2, scale = 2.0 : f64, dropout = 0.1 : f64, bias = true, init = "gaussian">} : (tensor<8x4xbf16>, tensor<6x4xbf16>) -> tensor<8x6xbf16>
  // Refused: an op without the mark.
  // CHECK: %[[V:.*]] = nn.linear %[[X]], %{{.*}} module("v")
  // CHECK-NEXT: return %[[LQ]], %{{.*}}, %[[V]]
  %v = nn.linear %x, %w module("v") : (tensor<8x4xbf16>, tensor<6x4xbf16>) -> tensor<8x6xbf16>
  return %q, %g, %v : tensor<8x6xbf16>, tensor<8x6xbf16>, tensor<8x6xbf16>
}
