// A recipe that does not fit the model, or that asks for what is not there, is one line.

// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe="lora=targets=q_porj" 2>&1 | FileCheck %s --check-prefix=NEAR
// NEAR: error: --lora: target_modules: 'q_porj' matches no module of the model, did you mean q_proj?

// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe="lora=targets=q_proj,exclude=attention_output" 2>&1 | FileCheck %s --check-prefix=FAR
// FAR: exclude_modules: 'attention_output' matches no module of the model; the model has embed_tokens, lm_head, q_proj, up_proj, v_proj

// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe="lora=targets=norm" 2>&1 | FileCheck %s --check-prefix=NORM
// NORM: target_modules: expected linear or embedding modules, got model.norm

// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe="lora=targets=q_proj,exclude=q_proj" 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: target_modules: every module that matches is excluded

// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe="lora=targets=q_proj,save=lm_haed" 2>&1 | FileCheck %s --check-prefix=SAVE
// SAVE: modules_to_save: 'lm_haed' matches no module of the model, did you mean lm_head?

// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe="lora=rank=4" 2>&1 | FileCheck %s --check-prefix=WORD
// WORD: --lora: unknown word 'rank', expected r, alpha, targets, exclude, dropout, rslora, bias, init or save

// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe="lora=targets=q_proj,v_proj" 2>&1 | FileCheck %s --check-prefix=COMMA
// COMMA: --lora: unknown word 'v_proj', expected r, alpha, targets, exclude, dropout, rslora, bias, init or save; names are joined by +

// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe="lora=r=4,targets=" 2>&1 | FileCheck %s --check-prefix=EMPTY
// EMPTY: --lora: targets: expected names joined by +, got nothing

// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe="lora=targets=/.*_proj,r=4" 2>&1 | FileCheck %s --check-prefix=SLASH
// SLASH: --lora: targets: expected a / behind the regular expression, got '/.*_proj,r=4'

// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe="lora=exclude=all-linear" 2>&1 | FileCheck %s --check-prefix=ALL
// ALL: --lora: exclude: expected names joined by + or a /regular expression/, got all-linear

// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe="lora=r=4 method=full" 2>&1 | FileCheck %s --check-prefix=TWO
// TWO: expected one recipe, got --lora and method

// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe 2>&1 | FileCheck %s --check-prefix=NOTHING
// NOTHING: no recipe: expected a recipe file, --lora

// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe="method=regex:(" 2>&1 | FileCheck %s --check-prefix=REGEX
// REGEX: bad regular expression '(': missing closing parenthesis at offset 1

// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe="method='regex:^(([a-z_.0-9]+)+)+[A-Z]$'" 2>&1 | FileCheck %s --check-prefix=ENDLESS
// ENDLESS: regular expression '^(([a-z_.0-9]+)+)+[A-Z]$' on 'model.embed_tokens.weight': match limit exceeded

// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe="method=regex:nowhere" 2>&1 | FileCheck %s --check-prefix=NOWHERE
// NOWHERE: error: method: regex 'nowhere' is found in no parameter's name
