// For a GPU every weight has its place, and behind the buffers lies the libraries' workspace.

// RUN: peft-opt %s --peft-plan=target=cuda | FileCheck %s
// RUN: peft-opt %s --peft-plan="target=cuda deterministic=false" | FileCheck %s --check-prefix=FREE
// RUN: not peft-opt %s --peft-plan=target=rocm 2>&1 | FileCheck %s --check-prefix=REFUSES

// REFUSES: unknown target 'rocm': expected cpu or cuda

// The program shall know that its workspace was planned for sums in any order.
// FREE: exec.any_order

// The workspace begins at a multiple of 256 bytes; 64 MiB are for matrix products.
// CHECK-NOT: any_order
// CHECK: exec.layout = {arena = 67110400 : i64
// CHECK-SAME: workspace = 1536 : i64, workspace_bytes = 67108864 : i64}
// CHECK-SAME: ["frozen weights", 448]
// CHECK-SAME: ["workspace", 67108864]]
// CHECK-SAME: exec.target = "cuda"

// What the CPU reads where the file is mapped is copied.
// CHECK: nn.parameter frozen @mapped {exec.offset = 0 : i64, stored = "f32"} : tensor<100xf32>
nn.parameter frozen @mapped {stored = "f32"} : tensor<100xf32>

func.func @evaluate() {
  %w = exec.parameter @mapped : memref<100xf32>
  %y = exec.buffer "y" : memref<100xf32>
  %z = exec.buffer "z" : memref<100xf32>
  exec.copy %y, %w : memref<100xf32>, memref<100xf32>
  exec.copy %z, %y : memref<100xf32>, memref<100xf32>
  exec.output "loss_sum", %z : memref<100xf32>
  return
}
