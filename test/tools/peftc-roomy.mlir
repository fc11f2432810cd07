// A budget with room keeps what is cheap to compute again; one that has none for all of that keeps what it does without
// a budget.

// RUN: peftc %S/../../examples/plan-small --target cuda --lora r=16,targets=all-linear --batch 16 --seq-len 1024 --emit=memory \
// RUN:   | FileCheck %s --check-prefix=PLAIN
// RUN: peftc %S/../../examples/plan-small --target cuda --lora r=16,targets=all-linear --batch 16 --seq-len 1024 --memory=14GiB --emit=memory \
// RUN:   | FileCheck %s --check-prefix=ROOMY
// RUN: peftc %S/../../examples/plan-small --target cuda --lora r=16,targets=all-linear --batch 16 --seq-len 1024 --memory=14GiB --emit=fused \
// RUN:   | FileCheck %s --check-prefix=KEPT

// PLAIN: arena 1500924160 
// ROOMY: arena 1834371328 

// Nothing but pointwise ops within other passes runs again: the two norms of a layer stand once each.
// KEPT-LABEL: func.func @micro_step
// KEPT: nn.cross_entropy_with_grad
// KEPT-NOT: = nn.rms_norm %
// KEPT: func.func
