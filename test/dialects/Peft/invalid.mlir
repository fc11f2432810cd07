// What the ops refuse, in one line each: which operand, what was expected, what was got.

// RUN: peft-opt %s --split-input-file --verify-diagnostics

func.func @rank_of_b(%y: tensor<8x6xf32>, %x: tensor<8x4xf32>, %a: tensor<3x4xf32>, %b: tensor<6x2xf32>) {
  // expected-error @+2 {{expected b of shape 6x3, got 'tensor<6x2xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = peft.lora %y, %x, %a, %b scale(2.0) : (tensor<8x6xf32>, tensor<8x4xf32>, tensor<3x4xf32>, tensor<6x2xf32>) -> tensor<8x6xf32>
  return
}

// -----

func.func @rows(%y: tensor<8x6xf32>, %x: tensor<9x4xf32>, %a: tensor<3x4xf32>, %b: tensor<6x3xf32>) {
  // expected-error @+2 {{expected base and x of equal rows, got 'tensor<8x6xf32>' and 'tensor<9x4xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = peft.lora %y, %x, %a, %b scale(2.0) : (tensor<8x6xf32>, tensor<9x4xf32>, tensor<3x4xf32>, tensor<6x3xf32>) -> tensor<8x6xf32>
  return
}

// -----

func.func @dropout_without_seed(%y: tensor<8x6xf32>, %x: tensor<8x4xf32>, %a: tensor<3x4xf32>, %b: tensor<6x3xf32>) {
  // expected-error @+2 {{expected a seed, because dropout is not 0}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = peft.lora %y, %x, %a, %b scale(2.0) {dropout = 0.1 : f64} : (tensor<8x6xf32>, tensor<8x4xf32>, tensor<3x4xf32>, tensor<6x3xf32>) -> tensor<8x6xf32>
  return
}

// -----

func.func @wrong_result(%x: tensor<2x8x6xf32>, %prompt: tensor<5x6xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{inferred type(s) 'tensor<2x13x6xf32>' are incompatible with return type(s) of operation 'tensor<2x8x6xf32>'}}
  %0 = "peft.soft_prompt"(%x, %prompt) : (tensor<2x8x6xf32>, tensor<5x6xf32>) -> tensor<2x8x6xf32>
  return
}

// -----

func.func @same_token_twice(%x: tensor<8x6xf32>, %ids: tensor<8xi32>, %rows: tensor<2x6xf32>) {
  // expected-error @+2 {{expected each index once, got 7 twice}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = peft.override_rows %x, %ids, %rows {indices = array<i32: 7, 7>} : (tensor<8x6xf32>, tensor<8xi32>, tensor<2x6xf32>) -> tensor<8x6xf32>
  return
}

// -----

func.func @columns_of_other_tokens(%x: tensor<8x9xf32>, %c: tensor<8x3xf32>) {
  // expected-error @+2 {{expected columns of shape 8x2, got 'tensor<8x3xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = peft.override_columns %x, %c {indices = array<i32: 7, 2>} : (tensor<8x9xf32>, tensor<8x3xf32>) -> tensor<8x9xf32>
  return
}

// -----

func.func @column_beyond(%x: tensor<8x9xf32>) {
  // expected-error @+2 {{expected indices below 9, got 9}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = peft.select_columns %x {indices = array<i32: 7, 9>} : (tensor<8x9xf32>) -> tensor<8x2xf32>
  return
}

// -----

func.func @dense(%w: tensor<6x64xf32>) {
  // expected-error @+2 {{expected operand with an encoding such as #peft.nf4, got 'tensor<6x64xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = peft.dequantize %w : (tensor<6x64xf32>) -> tensor<6x64xf32>
  return
}

// -----

// expected-error @+1 {{expected an even block above 0 and nested of 0 or more, got 63 and 0}}
func.func @odd_block(%w: tensor<6x64xf32, #peft.nf4<block = 63, nested = 0>>) {
  return
}

// -----

func.func @prompt_longer_than_row(%dy: tensor<2x5x6xf32>) {
  // expected-error @+2 {{expected a count between 1 and 4, got 5}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = peft.soft_prompt_grad %dy {count = 5 : i64} : (tensor<2x5x6xf32>) -> tensor<2x1x6xf32>
  return
}

// -----

// expected-error @+1 {{expected #peft.nf4 to encode f32 or bf16 values, got 'i32'}}
func.func @codes_of_integers(%w: tensor<6x64xi32, #peft.nf4<block = 64, nested = 0>>) {
  return
}

// -----

// expected-error @+1 {{expected #peft.fp8 to encode f32 or bf16 values, got 'i32'}}
func.func @eight_bits_of_integers(%w: tensor<16x64xi32, #peft.fp8>) {
  return
}

// -----

// expected-error @+1 {{expected #peft.fp8 to encode a matrix of multiples of 16, got 24x64; #peft.nf4 takes any}}
func.func @eight_bits_of_odd_rows(%w: tensor<24x64xf32, #peft.fp8>) {
  return
}

// -----

// expected-error @+1 {{expected #peft.fp8 to encode a matrix of multiples of 16, got 64; #peft.nf4 takes any}}
func.func @eight_bits_of_a_vector(%w: tensor<64xf32, #peft.fp8>) {
  return
}

// -----

func.func @added_to_another_shape(%y: tensor<8x64xf32>, %x: tensor<8x64xf32>, %w: tensor<16x64xf32, #peft.fp8>) {
  // expected-error @+2 {{expected acc of type 'tensor<8x16xf32>', got 'tensor<8x64xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = peft.quantized_linear_add %y, %x, %w : (tensor<8x64xf32>, tensor<8x64xf32>, tensor<16x64xf32, #peft.fp8>) -> tensor<8x16xf32>
  return
}

// -----

// expected-error @+1 {{expected r above 0, got 0}}
func.func private @no_rank() attributes {a = #peft.lora<r = 0, scale = 2.0 : f64, dropout = 0.0 : f64, bias = false, init = "default">}

// -----

// expected-error @+1 {{expected dropout in [0, 1), got 1.000000e+00 : f64}}
func.func private @nothing_kept() attributes {a = #peft.lora<r = 2, scale = 2.0 : f64, dropout = 1.0 : f64, bias = false, init = "default">}

// -----

// expected-error @+1 {{expected init default, gaussian or random, got "pissa"}}
func.func private @unknown_init() attributes {a = #peft.lora<r = 2, scale = 2.0 : f64, dropout = 0.0 : f64, bias = false, init = "pissa">}

// -----

// expected-error @+1 {{expected a finite scale, got 0x7FF0000000000000 : f64}}
func.func private @endless_scale() attributes {a = #peft.lora<r = 2, scale = 0x7FF0000000000000 : f64, dropout = 0.0 : f64, bias = false, init = "default">}

// -----

// expected-error @+1 {{expected a width above 0, got -2}}
func.func private @no_width() attributes {a = #peft.bottleneck<width = -2, activation = "relu", scale = 1.0 : f64, key = "l">}

// -----

// expected-error @+1 {{expected an activation such as "relu", got "mish"}}
func.func private @unknown_activation() attributes {a = #peft.bottleneck<width = 2, activation = "mish", scale = 1.0 : f64, key = "l">}
