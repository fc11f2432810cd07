// Matrix products: y = alpha x Wᵀ + b, in both orders of the weight, and onto what is there.

module attributes {nn.name = "linear", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @weight : tensor<12x8xf32>
  nn.parameter trainable @bias : tensor<12xf32>
  nn.parameter trainable @head : tensor<11x12xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %x = nn.get @x : tensor<2x7x8xf32>
    %weight = nn.get @weight : tensor<12x8xf32>
    %bias = nn.get @bias : tensor<12xf32>
    %y = nn.linear %x, %weight bias %bias {alpha = 1.5 : f64} : (tensor<2x7x8xf32>, tensor<12x8xf32>, tensor<12xf32>) -> tensor<2x7x12xf32>
    %head = nn.get @head : tensor<11x12xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x12xf32>, tensor<11x12xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

module attributes {nn.name = "linear_transposed", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @weight : tensor<8x12xf32>
  nn.parameter trainable @bias : tensor<12xf32>
  nn.parameter trainable @head : tensor<11x12xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %x = nn.get @x : tensor<2x7x8xf32>
    %weight = nn.get @weight : tensor<8x12xf32>
    %bias = nn.get @bias : tensor<12xf32>
    %y = nn.linear %x, %weight bias %bias transposed : (tensor<2x7x8xf32>, tensor<8x12xf32>, tensor<12xf32>) -> tensor<2x7x12xf32>
    %head = nn.get @head : tensor<11x12xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x12xf32>, tensor<11x12xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

module attributes {nn.name = "linear_add", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @acc : tensor<2x7x12xf32>
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @weight : tensor<12x8xf32>
  nn.parameter trainable @head : tensor<11x12xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %acc = nn.get @acc : tensor<2x7x12xf32>
    %x = nn.get @x : tensor<2x7x8xf32>
    %weight = nn.get @weight : tensor<12x8xf32>
    %y = nn.linear_add %acc, %x, %weight {alpha = 0.75 : f64} : (tensor<2x7x12xf32>, tensor<2x7x8xf32>, tensor<12x8xf32>) -> tensor<2x7x12xf32>
    %head = nn.get @head : tensor<11x12xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x12xf32>, tensor<11x12xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

module attributes {nn.name = "linear_add_transposed", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @acc : tensor<2x7x12xf32>
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @weight : tensor<8x12xf32>
  nn.parameter trainable @head : tensor<11x12xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %acc = nn.get @acc : tensor<2x7x12xf32>
    %x = nn.get @x : tensor<2x7x8xf32>
    %weight = nn.get @weight : tensor<8x12xf32>
    %y = nn.linear_add %acc, %x, %weight transposed : (tensor<2x7x12xf32>, tensor<2x7x8xf32>, tensor<8x12xf32>) -> tensor<2x7x12xf32>
    %head = nn.get @head : tensor<11x12xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x12xf32>, tensor<11x12xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

// Two readers of one value, and of one weight: cotangents are added.
module attributes {nn.name = "linear_shared", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @first : tensor<8x8xf32>
  nn.parameter trainable @second : tensor<8x8xf32>
  nn.parameter trainable @head : tensor<11x8xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %x = nn.get @x : tensor<2x7x8xf32>
    %first = nn.get @first : tensor<8x8xf32>
    %second = nn.get @second : tensor<8x8xf32>
    %a = nn.linear %x, %first : (tensor<2x7x8xf32>, tensor<8x8xf32>) -> tensor<2x7x8xf32>
    %b = nn.linear %x, %second : (tensor<2x7x8xf32>, tensor<8x8xf32>) -> tensor<2x7x8xf32>
    %c = nn.linear %b, %first : (tensor<2x7x8xf32>, tensor<8x8xf32>) -> tensor<2x7x8xf32>
    %y = arith.addf %a, %c : tensor<2x7x8xf32>
    %head = nn.get @head : tensor<11x8xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x8xf32>, tensor<11x8xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}
