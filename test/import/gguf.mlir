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

// A GGUF of arch llama with biases of q, k and v and none of o is a qwen2, but the rows of q and k lie as llama's.
// RUN: peft-import %S/Inputs/qkv-biases.gguf --seq-len 8 2>&1 | FileCheck %s --check-prefix=BIAS --implicit-check-not=warning
// BIAS: nn.model_type = "qwen2"
// BIAS: nn.parameter frozen @model.layers.0.self_attn.q_proj.weight : tensor<8x8xf32>
// BIAS: nn.parameter frozen @model.layers.0.self_attn.q_proj.bias : tensor<8xf32>
// BIAS: nn.parameter frozen @model.layers.0.self_attn.v_proj.bias {stored = "f32"} : tensor<4xf32>
// BIAS: nn.linear {{.*}} bias {{.*}} module("model.layers.0.self_attn.k_proj")
// BIAS: nn.linear {{.*}} bias {{.*}} module("model.layers.0.self_attn.v_proj")
// BIAS-NOT: bias

// A bias that the model would not have is no matter of a warning; one of three must have the other two.
// RUN: not peft-import %S/Inputs/ffn-bias.gguf --seq-len 8 2>&1 | FileCheck %s --check-prefix=PLACE
// RUN: not peft-adapter merge %S/Inputs/ffn-bias.gguf -o %t.merged 2>&1 | FileCheck %s --check-prefix=PLACE
// RUN: %python -c "import sys; d = open(sys.argv[1], 'rb').read(); open(sys.argv[2], 'wb').write(d.replace(b'blk.0.attn_k.bias', b'blk.9.attn_k.bias'))" %S/Inputs/qkv-biases.gguf %t.two.gguf
// RUN: not peft-import %t.two.gguf --seq-len 8 2>&1 | FileCheck %s --check-prefix=TWO
// PLACE: ffn-bias.gguf': 'blk.0.ffn_up.bias' has no place in a model of type qwen2; supported: biases of attn_q, attn_k and attn_v, or
// TWO: tensor 'model.layers.0.self_attn.k_proj.bias' ('blk.0.attn_k.bias') is missing, expected one of shape [4]
