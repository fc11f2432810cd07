// A GGUF has the names of Hugging Face; rope_freqs.weight divides the frequencies (here 1 and 8).

// RUN: peft-import %S/Inputs/freq-factors.gguf --seq-len 8 2>&1 | FileCheck %s --implicit-check-not=warning

// What is missing has both names; a type that is not read has its name.
// RUN: %python -c "import sys; d = open(sys.argv[1], 'rb').read(); open(sys.argv[2], 'wb').write(d.replace(b'blk.0.attn_v.', b'blk.9.attn_v.'))" %S/Inputs/freq-factors.gguf %t.missing.gguf
// RUN: not peft-import %t.missing.gguf --seq-len 8 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: %python -c "import sys; d = open(sys.argv[1], 'rb').read(); at = d.index(b'blk.0.attn_v.weight') + 19 + 4 + 16; open(sys.argv[2], 'wb').write(d[:at] + bytes([10]) + d[at + 1:])" %S/Inputs/freq-factors.gguf %t.type.gguf
// RUN: not peft-import %t.type.gguf --seq-len 8 2>&1 | FileCheck %s --check-prefix=TYPE
// MISSING: tensor 'model.layers.0.self_attn.v_proj.weight' ('blk.0.attn_v.weight') is missing, expected one of shape [4, 8]
// TYPE: 'blk.0.attn_v.weight': type Q2_K is not supported; supported are F32, F16, BF16, Q4_0

// CHECK: nn.model_type = "llama", nn.name = "freq-factors"
// The rows of q and k lie in another order, so that they can't be read in place: no `stored`.
// CHECK: nn.parameter frozen @model.layers.0.self_attn.q_proj.weight : tensor<8x8xf32>
// CHECK: nn.parameter frozen @model.layers.0.self_attn.v_proj.weight {stored = "f32"} : tensor<4x8xf32>
// CHECK: nn.rope {{.*}} inv_freq = array<f32: 1.000000e+00, 1.250000e-03>
// CHECK: %[[HEAD:.*]] = nn.get @model.embed_tokens.weight
// CHECK: nn.linear %{{.*}}, %[[HEAD]] module("lm_head")
