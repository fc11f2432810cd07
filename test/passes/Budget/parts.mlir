// Values that lie side by side in one product's result are computed again together: the memory of one alone would not
// be free. With dropout adapters are added to q, k and v, gate and up where these lie.

// RUN: peftc %S/../../pipelines/Inputs/tiny-llama-32-layers --target cuda --dtype bf16 --lora r=4,targets=all-linear,dropout=0.1 --batch 8 \
// RUN:   --seq-len 128 --offload=off --memory=80MiB --emit=memory | FileCheck %s --check-prefix=TOGETHER
// TOGETHER: recomputed: layers 0-30: {{.*}}mlp.gate_proj, {{.*}}mlp.up_proj

// RUN: peftc %S/../../pipelines/Inputs/tiny-llama-32-layers --target cuda --dtype bf16 --lora r=4,targets=all-linear,dropout=0.1 --batch 8 \
// RUN:   --seq-len 128 --offload=off --memory=80MiB --emit=exec | FileCheck %s --check-prefix=FREE
// FREE-LABEL: func.func @micro_step
// FREE: exec.buffer "gate_proj_up_proj" at {{[0-9]+}} : 
