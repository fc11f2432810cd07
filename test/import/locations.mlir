// Every op carries the key or the module that it belongs to.

// RUN: peft-import %S/Inputs/weights --seq-len 8 --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s
// RUN: peft-import %S/Inputs/weights --seq-len 8 --mlir-print-debuginfo --mlir-print-local-scope \
// RUN:   | FileCheck %s --check-prefix=ALL --implicit-check-not='loc(unknown)'

// CHECK: nn.parameter frozen @model.layers.0.self_attn.q_proj.weight {{.*}} loc("model.layers.0.self_attn.q_proj.weight")
// CHECK: @loss(%{{.*}}: tensor<1x8xi32> loc("input_ids"), {{.*}}, %{{.*}}: i64 loc("seed"))
// CHECK: nn.get @model.embed_tokens.weight : {{.*}} loc("model.embed_tokens.weight")
// CHECK: nn.embedding {{.*}} loc("model.embed_tokens")
// CHECK: nn.rms_norm {{.*}} loc("model.layers.0.input_layernorm")
// CHECK: nn.linear {{.*}} loc("model.layers.0.self_attn.q_proj")
// CHECK: nn.rope {{.*}} loc("model.layers.0.self_attn")
// CHECK: nn.attention {{.*}} loc("model.layers.0.self_attn")
// CHECK: nn.residual {{.*}} loc("model.layers.0.self_attn")
// CHECK: nn.activation {{.*}} loc("model.layers.0.mlp")
// CHECK: arith.mulf {{.*}} loc("model.layers.0.mlp")
// CHECK: nn.residual {{.*}} loc("model.layers.0.mlp")
// CHECK: nn.rms_norm {{.*}} loc("model.norm")
// CHECK: nn.linear {{.*}} loc("lm_head")
// CHECK: nn.cross_entropy {{.*}} loc("loss")

// ALL: module
