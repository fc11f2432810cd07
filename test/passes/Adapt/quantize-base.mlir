// Weights of frozen linears get an encoding; the head, tables, norms and trained weights stay dense.

// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe="method=regex:v_proj quantize=nf4" --peft-quantize-base | FileCheck %s
// RUN: peft-opt %S/Inputs/model.mlir --peft-quantize-base | FileCheck %s --check-prefix=KEPT
// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe="method=full quantize=nf4" --peft-quantize-base 2>&1 | FileCheck %s --check-prefix=FULL
// RUN: not peft-opt %S/Inputs/model.mlir --peft-apply-recipe="lora=r=2,targets=q_proj quantize=fp8" --peft-quantize-base 2>&1 | FileCheck %s --check-prefix=SIZES

// CHECK: @model.embed_tokens.weight : tensor<16x8xf32>
// CHECK: @model.layers.0.self_attn.q_proj.weight : tensor<8x8xf32, #peft.nf4<block = 64, nested = 0>>
// CHECK: @model.layers.0.self_attn.v_proj.weight {peft.train = "{{.*}}"} : tensor<8x8xf32>
// CHECK: @model.norm.weight : tensor<8xf32>
// CHECK: %[[W:.*]] = nn.get @model.layers.0.self_attn.q_proj.weight : tensor<8x8xf32, #peft.nf4<block = 64, nested = 0>>
// CHECK: %[[D:.*]] = peft.dequantize %[[W]]
// CHECK: nn.linear %{{.*}}, %[[D]] bias

// KEPT-NOT: peft.nf4

// FULL: --quantize: no frozen weight of a linear is left to be quantized

// Products in FP8 have no other sizes.
// SIZES: model.mlir:4:{{.*}}--quantize: expected #peft.fp8 to encode a matrix of multiples of 16, got 8x8; #peft.nf4 takes any
