// The whole pipeline: a quantized base, LoRA on it, and the file that is saved beside the adapter.

// RUN: peft-opt %S/Inputs/model.mlir --peft-adapt="lora=r=2,alpha=4,targets=q_proj+v_proj,bias=lora_only quantize=nf4,double" | FileCheck %s
// RUN: peft-opt %S/Inputs/model.mlir --peft-adapt="lora=r=2,targets=q_proj quantize=nf4 fuse-quantized=false" | FileCheck %s --check-prefix=APART
// RUN: not peft-opt %S/Inputs/model.mlir --peft-adapt 2>&1 | FileCheck %s --check-prefix=NOTHING

// CHECK: peft.recipe = "{\0A  \22alora_invocation_tokens\22: null,\0A  \22alpha_pattern\22: {},
// CHECK-SAME: \22base_model_name_or_path\22: \22tiny\22,\0A  \22bias\22: \22lora_only\22
// CHECK-SAME: \22inference_mode\22: true
// CHECK-SAME: \22target_modules\22: [\0A    \22q_proj\22,\0A    \22v_proj\22\0A  ]
// CHECK: nn.parameter frozen @model.layers.0.self_attn.q_proj.weight : tensor<8x8xf32, #peft.nf4<block = 64, nested = 256>>
// CHECK: nn.parameter trainable @base_model.model.model.layers.0.self_attn.q_proj.base_layer.bias {source = "model.layers.0.self_attn.q_proj.bias"}
// CHECK: nn.parameter trainable @base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight
// CHECK: %[[Y:.*]] = peft.quantized_linear %[[X:.*]], %{{.*}} bias %{{.*}} :
// CHECK: %[[S:.*]] = nn.linear %[[X]], %{{.*}} : (tensor<2x4x8xf32>, tensor<2x8xf32>) -> tensor<2x4x2xf32>
// CHECK: nn.linear_add %[[Y]], %[[S]], %{{.*}} {alpha = 2.000000e+00 : f64}
// CHECK-NOT: peft.lora
// CHECK: nn.linear %{{.*}}, %{{.*}} module("lm_head")

// APART-NOT: peft.quantized_linear
// APART: peft.dequantize

// NOTHING: no recipe: expected
