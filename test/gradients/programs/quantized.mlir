// A frozen 4-bit weight: dx reads the same bytes.

module attributes {nn.name = "quantized_linear", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter frozen @weight : tensor<12x8xf32, #peft.nf4<block = 64, nested = 0>>
  nn.parameter trainable @bias : tensor<12xf32>
  nn.parameter trainable @head : tensor<11x12xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %x = nn.get @x : tensor<2x7x8xf32>
    %weight = nn.get @weight : tensor<12x8xf32, #peft.nf4<block = 64, nested = 0>>
    %bias = nn.get @bias : tensor<12xf32>
    %y = peft.quantized_linear %x, %weight bias %bias {alpha = 0.5 : f64} : (tensor<2x7x8xf32>, tensor<12x8xf32, #peft.nf4<block = 64, nested = 0>>, tensor<12xf32>) -> tensor<2x7x12xf32>
    %head = nn.get @head : tensor<11x12xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x12xf32>, tensor<11x12xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

module attributes {nn.name = "quantized_linear_nested", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter frozen @weight : tensor<12x8xf32, #peft.nf4<block = 64, nested = 256>>
  nn.parameter trainable @head : tensor<11x12xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %x = nn.get @x : tensor<2x7x8xf32>
    %weight = nn.get @weight : tensor<12x8xf32, #peft.nf4<block = 64, nested = 256>>
    %y = peft.quantized_linear %x, %weight {alpha = 0.5 : f64} : (tensor<2x7x8xf32>, tensor<12x8xf32, #peft.nf4<block = 64, nested = 256>>) -> tensor<2x7x12xf32>
    %head = nn.get @head : tensor<11x12xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x12xf32>, tensor<11x12xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

module attributes {nn.name = "quantized_linear_transposed", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter frozen @weight : tensor<8x12xf32, #peft.nf4<block = 64, nested = 0>>
  nn.parameter trainable @head : tensor<11x12xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %x = nn.get @x : tensor<2x7x8xf32>
    %weight = nn.get @weight : tensor<8x12xf32, #peft.nf4<block = 64, nested = 0>>
    %y = peft.quantized_linear %x, %weight transposed {alpha = 0.5 : f64} : (tensor<2x7x8xf32>, tensor<8x12xf32, #peft.nf4<block = 64, nested = 0>>) -> tensor<2x7x12xf32>
    %head = nn.get @head : tensor<11x12xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x12xf32>, tensor<11x12xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}
