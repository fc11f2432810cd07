// Sums, products, casts and dropout.

module attributes {nn.name = "residual", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @branch : tensor<2x7x8xf32>
  nn.parameter trainable @head : tensor<11x8xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %x = nn.get @x : tensor<2x7x8xf32>
    %branch = nn.get @branch : tensor<2x7x8xf32>
    %y = nn.residual %x, %branch : tensor<2x7x8xf32>
    %head = nn.get @head : tensor<11x8xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x8xf32>, tensor<11x8xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

// A block with a norm before it and an adapter behind it: fused, the stream is added to within the products, and its
// cotangent within the norm's gradient.
module attributes {nn.name = "residual_block", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @norm : tensor<8xf32>
  nn.parameter trainable @weight : tensor<8x8xf32>
  nn.parameter trainable @a : tensor<3x8xf32>
  nn.parameter trainable @b : tensor<8x3xf32>
  nn.parameter trainable @head : tensor<11x8xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %x = nn.get @x : tensor<2x7x8xf32>
    %norm = nn.get @norm : tensor<8xf32>
    %weight = nn.get @weight : tensor<8x8xf32>
    %a = nn.get @a : tensor<3x8xf32>
    %b = nn.get @b : tensor<8x3xf32>
    %n = nn.rms_norm %x, %norm eps(1.0e-2) : (tensor<2x7x8xf32>, tensor<8xf32>) -> tensor<2x7x8xf32>
    %base = nn.linear %n, %weight : (tensor<2x7x8xf32>, tensor<8x8xf32>) -> tensor<2x7x8xf32>
    %s = nn.linear %n, %a : (tensor<2x7x8xf32>, tensor<3x8xf32>) -> tensor<2x7x3xf32>
    %branch = nn.linear_add %base, %s, %b {alpha = 0.5 : f64} : (tensor<2x7x8xf32>, tensor<2x7x3xf32>, tensor<8x3xf32>) -> tensor<2x7x8xf32>
    %y = nn.residual %x, %branch : tensor<2x7x8xf32>
    %head = nn.get @head : tensor<11x8xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x8xf32>, tensor<11x8xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

module attributes {nn.name = "addf", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @a : tensor<2x7x8xf32>
  nn.parameter trainable @b : tensor<2x7x8xf32>
  nn.parameter trainable @head : tensor<11x8xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %a = nn.get @a : tensor<2x7x8xf32>
    %b = nn.get @b : tensor<2x7x8xf32>
    %s = arith.addf %a, %b : tensor<2x7x8xf32>
    %y = arith.addf %s, %a : tensor<2x7x8xf32>
    %head = nn.get @head : tensor<11x8xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x8xf32>, tensor<11x8xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

module attributes {nn.name = "mulf", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @a : tensor<2x7x8xf32>
  nn.parameter trainable @b : tensor<2x7x8xf32>
  nn.parameter trainable @head : tensor<11x8xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %a = nn.get @a : tensor<2x7x8xf32>
    %b = nn.get @b : tensor<2x7x8xf32>
    %p = arith.mulf %a, %b : tensor<2x7x8xf32>
    %y = arith.mulf %p, %a : tensor<2x7x8xf32>
    %head = nn.get @head : tensor<11x8xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x8xf32>, tensor<11x8xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

// The values of the check are bfloat16 numbers, so that rounding is the identity at every point it looks at.
module attributes {nn.name = "cast", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @b : tensor<2x7x8xf32>
  nn.parameter trainable @head : tensor<11x8xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %x = nn.get @x : tensor<2x7x8xf32>
    %b = nn.get @b : tensor<2x7x8xf32>
    %n = nn.cast %x : tensor<2x7x8xf32> to tensor<2x7x8xbf16>
    %w = nn.cast %n : tensor<2x7x8xbf16> to tensor<2x7x8xf32>
    %y = arith.mulf %w, %b : tensor<2x7x8xf32>
    %head = nn.get @head : tensor<11x8xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x8xf32>, tensor<11x8xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

module attributes {nn.name = "dropout", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @head : tensor<11x8xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %x = nn.get @x : tensor<2x7x8xf32>
    %y = nn.dropout %x, %seed {p = 0.4 : f64, salt = 3 : i32} : (tensor<2x7x8xf32>, i64) -> tensor<2x7x8xf32>
    %head = nn.get @head : tensor<11x8xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x8xf32>, tensor<11x8xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}
