// peft-train: from an adapted model to four entry functions; peft-fuse after it: fewer passes over memory.

// RUN: peftc %S/Inputs/tiny-llama --lora r=4,dropout=0.1,targets=q_proj --batch 2 --seq-len 8 --emit=adapted | peft-opt --peft-train | FileCheck %s
// RUN: peftc %S/Inputs/tiny-llama --lora r=4,dropout=0.1,targets=q_proj --batch 2 --seq-len 8 --emit=adapted | peft-opt --peft-train=optimizer=sgd --peft-fuse | FileCheck %s --check-prefix=FUSED

// CHECK: train.batch = 2 : i64, train.optimizer = "adamw", train.seq_len = 8 : i64
// CHECK: func.func @evaluate
// CHECK-NOT: nn.dropout
// CHECK: func.func @micro_step
// The mask is made again where dA needs it, from the same seed and salt.
// CHECK: nn.dropout %{{.*}}, %arg4 {p = 1.000000e-01 : f64, salt = 1 : i32}
// CHECK: nn.dropout %{{.*}}, %arg4 {p = 1.000000e-01 : f64, salt = 2 : i32}
// CHECK: train.backward
// CHECK: nn.dropout %{{.*}}, %arg4 {p = 1.000000e-01 : f64, salt = 2 : i32}
// Below the first adapter there is no dX: the first layer's part ends with dA, without a norm's gradient.
// CHECK: train.accumulate @base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight
// CHECK: nn.rms_norm_grad
// CHECK: nn.attention_grad
// CHECK-NOT: nn.rms_norm_grad
// CHECK: train.accumulate @base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight
// CHECK-NEXT: return
// CHECK: func.func @forward
// CHECK-NOT: nn.dropout
// CHECK: func.func @update
// CHECK: train.adamw

// FUSED: func.func @micro_step
// Where a branch joins the residual stream, no pass over memory is left, nor where its cotangent does.
// FUSED-NOT: nn.residual
// FUSED: nn.linear_add %{{.*}}, %{{.*}}, %o_proj_weight
// FUSED: train.elementwise
// FUSED: train.chunk_rows
// FUSED: train.sgd
// FUSED-NOT: arith.addf {{.*}}tensor
