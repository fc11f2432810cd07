// Without a loss, a way to it, or something to train there is no step.

// RUN: peft-opt %s --split-input-file --verify-diagnostics --peft-differentiate

// expected-error @+1 {{expected a function @loss to differentiate}}
module {
}

// -----

nn.parameter frozen @w : tensor<4x8xf32>

// expected-error @+1 {{nothing to train: the loss depends on no trainable parameter}}
func.func @loss(%x: tensor<2x8xf32>, %t: tensor<2xi32>) -> tensor<f32> {
  %w = nn.get @w : tensor<4x8xf32>
  %y = nn.linear %x, %w : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
  %loss, %lse = nn.cross_entropy %y, %t : (tensor<2x4xf32>, tensor<2xi32>) -> (tensor<f32>, tensor<2xf32>)
  return %loss : tensor<f32>
}

// -----

// A trainable parameter that the loss does not need is no way either.
nn.parameter trainable @w : tensor<4x8xf32>

// expected-error @+1 {{nothing to train: the loss depends on no trainable parameter}}
func.func @loss(%x: tensor<2x8xf32>, %y: tensor<2x4xf32>, %t: tensor<2xi32>) -> tensor<f32> {
  %w = nn.get @w : tensor<4x8xf32>
  %0 = nn.linear %x, %w : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
  %loss, %lse = nn.cross_entropy %y, %t : (tensor<2x4xf32>, tensor<2xi32>) -> (tensor<f32>, tensor<2xf32>)
  return %loss : tensor<f32>
}

// -----

nn.parameter trainable @w : tensor<2x8xf32>

func.func @loss(%t: tensor<2xi32>) -> tensor<f32> {
  %w = nn.get @w : tensor<2x8xf32>
  // expected-error @+1 {{stands between a trainable parameter and the loss, but has no gradient}}
  %y = arith.negf %w : tensor<2x8xf32>
  %loss, %lse = nn.cross_entropy %y, %t : (tensor<2x8xf32>, tensor<2xi32>) -> (tensor<f32>, tensor<2xf32>)
  return %loss : tensor<f32>
}

// -----

// Nor have these of our own dialects: docs/differentiation.md says why.
nn.parameter trainable @w : tensor<2x3x8xf32>

func.func @loss(%rows: tensor<2xi32>, %t: tensor<2xi32>) -> tensor<f32> {
  %w = nn.get @w : tensor<2x3x8xf32>
  // expected-error @+1 {{stands between a trainable parameter and the loss, but has no gradient}}
  %y = nn.select_rows %w, %rows : (tensor<2x3x8xf32>, tensor<2xi32>) -> tensor<2x8xf32>
  %loss, %lse = nn.cross_entropy %y, %t : (tensor<2x8xf32>, tensor<2xi32>) -> (tensor<f32>, tensor<2xf32>)
  return %loss : tensor<f32>
}

// -----

nn.parameter trainable @a : tensor<4x8xf32>
nn.parameter trainable @b : tensor<8x4xf32>

func.func @loss(%x: tensor<2x8xf32>, %base: tensor<2x8xf32>, %t: tensor<2xi32>) -> tensor<f32> {
  %a = nn.get @a : tensor<4x8xf32>
  %b = nn.get @b : tensor<8x4xf32>
  // expected-error @+1 {{stands between a trainable parameter and the loss, but has no gradient}}
  %y = peft.lora %base, %x, %a, %b scale(2.0) : (tensor<2x8xf32>, tensor<2x8xf32>, tensor<4x8xf32>, tensor<8x4xf32>) -> tensor<2x8xf32>
  %loss, %lse = nn.cross_entropy %y, %t : (tensor<2x8xf32>, tensor<2xi32>) -> (tensor<f32>, tensor<2xf32>)
  return %loss : tensor<f32>
}

// -----

// An op without a gradient is no obstacle where none has to pass.
nn.parameter trainable @w : tensor<4x8xf32>

func.func @loss(%x: tensor<2x8xf32>, %t: tensor<2xi32>) -> tensor<f32> {
  %w = nn.get @w : tensor<4x8xf32>
  %n = arith.negf %x : tensor<2x8xf32>
  %y = nn.linear %n, %w : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
  %loss, %lse = nn.cross_entropy %y, %t : (tensor<2x4xf32>, tensor<2xi32>) -> (tensor<f32>, tensor<2xf32>)
  return %loss : tensor<f32>
}
