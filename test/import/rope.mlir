// The types of rope scaling. The expected numbers are those of transformers 5.17 (LlamaRotaryEmbedding).

// RUN: split-file %s %t
// RUN: peft-import %t/linear --seq-len 8 | FileCheck %s --check-prefix=LINEAR
// RUN: peft-import %t/dynamic --seq-len 64 | FileCheck %s --check-prefix=DYNAMIC
// RUN: peft-import %t/dynamic --seq-len 96 | FileCheck %s --check-prefix=DYNAMIC-LONG
// RUN: peft-import %t/yarn --seq-len 8 | FileCheck %s --check-prefix=YARN
// RUN: peft-import %t/yarn-plain --seq-len 8 | FileCheck %s --check-prefix=YARN-PLAIN
// RUN: peft-import %t/longrope --seq-len 16 | FileCheck %s --check-prefix=LONGROPE
// RUN: peft-import %t/longrope --seq-len 17 | FileCheck %s --check-prefix=LONGROPE-LONG
// RUN: peft-import %t/llama3 --seq-len 8 | FileCheck %s --check-prefix=LLAMA3
// RUN: peft-import %t/proportional --seq-len 8 | FileCheck %s --check-prefix=PROPORTIONAL
// RUN: not peft-import %t/unknown 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not peft-import %t/no-factor 2>&1 | FileCheck %s --check-prefix=NO-FACTOR
// RUN: not peft-import %t/few-factors 2>&1 | FileCheck %s --check-prefix=FEW-FACTORS
// RUN: not peft-import %t/not-finite 2>&1 | FileCheck %s --check-prefix=NOT-FINITE
// RUN: not peft-import %t/partial 2>&1 | FileCheck %s --check-prefix=PARTIAL

// Divides each frequency.
// LINEAR: nn.rope {{.*}} inv_freq = array<f32: 2.500000e-01, 2.500000e-02, 2.500000e-03, 2.500000e-04>}

// Nothing up to max_position_embeddings; beyond, theta grows with the row.
// DYNAMIC: nn.rope {{.*}} inv_freq = array<f32: 1.000000e+00, 1.000000e-01, 0.00999999977, 1.000000e-03>}
// DYNAMIC-LONG: nn.rope {{.*}} inv_freq = array<f32: 1.000000e+00, 0.07937005{{[0-9]*}}, 0.0062996051{{[0-9]*}}, 5.000000e-04>}

// A ramp from kept to divided frequencies, and a factor of cos and sin.
// YARN: nn.rope {{.*}} inv_freq = array<f32: 1.000000e+00, 0.0749999955, 5.000000e-03, 2.500000e-04>, scale = 0.9391244281434{{[0-9]*}} : f64}

// YARN-PLAIN: nn.rope {{.*}} inv_freq = array<f32: 1.000000e+00, 2.500000e-02, 2.500000e-03, 2.500000e-04>, scale = 1.13862943611198{{[0-9]*}} : f64}

// A divisor for each frequency: one list for rows up to the original length, one for longer ones.
// LONGROPE: nn.rope {{.*}} inv_freq = array<f32: 1.000000e+00, 0.0666666701, 5.000000e-03, 4.000000e-04>, scale = 1.22474487139158{{[0-9]*}} : f64}
// LONGROPE-LONG: nn.rope {{.*}} inv_freq = array<f32: 1.000000e+00, 5.000000e-02, 2.500000e-03, 1.250000e-04>, scale = 1.22474487139158{{[0-9]*}} : f64}

// Long waves are divided, short ones kept.
// LLAMA3: nn.rope {{.*}} inv_freq = array<f32: 1.000000e+00, 0.02734413{{[0-9]*}}, 1.767766{{[0-9]*}}E-4, 6.64786{{[0-9]*}}E-6>}

// The last dimensions stay as they are.
// PROPORTIONAL: nn.rope {{.*}} inv_freq = array<f32: 5.000000e-01, 5.000000e-02, 5.000000e-03, 0.000000e+00>

// UNKNOWN: error: '{{.*}}unknown/config.json': rope_parameters: unknown rope_type 'spiral'; supported: default, linear, dynamic, yarn, longrope, llama3, proportional

// NO-FACTOR: error: '{{.*}}no-factor/config.json': rope_scaling: key 'factor' is missing

// FEW-FACTORS: error: '{{.*}}config.json': rope_scaling: expected 4 numbers in 'long_factor' (head_dim / 2), got 1

// NOT-FINITE: error: '{{.*}}config.json': rope_scaling: rope_type 'linear' {{.*}} gives the inverse frequency inf at 0

// PARTIAL: error: '{{.*}}config.json': expected 'partial_rotary_factor' 1 for llama, got 0.5; only rope_type 'proportional' takes another

//--- proportional/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 16, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-5, "hidden_act": "silu", "max_position_embeddings": 64,
 "rope_parameters": {"rope_type": "proportional", "rope_theta": 10000.0, "factor": 2.0, "partial_rotary_factor": 0.8}}

//--- linear/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 16, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-5, "hidden_act": "silu", "max_position_embeddings": 64,
 "rope_theta": 10000.0, "rope_scaling": {"type": "linear", "factor": 4.0}}

//--- dynamic/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 16, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-5, "hidden_act": "silu", "max_position_embeddings": 64,
 "rope_theta": 10000.0, "rope_scaling": {"type": "dynamic", "factor": 2.0}}

//--- yarn/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 16, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-5, "hidden_act": "silu", "max_position_embeddings": 64,
 "rope_parameters": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 1024,
                     "mscale": 0.5, "mscale_all_dim": 1.0}}

//--- yarn-plain/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 16, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-5, "hidden_act": "silu", "max_position_embeddings": 64,
 "rope_parameters": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 16}}

//--- longrope/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 16, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-5, "hidden_act": "silu", "max_position_embeddings": 64,
 "rope_theta": 10000.0, "original_max_position_embeddings": 16,
 "rope_scaling": {"type": "su", "short_factor": [1.0, 1.5, 2.0, 2.5], "long_factor": [1.0, 2.0, 4.0, 8.0]}}

//--- llama3/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 16, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-5, "hidden_act": "silu", "max_position_embeddings": 64,
 "rope_parameters": {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
                     "high_freq_factor": 4.0, "original_max_position_embeddings": 512}}

//--- unknown/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 16, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-5, "hidden_act": "silu", "max_position_embeddings": 64,
 "rope_parameters": {"rope_type": "spiral", "rope_theta": 10000.0}}

//--- no-factor/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 16, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-5, "hidden_act": "silu", "max_position_embeddings": 64,
 "rope_theta": 10000.0, "rope_scaling": {"type": "linear"}}

//--- few-factors/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 16, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-5, "hidden_act": "silu", "max_position_embeddings": 64,
 "rope_theta": 10000.0, "original_max_position_embeddings": 16,
 "rope_scaling": {"rope_type": "longrope", "short_factor": [1.0], "long_factor": [1.0]}}

//--- not-finite/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 16, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-5, "hidden_act": "silu", "max_position_embeddings": 64,
 "rope_theta": 10000.0, "rope_scaling": {"type": "linear", "factor": 0.0}}

//--- partial/config.json
{"model_type": "llama", "vocab_size": 16, "hidden_size": 16, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-5, "hidden_act": "silu", "max_position_embeddings": 64,
 "rope_theta": 10000.0, "partial_rotary_factor": 0.5}
