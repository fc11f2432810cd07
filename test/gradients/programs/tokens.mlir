// What reads token ids.

module attributes {nn.name = "embedding", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @table : tensor<9x8xf32>
  nn.parameter trainable @head : tensor<11x8xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %table = nn.get @table : tensor<9x8xf32>
    %y = nn.embedding %ids, %table : (tensor<2x7xi32>, tensor<9x8xf32>) -> tensor<2x7x8xf32>
    %head = nn.get @head : tensor<11x8xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x8xf32>, tensor<11x8xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

module attributes {nn.name = "embedding_columns", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @table : tensor<8x9xf32>
  nn.parameter trainable @head : tensor<11x8xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %table = nn.get @table : tensor<8x9xf32>
    %y = peft.embedding_columns %ids, %table : (tensor<2x7xi32>, tensor<8x9xf32>) -> tensor<2x7x8xf32>
    %head = nn.get @head : tensor<11x8xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x8xf32>, tensor<11x8xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

module attributes {nn.name = "override_rows", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @rows : tensor<3x8xf32>
  nn.parameter trainable @head : tensor<11x8xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %x = nn.get @x : tensor<2x7x8xf32>
    %rows = nn.get @rows : tensor<3x8xf32>
    %y = peft.override_rows %x, %ids, %rows {indices = array<i32: 2, 5, 7>} : (tensor<2x7x8xf32>, tensor<2x7xi32>, tensor<3x8xf32>) -> tensor<2x7x8xf32>
    %head = nn.get @head : tensor<11x8xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x8xf32>, tensor<11x8xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

// One table at both ends of a model.
module attributes {nn.name = "tied_head", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @table : tensor<11x8xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %table = nn.get @table : tensor<11x8xf32>
    %x = nn.embedding %ids, %table : (tensor<2x7xi32>, tensor<11x8xf32>) -> tensor<2x7x8xf32>
    %logits = nn.linear %x, %table : (tensor<2x7x8xf32>, tensor<11x8xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

// Rows of both ends of a model whose head shares the embedding's table.
module attributes {nn.name = "override_columns", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @table : tensor<11x8xf32>
  nn.parameter trainable @rows : tensor<3x8xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %table = nn.get @table : tensor<11x8xf32>
    %rows = nn.get @rows : tensor<3x8xf32>
    %x = nn.embedding %ids, %table : (tensor<2x7xi32>, tensor<11x8xf32>) -> tensor<2x7x8xf32>
    %y = peft.override_rows %x, %ids, %rows {indices = array<i32: 2, 5, 7>} : (tensor<2x7x8xf32>, tensor<2x7xi32>, tensor<3x8xf32>) -> tensor<2x7x8xf32>
    %columns = nn.linear %y, %rows : (tensor<2x7x8xf32>, tensor<3x8xf32>) -> tensor<2x7x3xf32>
    %base = nn.linear %y, %table : (tensor<2x7x8xf32>, tensor<11x8xf32>) -> tensor<2x7x11xf32>
    %logits = peft.override_columns %base, %columns {indices = array<i32: 2, 5, 7>} : (tensor<2x7x11xf32>, tensor<2x7x3xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}
