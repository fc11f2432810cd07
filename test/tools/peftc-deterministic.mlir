// On a GPU, attention's backward pass wants less workspace where it may add in any order. The table says what is to be
// had, and the program knows which of the two it was planned for.

// RUN: peftc %S/../../examples/plan-8b --target cuda --lora r=16,targets=all-linear --batch 4 --seq-len 2048 --emit=memory \
// RUN:   | FileCheck %s --check-prefix=ON
// RUN: peftc %S/../../examples/plan-8b --target cuda --lora r=16,targets=all-linear --batch 4 --seq-len 2048 --deterministic=off --emit=memory \
// RUN:   | FileCheck %s --check-prefix=OFF
// RUN: peftc %S/../../examples/plan-8b --target cuda --lora r=16,targets=all-linear --batch 4 --seq-len 2048 --deterministic=off --emit=cpp \
// RUN:   | FileCheck %s --check-prefix=TEXT

// 2 B H S S for the scores' gradient, 4 B H S D for those of keys and values of each query head, and a little.
// ON: workspace 1210056704 1154.00 MiB of cuBLASLt and cuDNN; 482.00 MiB with --deterministic=off
// ON: arena 43598749952

// 4 B H S D for that of the queries, twice that for those of keys and values of packed sequences.
// OFF: workspace 505413632 482.00 MiB of cuBLASLt and cuDNN{{$}}
// OFF: arena 42894106880

// TEXT: /*workspace=*/{{[0-9]+}}, 505413632, /*deterministic=*/0,

// Rows of 128 tokens have small scores: there is nothing to be had.
// RUN: peftc %S/../../examples/plan-8b --target cuda --lora r=16,targets=all-linear --batch 4 --seq-len 128 --emit=memory \
// RUN:   | FileCheck %s --check-prefix=SHORT
// RUN: peftc %S/../../examples/plan-8b --target cuda --lora r=16,targets=all-linear --batch 4 --seq-len 128 --emit=cpp \
// RUN:   | FileCheck %s --check-prefix=STRICT
// SHORT: workspace 67108864 {{.*}} of cuBLASLt and cuDNN{{$}}
// STRICT: 67108864, /*deterministic=*/1,
