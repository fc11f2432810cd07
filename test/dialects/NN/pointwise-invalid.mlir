// What pointwise ops refuse.

// RUN: peft-opt %s --split-input-file --verify-diagnostics

func.func @a_probability_of_one(%x: tensor<8x4xf32>, %seed: i64) {
  // expected-error-re @+2 {{expected a dropout probability in [0, 1), got 1.{{0+}}}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.dropout %x, %seed {p = 1.0 : f64, salt = 1 : i32} : (tensor<8x4xf32>, i64) -> tensor<8x4xf32>
  return
}

// -----

func.func @a_probability_below_zero(%x: tensor<8x4xf32>, %seed: i64) {
  // expected-error-re @+2 {{expected a dropout probability in [0, 1), got -5.{{0+}}e-01}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.dropout %x, %seed {p = -0.5 : f64, salt = 1 : i32} : (tensor<8x4xf32>, i64) -> tensor<8x4xf32>
  return
}

// -----

func.func @an_unknown_activation(%x: tensor<8x4xf32>) {
  // expected-error @+2 {{expected ::peft::nn::ActivationKind to be one of: silu, gelu_erf, gelu_tanh, relu, tanh}}
  // expected-error @+1 {{failed to parse}}
  %0 = nn.activation mish %x : tensor<8x4xf32>
  return
}

// -----

func.func @a_branch_of_another_shape(%x: tensor<8x4xf32>, %h: tensor<8x5xf32>) {
  // expected-error @+1 {{requires the same type for all operands and results}}
  %0 = "nn.residual"(%x, %h) : (tensor<8x4xf32>, tensor<8x5xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @a_cast_to_integers(%x: tensor<8x4xf32>) {
  // expected-error @+1 {{result #0 must be dense tensor with extents above 0 of 32-bit float or bfloat16 type values, but got 'tensor<8x4xi32>'}}
  %0 = nn.cast %x : tensor<8x4xf32> to tensor<8x4xi32>
  return
}

// -----

func.func @a_cast_to_another_shape(%x: tensor<8x4xf32>) {
  // expected-error @+1 {{requires the same shape for all operands and results}}
  %0 = nn.cast %x : tensor<8x4xf32> to tensor<4x8xbf16>
  return
}
