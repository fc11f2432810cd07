// One layer of the Llama family, from its checkpoint: every weight is a symbol with the key of the file.

// RUN: peft-import %S/Inputs/weights --batch 2 --seq-len 8 | FileCheck %s --implicit-check-not=nn.parameter

// CHECK:      module attributes {nn.heads = 2 : i64, nn.hidden_size = 8 : i64, nn.kv_heads = 1 : i64, nn.layers = 1 : i64,
// CHECK-SAME: nn.model_type = "llama", nn.name = "weights", nn.path = "{{.*}}Inputs/weights", nn.vocab_size = 16 : i64}
// CHECK-NEXT: nn.parameter frozen @model.embed_tokens.weight {stored = "bf16"} : tensor<16x8xf32>
// CHECK-NEXT: nn.parameter frozen @model.layers.0.input_layernorm.weight {stored = "bf16"} : tensor<8xf32>
// CHECK-NEXT: nn.parameter frozen @model.layers.0.self_attn.q_proj.weight {stored = "bf16"} : tensor<8x8xf32>
// CHECK-NEXT: nn.parameter frozen @model.layers.0.self_attn.k_proj.weight {stored = "bf16"} : tensor<4x8xf32>
// CHECK-NEXT: nn.parameter frozen @model.layers.0.self_attn.v_proj.weight {stored = "bf16"} : tensor<4x8xf32>
// CHECK-NEXT: nn.parameter frozen @model.layers.0.self_attn.o_proj.weight {stored = "bf16"} : tensor<8x8xf32>
// CHECK-NEXT: nn.parameter frozen @model.layers.0.post_attention_layernorm.weight {stored = "bf16"} : tensor<8xf32>
// CHECK-NEXT: nn.parameter frozen @model.layers.0.mlp.gate_proj.weight {stored = "bf16"} : tensor<12x8xf32>
// CHECK-NEXT: nn.parameter frozen @model.layers.0.mlp.up_proj.weight {stored = "bf16"} : tensor<12x8xf32>
// CHECK-NEXT: nn.parameter frozen @model.layers.0.mlp.down_proj.weight {stored = "bf16"} : tensor<8x12xf32>
// CHECK-NEXT: nn.parameter frozen @model.norm.weight {stored = "bf16"} : tensor<8xf32>
// CHECK-NEXT: nn.parameter frozen @lm_head.weight {stored = "bf16"} : tensor<16x8xf32>

// CHECK-NEXT: func.func @loss(%[[IDS:[a-z0-9]+]]: tensor<2x8xi32>, %[[LABELS:[a-z0-9]+]]: tensor<2x8xi32>, %[[POS:[a-z0-9]+]]: tensor<2x8xi32>,
// CHECK-SAME:                 %[[SEG:[a-z0-9]+]]: tensor<2x8xi32>, %{{.*}}: i64) -> tensor<f32> {
// CHECK-NEXT: %[[TABLE:.*]] = nn.get @model.embed_tokens.weight
// CHECK-NEXT: %[[X:.*]] = nn.embedding %[[IDS]], %[[TABLE]] module("model.embed_tokens")

// The attention branch.
// CHECK-NEXT: %[[LN:.*]] = nn.get @model.layers.0.input_layernorm.weight
// CHECK-NEXT: %[[N:.*]] = nn.rms_norm %[[X]], %[[LN]] eps(1.000000e-05)
// CHECK-NEXT: %[[WQ:.*]] = nn.get @model.layers.0.self_attn.q_proj.weight
// CHECK-NEXT: %[[Q:.*]] = nn.linear %[[N]], %[[WQ]] module("model.layers.0.self_attn.q_proj")
// CHECK-NEXT: %[[WK:.*]] = nn.get @model.layers.0.self_attn.k_proj.weight
// CHECK-NEXT: %[[K:.*]] = nn.linear %[[N]], %[[WK]] module("model.layers.0.self_attn.k_proj") : {{.*}} -> tensor<2x8x4xf32>
// CHECK-NEXT: %[[WV:.*]] = nn.get @model.layers.0.self_attn.v_proj.weight
// CHECK-NEXT: %[[V:.*]] = nn.linear %[[N]], %[[WV]] module("model.layers.0.self_attn.v_proj")
// CHECK-NEXT: %[[QR:.*]] = nn.rope %[[Q]], %[[POS]] {head_dim = 4 : i64, inv_freq = array<f32: 1.000000e+00, 0.00999999977>}
// CHECK-NEXT: %[[KR:.*]] = nn.rope %[[K]], %[[POS]] {head_dim = 4 : i64, inv_freq = array<f32: 1.000000e+00, 0.00999999977>}
// CHECK-NEXT: %[[A:.*]], %{{.*}} = nn.attention %[[QR]], %[[KR]], %[[V]], %[[SEG]] {head_dim = 4 : i64, scale = 5.000000e-01 : f64}
// CHECK-NEXT: %[[WO:.*]] = nn.get @model.layers.0.self_attn.o_proj.weight
// CHECK-NEXT: %[[O:.*]] = nn.linear %[[A]], %[[WO]] module("model.layers.0.self_attn.o_proj")
// CHECK-NEXT: %[[X1:.*]] = nn.residual %[[X]], %[[O]] module("model.layers.0.self_attn")

// The feed-forward branch.
// CHECK-NEXT: %[[LN2:.*]] = nn.get @model.layers.0.post_attention_layernorm.weight
// CHECK-NEXT: %[[N2:.*]] = nn.rms_norm %[[X1]], %[[LN2]]
// CHECK-NEXT: %[[WG:.*]] = nn.get @model.layers.0.mlp.gate_proj.weight
// CHECK-NEXT: %[[G:.*]] = nn.linear %[[N2]], %[[WG]] module("model.layers.0.mlp.gate_proj")
// CHECK-NEXT: %[[WU:.*]] = nn.get @model.layers.0.mlp.up_proj.weight
// CHECK-NEXT: %[[U:.*]] = nn.linear %[[N2]], %[[WU]] module("model.layers.0.mlp.up_proj")
// CHECK-NEXT: %[[F:.*]] = nn.activation silu %[[G]]
// CHECK-NEXT: %[[H:.*]] = arith.mulf %[[F]], %[[U]]
// CHECK-NEXT: %[[WD:.*]] = nn.get @model.layers.0.mlp.down_proj.weight
// CHECK-NEXT: %[[D:.*]] = nn.linear %[[H]], %[[WD]] module("model.layers.0.mlp.down_proj")
// CHECK-NEXT: %[[X2:.*]] = nn.residual %[[X1]], %[[D]] module("model.layers.0.mlp")

// The head and the loss.
// CHECK-NEXT: %[[LNF:.*]] = nn.get @model.norm.weight
// CHECK-NEXT: %[[NF:.*]] = nn.rms_norm %[[X2]], %[[LNF]]
// CHECK-NEXT: %[[WH:.*]] = nn.get @lm_head.weight
// CHECK-NEXT: %[[LOGITS:.*]] = nn.linear %[[NF]], %[[WH]] module("lm_head")
// CHECK-NEXT: %[[TARGETS:.*]] = nn.shift_labels %[[LABELS]], %[[SEG]]
// CHECK-NEXT: %[[LOSS:.*]], %{{.*}} = nn.cross_entropy %[[LOGITS]], %[[TARGETS]]
// CHECK-NEXT: return %[[LOSS]] : tensor<f32>
