// On a GPU, attention's backward pass wants less workspace where it may add in any order. The table says what is to be
// had, and the program knows which of the two it was planned for.

// RUN: peftc %S/../../examples/plan-8b --target cuda --lora r=16,targets=all-linear --batch 4 --seq-len 2048 --emit=memory \
// RUN:   | FileCheck %s --check-prefix=ON
// RUN: peftc %S/../../examples/plan-8b --target cuda --lora r=16,targets=all-linear --batch 4 --seq-len 2048 --deterministic=off --emit=memory \
// RUN:   | FileCheck %s --check-prefix=OFF
// RUN: peftc %S/../../examples/plan-8b --target cuda --lora r=16,targets=all-linear --batch 4 --seq-len 2048 --deterministic=off --emit=cpp \
// RUN:   | FileCheck %s --check-prefix=TEXT

// 2 B H S S for the scores' gradient, 4 B H S D for those of keys and values of each query head, and a little.
// ON: workspace 1210056704 1154.00 MiB of cuBLASLt and cuDNN; 258.00 MiB with --deterministic=off
// ON: arena 43598749952

// 4 B H S D for that of the queries, the same for those of keys and values: packed rows that are columns go in one order
// always, so nothing is planned for them.
// OFF: workspace 270532608 258.00 MiB of cuBLASLt and cuDNN{{$}}
// OFF: arena 42659225856

// TEXT: /*workspace=*/{{[0-9]+}}, 270532608, /*deterministic=*/0,

// Rows of 128 tokens have small scores: there is nothing to be had.
// RUN: peftc %S/../../examples/plan-8b --target cuda --lora r=16,targets=all-linear --batch 4 --seq-len 128 --emit=memory \
// RUN:   | FileCheck %s --check-prefix=SHORT
// RUN: peftc %S/../../examples/plan-8b --target cuda --lora r=16,targets=all-linear --batch 4 --seq-len 128 --emit=cpp \
// RUN:   | FileCheck %s --check-prefix=STRICT
// SHORT: workspace 67108864 {{.*}} of cuBLASLt and cuDNN{{$}}
// STRICT: 67108864, /*deterministic=*/1,
