// Values are marked until the planned arena fits: what costs least for its bytes first, and in no more layers than needed.

// RUN: peftc %S/../../pipelines/Inputs/tiny-llama-32-layers --lora r=4,targets=q_proj --batch 2 --seq-len 32 --emit=fused -o %t.mlir
// RUN: peft-opt %t.mlir --peft-fit-memory | FileCheck %s --check-prefix=ALL
// RUN: peft-opt %t.mlir --peft-fit-memory=memory=100G | FileCheck %s --check-prefix=ALL
// RUN: peft-opt %t.mlir --peft-fit-memory=memory=3M | FileCheck %s --check-prefix=SOME
// RUN: not peft-opt %t.mlir --peft-fit-memory=memory=100000 2>&1 | FileCheck %s --check-prefix=LEAST
// RUN: not peft-opt %t.mlir --peft-fit-memory=memory=24gb 2>&1 | FileCheck %s --check-prefix=UNIT
// RUN: not peft-opt %t.mlir --peft-fit-memory=memory=1.5 2>&1 | FileCheck %s --check-prefix=FRACTION

// Nothing is to be done.
// ALL-NOT: train.keep

// SOME: exec.choices = ["recomputed: layers 0-{{[0-9]+}}: 
// SOME: func.func @micro_step
// SOME: train.keep = "recompute"
// SOME: train.backward
// SOME-NOT: train.keep

// LEAST: a budget of 0.10 MiB is too small: the least possible is {{.*}} MiB ({{[0-9]+}} bytes): saved activations {{.*}} MiB
// RUN: not peft-opt %t.mlir --peft-fit-memory='memory=3M offload=always' 2>&1 | FileCheck %s --check-prefix=OFFLOAD
// OFFLOAD: unknown offload 'always': expected auto, on or off
// UNIT: memory: '24gb' is no number of bytes: expected 24GiB, 800MiB (or G, M) or a whole number of bytes
// FRACTION: memory: '1.5' is no number of bytes
