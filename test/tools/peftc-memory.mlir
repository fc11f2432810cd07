// The exact memory of a step, from config.json alone: no weights, no host compiler.

// RUN: peftc %S/../pipelines/Inputs/tiny-llama --lora r=4,targets=all-linear --batch 2 --seq-len 8 --head-chunk 8 --emit=memory \
// RUN:   | FileCheck %s --match-full-lines --strict-whitespace
// RUN: peftc %S/../pipelines/Inputs/tiny-llama --lora r=4,targets=all-linear --optim sgd --batch 2 --seq-len 8 --head-chunk 8 --emit=memory \
// RUN:   | FileCheck %s --check-prefix=SGD
// RUN: peftc %S/../pipelines/Inputs/tiny-llama --lora r=4,targets=all-linear --quantize nf4,double --dtype bf16 --batch 2 --seq-len 8 --head-chunk 8 --emit=memory \
// RUN:   | FileCheck %s --check-prefix=NF4
// RUN: peftc %S/../pipelines/Inputs/tiny-llama --lora r=4,targets=all-linear --quantize fp8 --dtype bf16 --batch 2 --seq-len 8 --head-chunk 8 --emit=memory \
// RUN:   | FileCheck %s --check-prefix=FP8

//      CHECK:memory                          bytes               
// CHECK-NEXT:converted weights                   0       0.00 MiB   frozen, made from the file's type at load
// CHECK-NEXT:trainable parameters            31232       0.03 MiB   7808 in 28 tensors
// CHECK-NEXT:gradients                       31232       0.03 MiB
// CHECK-NEXT:optimizer state                 62464       0.06 MiB   2 slots
// CHECK-NEXT:saved activations               86272       0.08 MiB   kept by the forward for the backward pass
// CHECK-NEXT:temporaries                      8512       0.01 MiB   at the fullest moment of the step
// CHECK-NEXT:gaps                              512       0.00 MiB   between buffers of unlike lifetimes
// CHECK-NEXT:arena                          220224       0.21 MiB   allocated once
// CHECK-NEXT:mapped weights                 373504       0.36 MiB   read where the file is mapped, not allocated

// SGD with momentum keeps one value a parameter.
// SGD: optimizer state 31232 {{.*}} 1 slots
// SGD: arena 188992

// Half a byte a weight and its constants; embedding, head and norms are converted once.
// NF4: converted weights 51584
// NF4: quantized weights 49664
// NF4: mapped weights 0

// Two bytes a weight, a scale for each row of both copies.
// FP8: converted weights 51584
// FP8: quantized weights 142976
// FP8: mapped weights 0
