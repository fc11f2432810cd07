// RUN: peft-opt %s --peft-insert-lora --split-input-file --verify-diagnostics

nn.parameter frozen @w : tensor<6x4xf32>
nn.parameter trainable @base_model.model.q.lora_A.weight {init = #nn.init<zeros>} : tensor<2x4xf32>
func.func @adapted_already(%x: tensor<8x4xf32>) -> tensor<8x6xf32> {
  %w = nn.get @w : tensor<6x4xf32>
  // expected-error @+1 {{parameter 'base_model.model.q.lora_A.weight' is there already, expected a model without this adapter}}
  %q = nn.linear %x, %w module("q") {peft.lora = #peft.lora<r = 2, scale = 2.0 : f64, dropout = 0.0 : f64, bias = false, init = "default">} : (tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  return %q : tensor<8x6xf32>
}

// -----

nn.parameter frozen @w : tensor<6x4xf32>
func.func @no_seed(%x: tensor<8x4xf32>) -> tensor<8x6xf32> {
  %w = nn.get @w : tensor<6x4xf32>
  // expected-error @+1 {{expected the function's last argument to be the seed of dropout, an i64}}
  %q = nn.linear %x, %w module("q") {peft.lora = #peft.lora<r = 2, scale = 2.0 : f64, dropout = 0.1 : f64, bias = false, init = "default">} : (tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  return %q : tensor<8x6xf32>
}

// -----

func.func @not_a_linear(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error @+1 {{expected peft.lora on nn.linear or nn.embedding}}
  %y = nn.residual %x, %x {peft.lora = #peft.lora<r = 2, scale = 2.0 : f64, dropout = 0.0 : f64, bias = false, init = "default">} : tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}
