// A budget with room keeps what is cheap to compute again, in as many layers as it has room for.

// RUN: peftc %S/../../examples/plan-small --target cuda --lora r=16,targets=all-linear --batch 16 --seq-len 1024 --emit=memory \
// RUN:   | FileCheck %s --check-prefix=PLAIN
// RUN: peftc %S/../../examples/plan-small --target cuda --lora r=16,targets=all-linear --batch 16 --seq-len 1024 --memory=14GiB --emit=memory \
// RUN:   | FileCheck %s --check-prefix=ROOMY
// RUN: peftc %S/../../examples/plan-small --target cuda --lora r=16,targets=all-linear --batch 16 --seq-len 1024 --memory=1500MiB --emit=memory \
// RUN:   | FileCheck %s --check-prefix=SOME
// RUN: peftc %S/../../examples/plan-small --target cuda --lora r=16,targets=all-linear --batch 16 --seq-len 1024 --memory=14GiB --emit=fused \
// RUN:   | FileCheck %s --check-prefix=KEPT

// PLAIN: arena 1500924160 
// SOME: arena 1557547264 1485.39 MiB
// ROOMY: arena 1633044736 

// Nothing but pointwise ops within other passes runs again: the two norms of a layer stand once each.
// KEPT-LABEL: func.func @micro_step
// KEPT: nn.cross_entropy_with_grad
// KEPT-NOT: = nn.rms_norm %
// KEPT: func.func
