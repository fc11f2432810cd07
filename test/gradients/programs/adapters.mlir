// Adapter nodes, through their decomposition.

module attributes {nn.name = "lora", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @base : tensor<2x7x12xf32>
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @a : tensor<3x8xf32>
  nn.parameter trainable @b : tensor<12x3xf32>
  nn.parameter trainable @head : tensor<11x12xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %base = nn.get @base : tensor<2x7x12xf32>
    %x = nn.get @x : tensor<2x7x8xf32>
    %a = nn.get @a : tensor<3x8xf32>
    %b = nn.get @b : tensor<12x3xf32>
    %y = peft.lora %base, %x, %a, %b scale(2.0) : (tensor<2x7x12xf32>, tensor<2x7x8xf32>, tensor<3x8xf32>, tensor<12x3xf32>) -> tensor<2x7x12xf32>
    %head = nn.get @head : tensor<11x12xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x12xf32>, tensor<11x12xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

module attributes {nn.name = "lora_bias_dropout", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @base : tensor<2x7x12xf32>
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @a : tensor<3x8xf32>
  nn.parameter trainable @b : tensor<12x3xf32>
  nn.parameter trainable @bias : tensor<12xf32>
  nn.parameter trainable @head : tensor<11x12xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %base = nn.get @base : tensor<2x7x12xf32>
    %x = nn.get @x : tensor<2x7x8xf32>
    %a = nn.get @a : tensor<3x8xf32>
    %b = nn.get @b : tensor<12x3xf32>
    %bias = nn.get @bias : tensor<12xf32>
    %y = peft.lora %base, %x, %a, %b bias %bias seed %seed scale(0.5) {dropout = 0.3 : f64, salt = 1 : i32} : (tensor<2x7x12xf32>, tensor<2x7x8xf32>, tensor<3x8xf32>, tensor<12x3xf32>, tensor<12xf32>, i64) -> tensor<2x7x12xf32>
    %head = nn.get @head : tensor<11x12xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x12xf32>, tensor<11x12xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

module attributes {nn.name = "lora_embedding", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @base : tensor<2x7x8xf32>
  nn.parameter trainable @a : tensor<3x9xf32>
  nn.parameter trainable @b : tensor<8x3xf32>
  nn.parameter trainable @head : tensor<11x8xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %base = nn.get @base : tensor<2x7x8xf32>
    %a = nn.get @a : tensor<3x9xf32>
    %b = nn.get @b : tensor<8x3xf32>
    %y = peft.lora_embedding %base, %ids, %a, %b scale(2.0) : (tensor<2x7x8xf32>, tensor<2x7xi32>, tensor<3x9xf32>, tensor<8x3xf32>) -> tensor<2x7x8xf32>
    %head = nn.get @head : tensor<11x8xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x8xf32>, tensor<11x8xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

module attributes {nn.name = "bottleneck", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @h : tensor<2x7x8xf32>
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @down : tensor<3x8xf32>
  nn.parameter trainable @down_bias : tensor<3xf32>
  nn.parameter trainable @up : tensor<8x3xf32>
  nn.parameter trainable @up_bias : tensor<8xf32>
  nn.parameter trainable @head : tensor<11x8xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %h = nn.get @h : tensor<2x7x8xf32>
    %x = nn.get @x : tensor<2x7x8xf32>
    %down = nn.get @down : tensor<3x8xf32>
    %down_bias = nn.get @down_bias : tensor<3xf32>
    %up = nn.get @up : tensor<8x3xf32>
    %up_bias = nn.get @up_bias : tensor<8xf32>
    %y = peft.bottleneck silu %h, %x, %down, %down_bias, %up, %up_bias {scale = 1.5 : f64} : (tensor<2x7x8xf32>, tensor<2x7x8xf32>, tensor<3x8xf32>, tensor<3xf32>, tensor<8x3xf32>, tensor<8xf32>) -> tensor<2x7x8xf32>
    %head = nn.get @head : tensor<11x8xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x8xf32>, tensor<11x8xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}
