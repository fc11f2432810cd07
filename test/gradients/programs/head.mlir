// Adapters of the head itself, whose ops run in chunks: the logits are a sum of two.

module attributes {nn.name = "head_lora", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @head : tensor<11x8xf32>
  nn.parameter trainable @a : tensor<3x8xf32>
  nn.parameter trainable @b : tensor<11x3xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %x = nn.get @x : tensor<2x7x8xf32>
    %head = nn.get @head : tensor<11x8xf32>
    %a = nn.get @a : tensor<3x8xf32>
    %b = nn.get @b : tensor<11x3xf32>
    %base = nn.linear %x, %head : (tensor<2x7x8xf32>, tensor<11x8xf32>) -> tensor<2x7x11xf32>
    %logits = peft.lora %base, %x, %a, %b scale(2.0) : (tensor<2x7x11xf32>, tensor<2x7x8xf32>, tensor<3x8xf32>, tensor<11x3xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

module attributes {nn.name = "head_lora_dropout", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @head : tensor<11x8xf32>
  nn.parameter trainable @a : tensor<3x8xf32>
  nn.parameter trainable @b : tensor<11x3xf32>
  nn.parameter trainable @bias : tensor<11xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %x = nn.get @x : tensor<2x7x8xf32>
    %head = nn.get @head : tensor<11x8xf32>
    %a = nn.get @a : tensor<3x8xf32>
    %b = nn.get @b : tensor<11x3xf32>
    %bias = nn.get @bias : tensor<11xf32>
    %base = nn.linear %x, %head : (tensor<2x7x8xf32>, tensor<11x8xf32>) -> tensor<2x7x11xf32>
    %logits = peft.lora %base, %x, %a, %b bias %bias seed %seed scale(2.0) {dropout = 0.3 : f64, salt = 1 : i32} : (tensor<2x7x11xf32>, tensor<2x7x8xf32>, tensor<3x8xf32>, tensor<11x3xf32>, tensor<11xf32>, i64) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}
