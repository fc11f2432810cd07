// The same model as transformers 4 and 5 write it gives the same IR but for its path.

// RUN: split-file %s %t
// RUN: peft-import %t/four/model --seq-len 8 | sed 's/nn.path = "[^"]*"//' > %t/four.mlir
// RUN: peft-import %t/five/model --seq-len 8 | sed 's/nn.path = "[^"]*"//' > %t/five.mlir
// RUN: diff %t/four.mlir %t/five.mlir
// RUN: FileCheck %s < %t/five.mlir

// CHECK: nn.parameter frozen @model.embed_tokens.weight {stored = "bf16"} : tensor<16x16xf32>
// CHECK: nn.rope {{.*}} inv_freq = array<f32: 5.000000e-01,

//--- four/model/config.json
{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 16, "hidden_size": 16,
 "intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
 "head_dim": null, "rms_norm_eps": 1e-5, "hidden_act": "silu", "max_position_embeddings": 64,
 "tie_word_embeddings": true, "torch_dtype": "bfloat16", "transformers_version": "4.41.0",
 "rope_theta": 500000.0, "rope_scaling": {"type": "linear", "factor": 2.0}}

//--- five/model/config.json
{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 16, "hidden_size": 16,
 "intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
 "head_dim": 8, "rms_norm_eps": 1e-5, "hidden_act": "silu", "max_position_embeddings": 64,
 "tie_word_embeddings": true, "dtype": "bfloat16", "transformers_version": "5.17.0",
 "rope_parameters": {"rope_type": "linear", "rope_theta": 500000.0, "factor": 2.0}}
