// One layer of a decoder as peft-import writes it, with a tied head and a bias.
module attributes {nn.model_type = "llama", nn.path = "tiny", nn.hidden_size = 8 : i64, nn.layers = 1 : i64, nn.heads = 2 : i64, nn.vocab_size = 16 : i64} {
  nn.parameter frozen @model.embed_tokens.weight : tensor<16x8xf32>
  nn.parameter frozen @model.layers.0.self_attn.q_proj.weight : tensor<8x8xf32>
  nn.parameter frozen @model.layers.0.self_attn.q_proj.bias : tensor<8xf32>
  nn.parameter frozen @model.layers.0.self_attn.v_proj.weight : tensor<8x8xf32>
  nn.parameter frozen @model.layers.0.mlp.up_proj.weight : tensor<8x8xf32>
  nn.parameter frozen @model.norm.weight : tensor<8xf32>
  func.func @loss(%ids: tensor<2x4xi32>, %labels: tensor<2x4xi32>, %positions: tensor<2x4xi32>, %segments: tensor<2x4xi32>, %seed: i64) -> tensor<f32> {
    %table = nn.get @model.embed_tokens.weight : tensor<16x8xf32>
    %x = nn.embedding %ids, %table module("model.embed_tokens") : (tensor<2x4xi32>, tensor<16x8xf32>) -> tensor<2x4x8xf32>
    %wq = nn.get @model.layers.0.self_attn.q_proj.weight : tensor<8x8xf32>
    %bq = nn.get @model.layers.0.self_attn.q_proj.bias : tensor<8xf32>
    %q = nn.linear %x, %wq bias %bq module("model.layers.0.self_attn.q_proj") : (tensor<2x4x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<2x4x8xf32>
    %wv = nn.get @model.layers.0.self_attn.v_proj.weight : tensor<8x8xf32>
    %v = nn.linear %x, %wv module("model.layers.0.self_attn.v_proj") : (tensor<2x4x8xf32>, tensor<8x8xf32>) -> tensor<2x4x8xf32>
    %qr = nn.rope %q, %positions {head_dim = 4 : i64, inv_freq = array<f32: 1.0, 0.01>} : (tensor<2x4x8xf32>, tensor<2x4xi32>) -> tensor<2x4x8xf32>
    %out, %lse = nn.attention %qr, %q, %v, %segments {head_dim = 4 : i64, scale = 0.5 : f64} : (tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4xi32>) -> (tensor<2x4x8xf32>, tensor<2x2x4xf32>)
    %h = nn.residual %x, %out module("model.layers.0.self_attn") : tensor<2x4x8xf32>
    %wu = nn.get @model.layers.0.mlp.up_proj.weight : tensor<8x8xf32>
    %u = nn.linear %h, %wu module("model.layers.0.mlp.up_proj") : (tensor<2x4x8xf32>, tensor<8x8xf32>) -> tensor<2x4x8xf32>
    %y = nn.residual %h, %u module("model.layers.0.mlp") : tensor<2x4x8xf32>
    %wn = nn.get @model.norm.weight : tensor<8xf32>
    %n = nn.rms_norm %y, %wn eps(1.000000e-05) : (tensor<2x4x8xf32>, tensor<8xf32>) -> tensor<2x4x8xf32>
    %logits = nn.linear %n, %table module("lm_head") : (tensor<2x4x8xf32>, tensor<16x8xf32>) -> tensor<2x4x16xf32>
    %targets = nn.shift_labels %labels, %segments : (tensor<2x4xi32>, tensor<2x4xi32>) -> tensor<2x4xi32>
    %loss, %llse = nn.cross_entropy %logits, %targets : (tensor<2x4x16xf32>, tensor<2x4xi32>) -> (tensor<f32>, tensor<2x4xf32>)
    return %loss : tensor<f32>
  }
}
