// Users' own files: PEFT's and AdapterHub's, with what each key changes.

// RUN: rm -rf %t && split-file %s %t
// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/patterns.json | FileCheck %s --check-prefix=PATTERNS
// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/regex.json 2>&1 | FileCheck %s --check-prefix=PYTHON
// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/layers.json | FileCheck %s --check-prefix=LAYERS
// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/pfeiffer.json | FileCheck %s --check-prefix=PFEIFFER
// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/dora.json 2>&1 | FileCheck %s --check-prefix=DORA
// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/unknown.json 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/typo.json 2>&1 | FileCheck %s --check-prefix=TYPO
// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/tokens.json | FileCheck %s --check-prefix=TOKENS
// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/tokens-and-saved.json 2>&1 | FileCheck %s --check-prefix=SAVED
// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/tokens-and-lora.json 2>&1 | FileCheck %s --check-prefix=BOTH
// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/no-layer.json 2>&1 | FileCheck %s --check-prefix=NOLAYER
// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/houlsby.json 2>&1 | FileCheck %s --check-prefix=HOULSBY
// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/absent.json 2>&1 | FileCheck %s --check-prefix=ABSENT

// The file's first pattern that matches decides, also where sorting would turn them round.
// PATTERNS: module("model.layers.0.self_attn.q_proj") {peft.lora = #peft.lora<r = 8, scale = 1.000000e+00 : f64
// PATTERNS: module("model.layers.0.self_attn.v_proj") {peft.lora = #peft.lora<r = 2, scale = 1.500000e+00 : f64

// PYTHON: warning: {{.*}}unknown key 'new_thing' ignored
// PYTHON-NOT: q_proj") {peft.lora
// PYTHON: module("model.layers.0.self_attn.v_proj") {peft.lora = {{.*}} init = "gaussian">

// LAYERS: module("model.layers.0.self_attn.q_proj") {peft.lora

// PFEIFFER: module("model.layers.0.mlp") {peft.bottleneck = #peft.bottleneck<width = 1, activation = "silu"

// DORA: dora.json: use_dora: not supported yet: true

// UNKNOWN: unknown.json: new_thing: unknown key, and 3 could change the result{{$}}

// TYPO: typo.json: lora_alhpa: unknown key, and 16 could change the result, did you mean lora_alpha?

// TOKENS: module("model.embed_tokens") {peft.trainable_tokens = array<i32: 5>}

// On a tied head the rows are the head's too.
// SAVED: trainable_token_indices: expected lm_head, which shares the table of model.embed_tokens, not to be in modules_to_save
// BOTH: target_modules: not supported yet: LoRA and trainable_token_indices both on lm_head

// NOLAYER: layers_to_transform: layer 7 has no target module

// HOULSBY: config: mh_adapter: expected false: of AdapterHub's bottlenecks only Pfeiffer's

// ABSENT: absent.json: No such file or directory

//--- patterns.json
{"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"],
 "rank_pattern": {"layers.0.self_attn.q_proj": 8, "[qv]_proj": 2}, "alpha_pattern": {"v_proj": 3}}
//--- regex.json
{"peft_type": "LORA", "target_modules": ".*\\.(?P<branch>self_attn)\\.(?!q)\\w_proj", "init_lora_weights": "gaussian", "new_thing": null}
//--- layers.json
{"peft_type": "LORA", "target_modules": ["q_proj"], "layers_to_transform": [0], "layers_pattern": "layers"}
//--- pfeiffer.json
{"config": {"mh_adapter": false, "output_adapter": true, "original_ln_before": true, "reduction_factor": 8, "non_linearity": "swish"}, "name": "a", "version": "adapters.1.3.0"}
//--- dora.json
{"peft_type": "LORA", "target_modules": ["q_proj"], "use_dora": true}
//--- unknown.json
{"peft_type": "LORA", "target_modules": ["q_proj"], "new_thing": 3}
//--- tokens.json
{"peft_type": "LORA", "target_modules": ["q_proj"], "trainable_token_indices": [5]}
//--- typo.json
{"peft_type": "LORA", "target_modules": ["q_proj"], "lora_alhpa": 16}
//--- tokens-and-saved.json
{"peft_type": "LORA", "target_modules": ["q_proj"], "trainable_token_indices": [5], "modules_to_save": ["lm_head"]}
//--- tokens-and-lora.json
{"peft_type": "LORA", "target_modules": ["q_proj", "lm_head"], "trainable_token_indices": [5]}
//--- no-layer.json
{"peft_type": "LORA", "target_modules": ["q_proj"], "layers_to_transform": [0, 7]}
//--- houlsby.json
{"config": {"mh_adapter": true, "output_adapter": true, "original_ln_before": true, "reduction_factor": 8}, "name": "a"}
