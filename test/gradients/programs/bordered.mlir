// A layer's product that takes adapters in: two that add to some of its columns, and one to all of them. As their weights
// are trained here, they are products of their own at the end; what frozen ones become is in test/passes/Plan and, run, among
// the parity cases.
module attributes {nn.name = "bordered_linear", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @w : tensor<12x8xf32>
  nn.parameter trainable @a : tensor<5x8xf32>
  nn.parameter trainable @bq : tensor<4x3xf32>
  nn.parameter trainable @bv : tensor<5x2xf32>
  nn.parameter trainable @head : tensor<11x12xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %x = nn.get @x : tensor<2x7x8xf32>
    %w = nn.get @w : tensor<12x8xf32>
    %a = nn.get @a : tensor<5x8xf32>
    %bq = nn.get @bq : tensor<4x3xf32>
    %bv = nn.get @bv : tensor<5x2xf32>
    %s = nn.linear %x, %a : (tensor<2x7x8xf32>, tensor<5x8xf32>) -> tensor<2x7x5xf32>
    %y = nn.bordered_linear %x, %s, %w beside %bq, %bv first [0, 6] scales [2.0, 0.5] : (tensor<2x7x8xf32>, tensor<2x7x5xf32>, tensor<12x8xf32>, tensor<4x3xf32>, tensor<5x2xf32>) -> tensor<2x7x12xf32>
    %head = nn.get @head : tensor<11x12xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x12xf32>, tensor<11x12xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

module attributes {nn.name = "bordered_linear_transposed", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @h : tensor<2x7x12xf32>
  nn.parameter trainable @w : tensor<8x12xf32>
  nn.parameter trainable @s : tensor<2x7x3xf32>
  nn.parameter trainable @a : tensor<3x12xf32>
  nn.parameter trainable @head : tensor<11x12xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %x = nn.get @x : tensor<2x7x8xf32>
    %h = nn.get @h : tensor<2x7x12xf32>
    %w = nn.get @w : tensor<8x12xf32>
    %s = nn.get @s : tensor<2x7x3xf32>
    %a = nn.get @a : tensor<3x12xf32>
    %two = arith.constant dense<2.0> : tensor<2x7x12xf32>
    %acc = arith.mulf %h, %two : tensor<2x7x12xf32>
    %y = nn.bordered_linear %x, %s, %w beside %a first [0] scales [1.0] transposed acc(%acc) : (tensor<2x7x8xf32>, tensor<2x7x3xf32>, tensor<8x12xf32>, tensor<3x12xf32>, tensor<2x7x12xf32>) -> tensor<2x7x12xf32>
    %head = nn.get @head : tensor<11x12xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x12xf32>, tensor<11x12xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}
