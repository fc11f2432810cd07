// What may not leave the adapted level, and the pass that should have seen to it.

// RUN: peft-opt %s --peft-verify-adapted --split-input-file --verify-diagnostics

nn.parameter trainable @w : tensor<6x4xf32>
func.func @adapted(%x: tensor<8x4xf32>) -> tensor<8x6xf32> {
  %w = nn.get @w : tensor<6x4xf32>
  %y = nn.linear %x, %w : (tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  return %y : tensor<8x6xf32>
}

// -----

func.func @node(%y: tensor<8x6xf32>, %x: tensor<8x4xf32>, %a: tensor<3x4xf32>, %b: tensor<6x3xf32>) -> tensor<8x6xf32> {
  // expected-error @+1 {{expected no adapter node here; peft-decompose-adapters should have removed it}}
  %0 = peft.lora %y, %x, %a, %b scale(2.0) : (tensor<8x6xf32>, tensor<8x4xf32>, tensor<3x4xf32>, tensor<6x3xf32>) -> tensor<8x6xf32>
  return %0 : tensor<8x6xf32>
}

// -----

// expected-error @+1 {{expected no peft.train here; peft-freeze should have removed it}}
nn.parameter frozen @w {peft.train = "w"} : tensor<6x4xf32>

// -----

// expected-error @+1 {{expected a trainable parameter to be read, but nothing does}}
nn.parameter trainable @w : tensor<6x4xf32>

// -----

// expected-error @+1 {{expected a trainable parameter; peft-freeze found nothing to train}}
module {
  nn.parameter frozen @w : tensor<6x4xf32>
}
