// Each level that peftc can stop at, named by what stands in it.

// RUN: peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --batch 2 --seq-len 8 --emit=mlir | FileCheck %s --check-prefix=IMPORTED --implicit-check-not=trainable
// RUN: peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --batch 2 --seq-len 8 --emit=adapted | FileCheck %s --check-prefix=ADAPTED
// RUN: peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --batch 2 --seq-len 8 --emit=training | FileCheck %s --check-prefix=TRAINING
// RUN: peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --batch 2 --seq-len 8 --emit=fused | FileCheck %s --check-prefix=FUSED
// RUN: peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --batch 2 --seq-len 8 --emit=exec | FileCheck %s --check-prefix=EXEC
// RUN: peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --batch 2 --seq-len 8 --emit=emitc | FileCheck %s --check-prefix=EMITC
// RUN: peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --batch 2 --seq-len 8 --emit=cpp | FileCheck %s --check-prefix=CPP

// IMPORTED: func.func @loss
// ADAPTED: nn.parameter trainable
// ADAPTED: nn.linear_add
// TRAINING: func.func @micro_step
// TRAINING: train.accumulate
// FUSED: train.chunk_rows
// EXEC: exec.layout
// EXEC: exec.buffer
// EMITC: emitc.func @micro_step
// CPP: static void micro_step(

// Locations are printed: layers are told apart by them.
// EXEC: loc("model.layers.0.self_attn.q_proj")

// Every other way to say what is trained.
// RUN: peftc %S/../pipelines/Inputs/tiny-llama --full --batch 2 --seq-len 8 --emit=adapted | FileCheck %s --check-prefix=FULL --implicit-check-not=frozen
// RUN: peftc %S/../pipelines/Inputs/tiny-llama --train norm --batch 2 --seq-len 8 --emit=adapted | FileCheck %s --check-prefix=REGEX
// RUN: peftc %S/../pipelines/Inputs/tiny-llama --prompt-tuning tokens=4 --batch 2 --seq-len 8 --emit=adapted | FileCheck %s --check-prefix=PROMPT
// RUN: peftc %S/../pipelines/Inputs/tiny-llama --bottleneck reduction=16 --batch 2 --seq-len 8 --emit=cpp | FileCheck %s --check-prefix=BOTTLENECK

// FULL: nn.parameter trainable @model.embed_tokens.weight
// REGEX: nn.parameter frozen @model.embed_tokens.weight
// REGEX: nn.parameter trainable @model.layers.0.input_layernorm.weight
// PROMPT: nn.virtual_tokens = 4
// BOTTLENECK: adapter_down
