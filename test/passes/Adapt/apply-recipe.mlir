// A recipe leaves marks and touches nothing else.

// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe="lora=r=4,alpha=8,targets=all-linear,dropout=0.1" | FileCheck %s --check-prefix=LORA
// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe="lora=r=4,alpha=8,targets=q_proj+embed_tokens,rslora,bias=all" | FileCheck %s --check-prefix=SOME
// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe="lora=targets=/.*\.[qv]{1,2}_proj/,r=4" | FileCheck %s --check-prefix=SLASHES
// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe="method=bias" | FileCheck %s --check-prefix=BIAS
// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe="method='regex:layers\.\d+\.mlp'" | FileCheck %s --check-prefix=REGEX
// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe="prompt-tuning=tokens=3 quantize=nf4,double" | FileCheck %s --check-prefix=PROMPT
// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe="bottleneck=reduction=4,activation=gelu,name=a" | FileCheck %s --check-prefix=BOTTLENECK

// all-linear is every linear but the head.
// LORA: \22target_modules\22: [\0A    \22model.layers.0.mlp.up_proj\22,\0A    \22model.layers.0.self_attn.q_proj\22,\0A    \22model.layers.0.self_attn.v_proj\22\0A  ]
// LORA: module("model.embed_tokens") :
// LORA: module("model.layers.0.self_attn.q_proj") {peft.lora = #peft.lora<r = 4, scale = 2.000000e+00 : f64, dropout = 1.000000e-01 : f64, bias = false, init = "default">}
// LORA: module("model.layers.0.self_attn.v_proj") {peft.lora
// LORA: module("model.layers.0.mlp.up_proj") {peft.lora
// LORA: module("lm_head") :

// alpha / sqrt(r); the bias of a targeted module is saved as its base layer's.
// SOME: nn.parameter frozen @model.layers.0.self_attn.q_proj.bias {peft.train = "base_model.model.model.layers.0.self_attn.q_proj.base_layer.bias"}
// SOME: module("model.embed_tokens") {peft.lora = #peft.lora<r = 4, scale = 4.000000e+00 : f64
// SOME: module("model.layers.0.self_attn.q_proj") {peft.lora
// SOME: module("model.layers.0.self_attn.v_proj") :

// A regular expression, as one string of the file is.
// SLASHES: \22target_modules\22: \22.*\\\\.[qv]{1,2}_proj\22
// SLASHES: module("model.layers.0.self_attn.q_proj") {peft.lora = #peft.lora<r = 4
// SLASHES: module("model.layers.0.self_attn.v_proj") {peft.lora = #peft.lora<r = 4
// SLASHES: module("model.layers.0.mlp.up_proj") :

// BIAS-NOT: peft.recipe
// BIAS: @model.layers.0.self_attn.q_proj.weight : tensor
// BIAS: @model.layers.0.self_attn.q_proj.bias {peft.train = "model.layers.0.self_attn.q_proj.bias"}
// BIAS-NOT: peft.train

// REGEX: @model.layers.0.self_attn.v_proj.weight : tensor
// REGEX: @model.layers.0.mlp.up_proj.weight {peft.train = "model.layers.0.mlp.up_proj.weight"}
// REGEX: @model.norm.weight : tensor

// PROMPT: peft.quantize = #peft.nf4<block = 64, nested = 256>
// PROMPT-SAME: \22num_virtual_tokens\22: 3
// PROMPT: attributes {peft.soft_prompt = 3 : i64}

// Behind the feed-forward branch, not behind attention.
// BOTTLENECK: nn.residual {{.*}} module("model.layers.0.self_attn") : tensor
// BOTTLENECK: module("model.layers.0.mlp") {peft.bottleneck = #peft.bottleneck<width = 2, activation = "gelu_erf", scale = 1.000000e+00 : f64, key = "model.layers.0.output_adapters.adapters.a">}
