// How a weight is stored is an encoding on its type; its use is dense. The head stays dense, and what is skipped.

// RUN: split-file %s %t
// RUN: peft-import %t/double --seq-len 8 | FileCheck %s
// RUN: peft-import %t/skips --seq-len 8 | FileCheck %s --check-prefix=SKIPS

// CHECK:      nn.parameter frozen @model.embed_tokens.weight {stored = "f32"} : tensor<16x8xf32>
// CHECK:      nn.parameter frozen @model.layers.0.self_attn.q_proj.weight {stored = "nf4"} : tensor<8x8xf32, #peft.nf4<block = 64, nested = 256>>
// CHECK:      nn.parameter frozen @model.layers.0.mlp.down_proj.weight {stored = "nf4"} : tensor<8x12xf32, #peft.nf4<block = 64, nested = 256>>
// CHECK:      nn.parameter frozen @lm_head.weight {stored = "f32"} : tensor<16x8xf32>
// CHECK:      %[[W:.*]] = nn.get @model.layers.0.self_attn.q_proj.weight : tensor<8x8xf32, #peft.nf4<block = 64, nested = 256>>
// CHECK-NEXT: %[[D:.*]] = peft.dequantize %[[W]] : (tensor<8x8xf32, #peft.nf4<block = 64, nested = 256>>) -> tensor<8x8xf32>
// CHECK-NEXT: nn.linear %{{.*}}, %[[D]] module("model.layers.0.self_attn.q_proj")

// SKIPS: nn.parameter frozen @model.layers.0.self_attn.q_proj.weight {stored = "nf4"} : tensor<8x8xf32, #peft.nf4<block = 64, nested = 0>>
// SKIPS: nn.parameter frozen @model.layers.0.mlp.gate_proj.weight {stored = "f32"} : tensor<12x8xf32>
// SKIPS: nn.parameter frozen @model.layers.0.mlp.up_proj.weight {stored = "nf4"}
// SKIPS: nn.parameter frozen @lm_head.weight {stored = "f32"}

//--- double/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "rms_norm_eps": 1e-6, "hidden_act": "silu", "rope_theta": 10000.0, "dtype": "float32",
 "quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": true, "bnb_4bit_quant_type": "nf4",
                         "bnb_4bit_use_double_quant": true, "llm_int8_skip_modules": null}}

//--- skips/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "rms_norm_eps": 1e-6, "hidden_act": "silu", "rope_theta": 10000.0, "dtype": "float32",
 "quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": true, "bnb_4bit_quant_type": "nf4",
                         "llm_int8_skip_modules": ["lm_head", "gate_proj"]}}
