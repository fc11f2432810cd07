// What labels and losses refuse.

// RUN: peft-opt %s --split-input-file --verify-diagnostics

func.func @rows_without_a_target(%x: tensor<2x8x9xf32>, %t: tensor<2x7xi32>) {
  // expected-error @+2 {{expected a target for every row of 'tensor<2x8x9xf32>', got 'tensor<2x7xi32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0:2 = nn.cross_entropy %x, %t : (tensor<2x8x9xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
  return
}

// -----

func.func @segments_of_another_batch(%l: tensor<2x8xi32>, %s: tensor<3x8xi32>) {
  // expected-error @+2 {{expected segments 'tensor<2x8xi32>', got 'tensor<3x8xi32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.shift_labels %l, %s : (tensor<2x8xi32>, tensor<3x8xi32>) -> tensor<2x8xi32>
  return
}

// -----

func.func @more_rows_than_the_batch_has(%x: tensor<2x8x4xf32>, %rows: tensor<3xi32>) {
  // expected-error @+2 {{expected x [batch, seq, cols] and one row each, got 'tensor<2x8x4xf32>' and 'tensor<3xi32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.select_rows %x, %rows : (tensor<2x8x4xf32>, tensor<3xi32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @gradient_rows_without_a_target(%x: tensor<8x9xf32>, %lse: tensor<8xf32>, %t: tensor<7xi32>, %s: tensor<f32>) {
  // expected-error @+2 {{expected a target for every row of 'tensor<8x9xf32>', got 'tensor<7xi32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.cross_entropy_grad %x, %lse, %t, %s : (tensor<8x9xf32>, tensor<8xf32>, tensor<7xi32>, tensor<f32>) -> tensor<8x9xf32>
  return
}

// -----

func.func @a_gradient_of_other_rows(%dy: tensor<8x6xf32>, %x: tensor<9x4xf32>) {
  // expected-error @+2 {{expected x with the rows of 'tensor<8x6xf32>', got 'tensor<9x4xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.linear_weight_grad %dy, %x : (tensor<8x6xf32>, tensor<9x4xf32>) -> tensor<6x4xf32>
  return
}

// -----

func.func @a_norm_gradient_of_another_shape(%dy: tensor<8x3xf32>, %x: tensor<8x4xf32>, %w: tensor<4xf32>) {
  // expected-error @+2 {{expected dy 'tensor<8x4xf32>', got 'tensor<8x3xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.rms_norm_grad %dy, %x, %w eps(1.0e-5) : (tensor<8x3xf32>, tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @a_norm_gradient_beside_another_shape(%r: tensor<8x4xbf16>, %x: tensor<8x4xf32>, %w: tensor<4xf32>) {
  // expected-error @+2 {{expected residual 'tensor<8x4xf32>', got 'tensor<8x4xbf16>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.rms_norm_grad %x, %x, %w residual %r eps(1.0e-5) : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<4xf32>, tensor<8x4xbf16>) -> tensor<8x4xf32>
  return
}

// -----

func.func @a_norm_gradient_of_no_whole_groups(%x: tensor<8x4xf32>, %w: tensor<3xf32>) {
  // expected-error @+2 {{expected x to hold groups of 3 columns, got 'tensor<8x4xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.rms_norm_grad %x, %x, %w eps(1.0e-5) : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<3xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @a_table_gradient_of_other_rows(%dy: tensor<8x4xf32>, %ids: tensor<7xi32>) {
  // expected-error @+2 {{expected an id for every row of 'tensor<8x4xf32>', got 'tensor<7xi32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.embedding_weight_grad %dy, %ids {vocab = 9 : i64} : (tensor<8x4xf32>, tensor<7xi32>) -> tensor<9x4xf32>
  return
}

// -----

func.func @an_attention_gradient_of_unlike_heads(%d: tensor<1x8x8xf32>, %k: tensor<1x8x3xf32>, %lse: tensor<1x2x8xf32>, %s: tensor<1x8xi32>) {
  // expected-error @+2 {{expected q [batch, seq, heads * 4] and k of a divisor of its heads, got 'tensor<1x8x8xf32>' and 'tensor<1x8x3xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %dq, %dk, %dv = nn.attention_grad %d, %d, %k, %k, %d, %lse, %s {head_dim = 4 : i64, scale = 0.5 : f64} : (tensor<1x8x8xf32>, tensor<1x8x8xf32>, tensor<1x8x3xf32>, tensor<1x8x3xf32>, tensor<1x8x8xf32>, tensor<1x2x8xf32>, tensor<1x8xi32>) -> (tensor<1x8x8xf32>, tensor<1x8x3xf32>, tensor<1x8x3xf32>)
  return
}

// -----

func.func @a_target_for_every_row_of_both(%logits: tensor<8x9xf32>, %targets: tensor<7xi32>, %scale: tensor<f32>) {
  // expected-error @+2 {{expected a target for every row of 'tensor<8x9xf32>', got 'tensor<7xi32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0:2 = nn.cross_entropy_with_grad %logits, %targets, %scale : (tensor<8x9xf32>, tensor<7xi32>, tensor<f32>) -> (tensor<f32>, tensor<8x9xf32>)
  return
}
