// Two virtual tokens in front of every row.

module attributes {nn.name = "soft_prompt", nn.path = "", nn.vocab_size = 11 : i64, nn.virtual_tokens = 2 : i64} {
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @prompt : tensor<2x8xf32>
  nn.parameter trainable @head : tensor<11x8xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %x = nn.get @x : tensor<2x7x8xf32>
    %prompt = nn.get @prompt : tensor<2x8xf32>
    %y = peft.soft_prompt %x, %prompt : (tensor<2x7x8xf32>, tensor<2x8xf32>) -> tensor<2x9x8xf32>
    %all_labels = nn.prepend %labels {count = 2 : i64, value = -100 : i32} : (tensor<2x7xi32>) -> tensor<2x9xi32>
    %all_segments = nn.prepend %segments {count = 2 : i64, value = 1 : i32} : (tensor<2x7xi32>) -> tensor<2x9xi32>
    %head = nn.get @head : tensor<11x8xf32>
    %logits = nn.linear %y, %head : (tensor<2x9x8xf32>, tensor<11x8xf32>) -> tensor<2x9x11xf32>
    %targets = nn.shift_labels %all_labels, %all_segments : (tensor<2x9xi32>, tensor<2x9xi32>) -> tensor<2x9xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x9x11xf32>, tensor<2x9xi32>) -> (tensor<f32>, tensor<2x9xf32>)
    return %loss : tensor<f32>
  }
}
