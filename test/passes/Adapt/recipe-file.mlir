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
// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/no-layer.json 2>&1 | FileCheck %s --check-prefix=NOLAYER
// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/houlsby.json 2>&1 | FileCheck %s --check-prefix=HOULSBY
// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/empty-targets.json 2>&1 | FileCheck %s --check-prefix=EMPTY
// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/layers-and-text.json 2>&1 | FileCheck %s --check-prefix=TEXT
// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/layers-and-all.json 2>&1 | FileCheck %s --check-prefix=ALL
// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/no-layer-left.json 2>&1 | FileCheck %s --check-prefix=LEFT
// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/no-pattern-left.json 2>&1 | FileCheck %s --check-prefix=PATTERN
// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/any-pattern.json 2>&1 | FileCheck %s --check-prefix=ANY
// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/whole-name.json 2>&1 | FileCheck %s --check-prefix=WHOLE
// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/alphas.json 2>&1 | FileCheck %s --check-prefix=ALPHAS
// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/no-tokens.json 2>&1 | FileCheck %s --check-prefix=NOTOKENS
// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/head-tokens.json 2>&1 | FileCheck %s --check-prefix=HEAD
// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/same-tokens.json 2>&1 | FileCheck %s --check-prefix=SAME
// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/token-twice.json 2>&1 | FileCheck %s --check-prefix=TWICE
// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe=recipe=%t/tokens-of-linear.json 2>&1 | FileCheck %s --check-prefix=LINEAR
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
// BOTH: target_modules: LoRA and trainable_token_indices both on lm_head; as in PEFT, a module takes one of them

// NOLAYER: warning: {{.*}}layers_to_transform: layer 7 has no target module
// NOLAYER: module("model.layers.0.self_attn.q_proj") {peft.lora

// Only null, or no such key, is the model type's default.
// EMPTY: empty-targets.json: target_modules: expected names, or null for the model type's default, got []

// As in PEFT layers are for lists of names.
// TEXT: layers_to_transform: expected nothing beside a target_modules that is one string; a list of names can have it
// ALL: layers_pattern: expected nothing beside a target_modules that is one string; a list of names can have it

// LEFT: layers_to_transform: no target module is of layer 3, 7; the model has 1 layers, model.layers.0 and so on
// PATTERN: layers_to_transform: no target module is of layer 0 of layers_pattern 'h'; the model has 1 layers

// An empty pattern is any.
// ANY: module("model.layers.0.self_attn.q_proj") {peft.lora

// A whole name is of no layer.
// WHOLE: warning: {{.*}}layers_to_transform: layer 0 has no target module
// WHOLE: module("lm_head") {peft.lora

// Any alpha, as in PEFT.
// ALPHAS: module("model.layers.0.self_attn.q_proj") {peft.lora = #peft.lora<r = 8, scale = -5.000000e-01 : f64
// ALPHAS: module("model.layers.0.self_attn.v_proj") {peft.lora = #peft.lora<r = 8, scale = 0.000000e+00 : f64

// NOTOKENS: \22trainable_token_indices\22: null
// NOTOKENS-NOT: peft.trainable_tokens

// The head is tied here: with other tokens it has rows of its own, with the same it follows the embedding.
// HEAD: module("model.embed_tokens") {peft.trainable_tokens = array<i32: 5>}
// HEAD: module("lm_head") {peft.trainable_tokens = array<i32: 5, 9>}
// SAME: module("model.embed_tokens") {peft.trainable_tokens = array<i32: 5>}
// SAME: module("lm_head") :

// TWICE: trainable_token_indices: expected each token below 16 once, got 5
// LINEAR: trainable_token_indices: 'up_proj' is neither an embedding of the model nor its head

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
//--- empty-targets.json
{"peft_type": "LORA", "target_modules": []}
//--- layers-and-text.json
{"peft_type": "LORA", "target_modules": ".*q_proj", "layers_to_transform": [0]}
//--- layers-and-all.json
{"peft_type": "LORA", "target_modules": "all-linear", "layers_pattern": "layers"}
//--- no-layer-left.json
{"peft_type": "LORA", "target_modules": ["q_proj"], "layers_to_transform": [3, 7]}
//--- no-pattern-left.json
{"peft_type": "LORA", "target_modules": ["q_proj"], "layers_to_transform": [0], "layers_pattern": "h"}
//--- any-pattern.json
{"peft_type": "LORA", "target_modules": ["q_proj"], "layers_to_transform": 0, "layers_pattern": ""}
//--- whole-name.json
{"peft_type": "LORA", "target_modules": ["lm_head"], "layers_to_transform": [0]}
//--- alphas.json
{"peft_type": "LORA", "target_modules": ["q_proj", "v_proj"], "lora_alpha": -4, "alpha_pattern": {"v_proj": 0}}
//--- no-tokens.json
{"peft_type": "LORA", "target_modules": ["q_proj"], "trainable_token_indices": []}
//--- head-tokens.json
{"peft_type": "LORA", "target_modules": ["q_proj"], "trainable_token_indices": {"embed_tokens": [5], "lm_head": [5, 9]}}
//--- same-tokens.json
{"peft_type": "LORA", "target_modules": ["q_proj"], "trainable_token_indices": {"embed_tokens": [5], "lm_head": [5]}}
//--- token-twice.json
{"peft_type": "LORA", "target_modules": ["q_proj"], "trainable_token_indices": [5, 5]}
//--- tokens-of-linear.json
{"peft_type": "LORA", "target_modules": ["q_proj"], "trainable_token_indices": {"up_proj": [5]}}
//--- houlsby.json
{"config": {"mh_adapter": true, "output_adapter": true, "original_ln_before": true, "reduction_factor": 8}, "name": "a"}
