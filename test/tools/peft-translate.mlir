// Text of a planned schedule: the memory table and the picture.

// RUN: rm -rf %t && mkdir -p %t
// RUN: peft-opt %s --peft-plan -o %t/planned.mlir
// RUN: peft-translate %t/planned.mlir --memory | FileCheck %s
// RUN: peft-translate %t/planned.mlir --memory-svg -o %t/step.svg
// RUN: %python -c "import sys, xml.etree.ElementTree as x; x.parse(sys.argv[1])" %t/step.svg
// RUN: not peft-translate %s --peft-to-cuda 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// CHECK: trainable parameters 64 {{.*}} 4 in 1 tensors
// CHECK: temporaries 128
// CHECK: arena 256 {{.*}} allocated once
// CHECK: mapped weights 144

// UNKNOWN: Unknown command line argument '--peft-to-cuda'

nn.parameter trainable @a : tensor<4xf32>
nn.parameter frozen @w {stored = "f32"} : tensor<9x4xf32>
func.func @micro_step() {
  %x = exec.buffer "x <&>" : memref<32xf32>
  exec.zero %x : memref<32xf32>
  exec.output "loss_sum", %x : memref<32xf32>
  return
}
