// What the families' rows change of the block. Folders of config.json alone import too.

// RUN: split-file %s %t
// RUN: peft-import %t/mistral --seq-len 8 | FileCheck %s --check-prefix=MISTRAL --implicit-check-not=bias
// RUN: peft-import %t/mistral-full --seq-len 8 | FileCheck %s --check-prefix=NOWINDOW
// RUN: peft-import %t/mistral-plain --seq-len 8 | FileCheck %s --check-prefix=DEFAULT
// RUN: peft-import %t/qwen2 --seq-len 8 | FileCheck %s --check-prefix=QWEN2
// RUN: peft-import %t/qwen2-by-depth --seq-len 8 | FileCheck %s --check-prefix=DEPTH
// RUN: peft-import %t/qwen2-by-type --seq-len 8 | FileCheck %s --check-prefix=TYPE
// RUN: peft-import %t/qwen3 --seq-len 8 | FileCheck %s --check-prefix=QWEN3 --implicit-check-not=bias
// RUN: peft-import %t/llama-1 --seq-len 8 2>&1 | FileCheck %s --check-prefix=LLAMA1
// RUN: peft-import %t/llama-bias --seq-len 8 | FileCheck %s --check-prefix=BIAS

// mistral: each layer sees a window.
// MISTRAL: nn.attention {{.*}} window = 4 : i64
// MISTRAL: nn.attention {{.*}} window = 4 : i64

// Without the key transformers has a window too; null is none.
// DEFAULT: nn.attention {{.*}} window = 4096 : i64
// NOWINDOW: nn.attention
// NOWINDOW-NOT: window =

// qwen2: q, k and v have a bias, o has none; a window only where it is switched on.
// QWEN2:      nn.parameter frozen @model.layers.0.self_attn.q_proj.bias {stored = "bf16"} : tensor<8xf32>
// QWEN2:      nn.parameter frozen @model.layers.0.self_attn.k_proj.bias {stored = "bf16"} : tensor<4xf32>
// QWEN2:      nn.parameter frozen @model.layers.0.self_attn.v_proj.bias {stored = "bf16"} : tensor<4xf32>
// QWEN2:      %[[W:.*]] = nn.get @model.layers.0.self_attn.q_proj.weight
// QWEN2-NEXT: %[[B:.*]] = nn.get @model.layers.0.self_attn.q_proj.bias
// QWEN2-NEXT: nn.linear %{{.*}}, %[[W]] bias %[[B]] module("model.layers.0.self_attn.q_proj")
// QWEN2:      nn.attention
// QWEN2-NOT:  window =
// QWEN2-NOT:  bias

// From max_window_layers on.
// DEPTH:      nn.attention
// DEPTH-NOT:  window =
// DEPTH:      nn.attention {{.*}} window = 4 : i64

// layer_types wins over max_window_layers.
// TYPE:     nn.attention {{.*}} window = 4 : i64
// TYPE:     nn.attention
// TYPE-NOT: window =

// qwen3: a norm over each head of q and k, before rope; head_dim need not be hidden_size / heads.
// QWEN3:      %[[Q:.*]] = nn.linear {{.*}} module("model.layers.0.self_attn.q_proj") : {{.*}} -> tensor<1x8x12xf32>
// QWEN3:      %[[W:.*]] = nn.get @model.layers.0.self_attn.q_norm.weight : tensor<6xf32>
// QWEN3-NEXT: %[[N:.*]] = nn.rms_norm %[[Q]], %[[W]] eps(9.9999999999999995E-7)
// QWEN3:      nn.get @model.layers.0.self_attn.k_norm.weight : tensor<6xf32>
// QWEN3:      nn.rope %[[N]], {{.*}}head_dim = 6 : i64
// QWEN3:      nn.linear {{.*}} module("model.layers.0.self_attn.o_proj") : (tensor<1x8x12xf32>, tensor<8x12xf32>)

// llama-1: as many key heads as heads, and no rope_theta.
// LLAMA1: warning: '{{.*}}llama-1/config.json': no 'rope_theta', as in the first files of this family: taking 10000
// LLAMA1: module attributes {{.*}} nn.kv_heads = 2 : i64
// LLAMA1: nn.parameter frozen @model.embed_tokens.weight {stored = "f16"}
// LLAMA1: nn.rope {{.*}} inv_freq = array<f32: 1.000000e+00, 0.00999999977>
// LLAMA1: nn.activation gelu_erf

// BIAS: nn.linear {{.*}} bias {{.*}} module("model.layers.0.self_attn.q_proj")
// BIAS: nn.linear {{.*}} bias {{.*}} module("model.layers.0.self_attn.o_proj")
// BIAS: nn.linear {{.*}} bias {{.*}} module("model.layers.0.mlp.gate_proj")
// BIAS: nn.activation gelu_tanh
// BIAS: nn.linear {{.*}} bias {{.*}} module("model.layers.0.mlp.down_proj")
// BIAS-NOT: bias

//--- mistral/config.json
{"model_type": "mistral", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2,
 "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-5, "hidden_act": "silu",
 "sliding_window": 4, "rope_theta": 10000.0, "torch_dtype": "bfloat16"}

//--- mistral-plain/config.json
{"model_type": "mistral", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-5, "hidden_act": "silu", "rope_theta": 10000.0}

//--- mistral-full/config.json
{"model_type": "mistral", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-5, "hidden_act": "silu",
 "sliding_window": null, "rope_theta": 10000.0}

//--- qwen2/config.json
{"model_type": "qwen2", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-6, "hidden_act": "silu",
 "use_sliding_window": false, "sliding_window": 4, "max_window_layers": 0, "dtype": "bfloat16",
 "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}}

//--- qwen2-by-depth/config.json
{"model_type": "qwen2", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2,
 "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-6, "hidden_act": "silu",
 "use_sliding_window": true, "sliding_window": 4, "max_window_layers": 1, "rope_theta": 1000000.0}

//--- qwen2-by-type/config.json
{"model_type": "qwen2", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2,
 "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-6, "hidden_act": "silu",
 "use_sliding_window": true, "sliding_window": 4, "max_window_layers": 1, "rope_theta": 1000000.0,
 "layer_types": ["sliding_attention", "full_attention"]}

//--- qwen3/config.json
{"model_type": "qwen3", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 6, "rms_norm_eps": 1e-6, "hidden_act": "silu",
 "attention_bias": false, "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}}

//--- llama-1/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "rms_norm_eps": 1e-6, "hidden_act": "gelu", "torch_dtype": "float16"}

//--- llama-bias/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "rms_norm_eps": 1e-6, "hidden_act": "gelu_pytorch_tanh", "rope_theta": 10000.0,
 "attention_bias": true, "mlp_bias": true}
