// A GGUF has the names of Hugging Face; rope_freqs.weight divides the frequencies (here 1 and 8).

// RUN: peft-import %S/Inputs/freq-factors.gguf --seq-len 8 2>&1 | FileCheck %s --implicit-check-not=warning

// CHECK: nn.model_type = "llama", nn.name = "freq-factors"
// CHECK: nn.parameter frozen @model.layers.0.self_attn.q_proj.weight {stored = "f32"} : tensor<8x8xf32>
// CHECK: nn.rope {{.*}} inv_freq = array<f32: 1.000000e+00, 1.250000e-03>
// CHECK: %[[HEAD:.*]] = nn.get @model.embed_tokens.weight
// CHECK: nn.linear %{{.*}}, %[[HEAD]] module("lm_head")
