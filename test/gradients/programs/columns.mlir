// Columns of a product, and a matrix that products write by columns.

module attributes {nn.name = "split_columns", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @weight : tensor<12x8xf32>
  nn.parameter trainable @first : tensor<9x5xf32>
  nn.parameter trainable @second : tensor<9x7xf32>
  nn.parameter trainable @head : tensor<11x9xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %x = nn.get @x : tensor<2x7x8xf32>
    %weight = nn.get @weight : tensor<12x8xf32>
    %first = nn.get @first : tensor<9x5xf32>
    %second = nn.get @second : tensor<9x7xf32>
    %head = nn.get @head : tensor<11x9xf32>
    %s = nn.linear %x, %weight : (tensor<2x7x8xf32>, tensor<12x8xf32>) -> tensor<2x7x12xf32>
    %a, %b = nn.split_columns %s [5, 7] : (tensor<2x7x12xf32>) -> (tensor<2x7x5xf32>, tensor<2x7x7xf32>)
    %u = nn.linear %a, %first : (tensor<2x7x5xf32>, tensor<9x5xf32>) -> tensor<2x7x9xf32>
    %v = nn.linear_add %u, %b, %second {alpha = 0.5 : f64} : (tensor<2x7x9xf32>, tensor<2x7x7xf32>, tensor<9x7xf32>) -> tensor<2x7x9xf32>
    %logits = nn.linear %v, %head : (tensor<2x7x9xf32>, tensor<11x9xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

module attributes {nn.name = "concat_columns", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @first : tensor<5x8xf32>
  nn.parameter trainable @second : tensor<7x8xf32>
  nn.parameter trainable @head : tensor<11x12xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %x = nn.get @x : tensor<2x7x8xf32>
    %first = nn.get @first : tensor<5x8xf32>
    %second = nn.get @second : tensor<7x8xf32>
    %head = nn.get @head : tensor<11x12xf32>
    %a = nn.linear %x, %first : (tensor<2x7x8xf32>, tensor<5x8xf32>) -> tensor<2x7x5xf32>
    %b = nn.linear %x, %second {alpha = 1.5 : f64} : (tensor<2x7x8xf32>, tensor<7x8xf32>) -> tensor<2x7x7xf32>
    %s = nn.concat_columns %a, %b : (tensor<2x7x5xf32>, tensor<2x7x7xf32>) -> tensor<2x7x12xf32>
    %logits = nn.linear %s, %head : (tensor<2x7x12xf32>, tensor<11x12xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

// Two parameters read and added to as one.
module attributes {nn.name = "stack", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @first : tensor<4x8xf32>
  nn.parameter trainable @second : tensor<3x8xf32>
  nn.parameter trainable @head : tensor<11x7xf32>
  nn.stack @both [@first, @second] : tensor<7x8xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %x = nn.get @x : tensor<2x7x8xf32>
    %both = nn.get @both : tensor<7x8xf32>
    %s = nn.linear %x, %both : (tensor<2x7x8xf32>, tensor<7x8xf32>) -> tensor<2x7x7xf32>
    %head = nn.get @head : tensor<11x7xf32>
    %logits = nn.linear %s, %head : (tensor<2x7x7xf32>, tensor<11x7xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}

// -----

// What peft-group-linears makes one product: adapters of different ranks on one x.
module attributes {nn.name = "group_linears", nn.path = "", nn.vocab_size = 11 : i64} {
  nn.parameter trainable @x : tensor<2x7x8xf32>
  nn.parameter trainable @wq : tensor<9x8xf32>
  nn.parameter trainable @aq : tensor<4x8xf32>
  nn.parameter trainable @bq : tensor<9x4xf32>
  nn.parameter trainable @wk : tensor<9x8xf32>
  nn.parameter trainable @ak : tensor<2x8xf32>
  nn.parameter trainable @bk : tensor<9x2xf32>
  nn.parameter trainable @head : tensor<11x9xf32>
  func.func @loss(%ids: tensor<2x7xi32>, %labels: tensor<2x7xi32>, %positions: tensor<2x7xi32>, %segments: tensor<2x7xi32>, %seed: i64) -> tensor<f32> {
    %x = nn.get @x : tensor<2x7x8xf32>
    %wq = nn.get @wq : tensor<9x8xf32>
    %aq = nn.get @aq : tensor<4x8xf32>
    %bq = nn.get @bq : tensor<9x4xf32>
    %wk = nn.get @wk : tensor<9x8xf32>
    %ak = nn.get @ak : tensor<2x8xf32>
    %bk = nn.get @bk : tensor<9x2xf32>
    %head = nn.get @head : tensor<11x9xf32>
    %q = nn.linear %x, %wq : (tensor<2x7x8xf32>, tensor<9x8xf32>) -> tensor<2x7x9xf32>
    %sq = nn.linear %x, %aq : (tensor<2x7x8xf32>, tensor<4x8xf32>) -> tensor<2x7x4xf32>
    %q2 = nn.linear_add %q, %sq, %bq {alpha = 2.0 : f64} : (tensor<2x7x9xf32>, tensor<2x7x4xf32>, tensor<9x4xf32>) -> tensor<2x7x9xf32>
    %k = nn.linear %x, %wk : (tensor<2x7x8xf32>, tensor<9x8xf32>) -> tensor<2x7x9xf32>
    %sk = nn.linear %x, %ak : (tensor<2x7x8xf32>, tensor<2x8xf32>) -> tensor<2x7x2xf32>
    %k2 = nn.linear_add %k, %sk, %bk {alpha = 0.5 : f64} : (tensor<2x7x9xf32>, tensor<2x7x2xf32>, tensor<9x2xf32>) -> tensor<2x7x9xf32>
    %y = arith.mulf %q2, %k2 : tensor<2x7x9xf32>
    %logits = nn.linear %y, %head : (tensor<2x7x9xf32>, tensor<11x9xf32>) -> tensor<2x7x11xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x7xi32>, tensor<2x7xi32>) -> tensor<2x7xi32>
    %loss, %loss_lse = nn.cross_entropy %logits, %targets : (tensor<2x7x11xf32>, tensor<2x7xi32>) -> (tensor<f32>, tensor<2x7xf32>)
    return %loss : tensor<f32>
  }
}
