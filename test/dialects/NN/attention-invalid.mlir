// What norm, rotary positions and attention refuse.

// RUN: peft-opt %s --split-input-file --verify-diagnostics

func.func @groups_that_do_not_fill_a_row(%x: tensor<8x64xf32>, %w: tensor<48xf32>) {
  // expected-error @+2 {{expected x to hold groups of 48 columns, got 'tensor<8x64xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.rms_norm %x, %w eps(1.0e-5) : (tensor<8x64xf32>, tensor<48xf32>) -> tensor<8x64xf32>
  return
}

// -----

func.func @more_frequencies_than_pairs(%x: tensor<8x4xf32>, %p: tensor<8xi32>) {
  // expected-error @+2 {{expected heads of 2 columns and at most 1 frequencies, got 'tensor<8x4xf32>' and 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.rope %x, %p {head_dim = 2 : i64, inv_freq = array<f32: 1.0, 0.1>} : (tensor<8x4xf32>, tensor<8xi32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @rows_without_a_position(%x: tensor<8x4xf32>, %p: tensor<7xi32>) {
  // expected-error @+2 {{expected a position for every row of 'tensor<8x4xf32>', got 'tensor<7xi32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.rope %x, %p {head_dim = 4 : i64, inv_freq = array<f32: 1.0>} : (tensor<8x4xf32>, tensor<7xi32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @heads_that_do_not_divide(%q: tensor<2x8x48xf32>, %k: tensor<2x8x32xf32>, %s: tensor<2x8xi32>) {
  // expected-error @+2 {{expected q [batch, seq, heads * 16] and k of a divisor of its heads, got 'tensor<2x8x48xf32>' and 'tensor<2x8x32xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0:2 = nn.attention %q, %k, %k, %s {head_dim = 16 : i64, scale = 0.25 : f64} : (tensor<2x8x48xf32>, tensor<2x8x32xf32>, tensor<2x8x32xf32>, tensor<2x8xi32>) -> (tensor<2x8x48xf32>, tensor<2x3x8xf32>)
  return
}

// -----

func.func @values_unlike_keys(%q: tensor<2x8x32xf32>, %k: tensor<2x8x32xf32>, %v: tensor<2x8x16xf32>, %s: tensor<2x8xi32>) {
  // expected-error @+2 {{expected v 'tensor<2x8x32xf32>', got 'tensor<2x8x16xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0:2 = nn.attention %q, %k, %v, %s {head_dim = 16 : i64, scale = 0.25 : f64} : (tensor<2x8x32xf32>, tensor<2x8x32xf32>, tensor<2x8x16xf32>, tensor<2x8xi32>) -> (tensor<2x8x32xf32>, tensor<2x2x8xf32>)
  return
}

// -----

func.func @keys_of_another_sequence(%q: tensor<2x8x32xf32>, %k: tensor<2x9x32xf32>, %s: tensor<2x8xi32>) {
  // expected-error @+2 {{expected k with the rows of 'tensor<2x8x32xf32>', got 'tensor<2x9x32xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0:2 = nn.attention %q, %k, %k, %s {head_dim = 16 : i64, scale = 0.25 : f64} : (tensor<2x8x32xf32>, tensor<2x9x32xf32>, tensor<2x9x32xf32>, tensor<2x8xi32>) -> (tensor<2x8x32xf32>, tensor<2x2x8xf32>)
  return
}

// -----

func.func @segments_of_another_sequence(%q: tensor<2x8x32xf32>, %s: tensor<2x9xi32>) {
  // expected-error @+2 {{expected a segment for every row of 'tensor<2x8x32xf32>', got 'tensor<2x9xi32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0:2 = nn.attention %q, %q, %q, %s {head_dim = 16 : i64, scale = 0.25 : f64} : (tensor<2x8x32xf32>, tensor<2x8x32xf32>, tensor<2x8x32xf32>, tensor<2x9xi32>) -> (tensor<2x8x32xf32>, tensor<2x2x8xf32>)
  return
}

// -----

func.func @heads_of_no_columns(%q: tensor<2x8x32xf32>, %s: tensor<2x8xi32>) {
  // expected-error @+1 {{attribute 'head_dim' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
  %0:2 = nn.attention %q, %q, %q, %s {head_dim = 0 : i64, scale = 0.25 : f64} : (tensor<2x8x32xf32>, tensor<2x8x32xf32>, tensor<2x8x32xf32>, tensor<2x8xi32>) -> (tensor<2x8x32xf32>, tensor<2x2x8xf32>)
  return
}

// -----

func.func @rotated_heads_of_no_columns(%x: tensor<8x4xf32>, %p: tensor<8xi32>) {
  // expected-error @+1 {{attribute 'head_dim' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
  %0 = nn.rope %x, %p {head_dim = 0 : i64, inv_freq = array<f32: 1.0>} : (tensor<8x4xf32>, tensor<8xi32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @a_window_below_zero(%q: tensor<2x8x32xf32>, %s: tensor<2x8xi32>) {
  // expected-error @+1 {{attribute 'window' failed to satisfy constraint: 64-bit signless integer attribute whose value is non-negative}}
  %0:2 = nn.attention %q, %q, %q, %s {head_dim = 16 : i64, scale = 0.25 : f64, window = -1 : i64} : (tensor<2x8x32xf32>, tensor<2x8x32xf32>, tensor<2x8x32xf32>, tensor<2x8xi32>) -> (tensor<2x8x32xf32>, tensor<2x2x8xf32>)
  return
}

// -----

func.func @a_norm_weight_that_is_one_number(%x: tensor<8x64xf32>, %w: tensor<f32>) {
  // expected-error @+1 {{operand #1 must be dense tensor with extents above 0}}
  %0 = nn.rms_norm %x, %w eps(1.0e-5) : (tensor<8x64xf32>, tensor<f32>) -> tensor<8x64xf32>
  return
}

// -----

func.func @a_norm_weight_of_nothing(%x: tensor<8x64xf32>, %w: tensor<0xf32>) {
  // expected-error @+1 {{operand #1 must be dense tensor with extents above 0}}
  %0 = nn.rms_norm %x, %w eps(1.0e-5) : (tensor<8x64xf32>, tensor<0xf32>) -> tensor<8x64xf32>
  return
}

// -----

func.func @a_norm_that_may_divide_by_zero(%x: tensor<8x64xf32>, %w: tensor<64xf32>) {
  // expected-error @+1 {{attribute 'eps' failed to satisfy constraint: 64-bit float attribute above 0}}
  %0 = nn.rms_norm %x, %w eps(0.0) : (tensor<8x64xf32>, tensor<64xf32>) -> tensor<8x64xf32>
  return
}
