// --dtype is what is computed in; `stored` stays the file's.

// RUN: peft-import %S/Inputs/weights --seq-len 8 --dtype bf16 | FileCheck %s
// RUN: peft-import %S/Inputs/misaligned --seq-len 8 --dtype bf16 | FileCheck %s --check-prefix=MISALIGNED
// RUN: peft-import %S/Inputs/misaligned --seq-len 8 --dtype f32 | FileCheck %s --check-prefix=CONVERTED
// RUN: not peft-import %S/Inputs/weights --dtype f16 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// CHECK: nn.parameter frozen @model.embed_tokens.weight {stored = "bf16"} : tensor<16x8xbf16>
// CHECK: nn.parameter frozen @model.norm.weight {stored = "bf16"} : tensor<8xbf16>
// CHECK: nn.linear {{.*}} module("lm_head") : {{.*}} -> tensor<1x8x16xbf16>
// CHECK: nn.cross_entropy {{.*}} -> (tensor<f32>, tensor<1x8xf32>)

// Where the file's type is the program's, but its values are not aligned, they can't be read in place: no `stored`.
// MISALIGNED: nn.parameter frozen @model.embed_tokens.weight : tensor<16x8xbf16>
// CONVERTED: nn.parameter frozen @model.embed_tokens.weight {stored = "bf16"} : tensor<16x8xf32>

// UNKNOWN: error: unknown dtype 'f16'; supported: f32, bf16
