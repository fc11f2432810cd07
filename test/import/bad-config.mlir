// Configurations that can't be read: one line with file, key, what was expected and what is there.

// RUN: split-file %s %t
// RUN: not peft-import %t/unknown-type 2>&1 | FileCheck %s --check-prefix=UNKNOWN-TYPE
// RUN: not peft-import %t/no-type 2>&1 | FileCheck %s --check-prefix=NO-TYPE
// RUN: not peft-import %t/other-head 2>&1 | FileCheck %s --check-prefix=OTHER-HEAD
// RUN: not peft-import %t/no-size 2>&1 | FileCheck %s --check-prefix=NO-SIZE
// RUN: not peft-import %t/lying-size 2>&1 | FileCheck %s --check-prefix=LYING-SIZE
// RUN: not peft-import %t/heads 2>&1 | FileCheck %s --check-prefix=HEADS
// RUN: not peft-import %t/activation 2>&1 | FileCheck %s --check-prefix=ACTIVATION
// RUN: not peft-import %t/no-theta 2>&1 | FileCheck %s --check-prefix=NO-THETA
// RUN: not peft-import %t/no-theta-5 2>&1 | FileCheck %s --check-prefix=NO-THETA-5
// RUN: not peft-import %t/layer-types 2>&1 | FileCheck %s --check-prefix=LAYER-TYPES
// RUN: not peft-import %t/quantized 2>&1 | FileCheck %s --check-prefix=QUANTIZED
// RUN: peft-import %t/dropout --seq-len 8 2>&1 | FileCheck %s --check-prefix=DROPOUT
// RUN: not peft-import %S/Inputs/weights --batch 0 2>&1 | FileCheck %s --check-prefix=BATCH
// RUN: peft-import %S/Inputs/weights --seq-len 65 2>&1 | FileCheck %s --check-prefix=LONG

// UNKNOWN-TYPE: error: '{{.*}}unknown-type/config.json': unknown model_type 'mamba'; supported: llama, mistral, qwen2, qwen3

// NO-TYPE: error: '{{.*}}no-type/config.json': key 'model_type' is missing

// OTHER-HEAD: error: '{{.*}}config.json': expected a causal language model (…ForCausalLM) in 'architectures', got 'LlamaForSequenceClassification'

// NO-SIZE: error: '{{.*}}config.json': key 'intermediate_size' is missing

// LYING-SIZE: error: '{{.*}}config.json': expected 'num_hidden_layers' from 1 to 10000, got 1000000000000

// HEADS: error: '{{.*}}config.json': expected 'num_attention_heads' to be a multiple of 'num_key_value_heads', got 4 and 3

// ACTIVATION: error: '{{.*}}config.json': unknown hidden_act 'mish'; supported: silu, gelu, gelu_new, gelu_pytorch_tanh, relu

// NO-THETA: error: '{{.*}}config.json': found no positive 'rope_theta', neither in rope_parameters (transformers 5) nor at the top level (transformers 4)

// The family's default is for files that know neither layout.
// NO-THETA-5: error: '{{.*}}config.json': found no positive 'rope_theta'

// LAYER-TYPES: error: '{{.*}}config.json': expected 'layer_types' to name each of the 2 layers, got 1 names

// QUANTIZED: error: '{{.*}}config.json': quantization_config{{.*}}gptq

// DROPOUT: warning: '{{.*}}config.json': 'attention_dropout' 0.1 is not applied, as transformers would while it trains; a recipe's dropout is

// BATCH: error: expected a batch from 1 to 16777216, got 0
// LONG: warning: '{{.*}}config.json': sequence length 65 is beyond 'max_position_embeddings' 64

//--- unknown-type/config.json
{"model_type": "mamba"}

//--- dropout/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1, "rope_theta": 10000.0,
 "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-5, "hidden_act": "silu", "attention_dropout": 0.1}

//--- no-type/config.json
{"hidden_size": 8}

//--- other-head/config.json
{"model_type": "llama", "architectures": ["LlamaForSequenceClassification"]}

//--- no-size/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}

//--- lying-size/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12,
 "num_hidden_layers": 1000000000000, "num_attention_heads": 2}

//--- heads/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 4, "num_key_value_heads": 3}

//--- activation/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "rms_norm_eps": 1e-5, "hidden_act": "mish"}

//--- no-theta/config.json
{"model_type": "mistral", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-5, "hidden_act": "silu"}

//--- no-theta-5/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "rms_norm_eps": 1e-5, "hidden_act": "silu", "rope_parameters": {"rope_type": "default"}}

//--- layer-types/config.json
{"model_type": "qwen3", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2,
 "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-5, "hidden_act": "silu",
 "use_sliding_window": true, "sliding_window": 4, "layer_types": ["full_attention"], "rope_theta": 10000.0}

//--- quantized/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "rms_norm_eps": 1e-5, "hidden_act": "silu", "rope_theta": 10000.0,
 "quantization_config": {"quant_method": "gptq", "bits": 4}}
