// Causal attention over two documents in a row: as many heads of k and v as of q, one for all, and a window.
// The scale is a large one, so that no probability is near another.

module attributes {nn.name = "attention", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @q : tensor<2x7x12xf32>
  nn.parameter trainable @k : tensor<2x7x12xf32>
  nn.parameter trainable @v : tensor<2x7x12xf32>
  nn.parameter trainable @head : tensor<11x12xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %q = nn.get @q : tensor<2x7x12xf32>
    %k = nn.get @k : tensor<2x7x12xf32>
    %v = nn.get @v : tensor<2x7x12xf32>
    %y, %lse = nn.attention %q, %k, %v, %segments {head_dim = 4 : i64, scale = 2.0 : f64} : (tensor<2x7x12xf32>, tensor<2x7x12xf32>, tensor<2x7x12xf32>, tensor<2x7xi32>) -> (tensor<2x7x12xf32>, tensor<2x3x7xf32>)
    %head = nn.get @head : tensor<11x12xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x12xf32>, tensor<11x12xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

module attributes {nn.name = "attention_grouped", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @q : tensor<2x7x12xf32>
  nn.parameter trainable @k : tensor<2x7x4xf32>
  nn.parameter trainable @v : tensor<2x7x4xf32>
  nn.parameter trainable @head : tensor<11x12xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %q = nn.get @q : tensor<2x7x12xf32>
    %k = nn.get @k : tensor<2x7x4xf32>
    %v = nn.get @v : tensor<2x7x4xf32>
    %y, %lse = nn.attention %q, %k, %v, %segments {head_dim = 4 : i64, scale = 2.0 : f64} : (tensor<2x7x12xf32>, tensor<2x7x4xf32>, tensor<2x7x4xf32>, tensor<2x7xi32>) -> (tensor<2x7x12xf32>, tensor<2x3x7xf32>)
    %head = nn.get @head : tensor<11x12xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x12xf32>, tensor<11x12xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

module attributes {nn.name = "attention_window", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @q : tensor<2x7x12xf32>
  nn.parameter trainable @k : tensor<2x7x4xf32>
  nn.parameter trainable @v : tensor<2x7x4xf32>
  nn.parameter trainable @head : tensor<11x12xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %q = nn.get @q : tensor<2x7x12xf32>
    %k = nn.get @k : tensor<2x7x4xf32>
    %v = nn.get @v : tensor<2x7x4xf32>
    %y, %lse = nn.attention %q, %k, %v, %segments {head_dim = 4 : i64, scale = 2.0 : f64, window = 2 : i64} : (tensor<2x7x12xf32>, tensor<2x7x4xf32>, tensor<2x7x4xf32>, tensor<2x7xi32>) -> (tensor<2x7x12xf32>, tensor<2x3x7xf32>)
    %head = nn.get @head : tensor<11x12xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x12xf32>, tensor<11x12xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

// One value in all three places.
module attributes {nn.name = "attention_self", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @head : tensor<11x8xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %x = nn.get @x : tensor<2x7x8xf32>
    %y, %lse = nn.attention %x, %x, %x, %segments {head_dim = 4 : i64, scale = 1.0 : f64} : (tensor<2x7x8xf32>, tensor<2x7x8xf32>, tensor<2x7x8xf32>, tensor<2x7xi32>) -> (tensor<2x7x8xf32>, tensor<2x2x7xf32>)
    %head = nn.get @head : tensor<11x8xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x8xf32>, tensor<11x8xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}
