// What does not show the fault goes: here the test looks for nn.linear. The example of docs/tools/peft-reduce.md.

// RUN: rm -rf %t && split-file %s %t && chmod +x %t/test.sh
// RUN: peft-reduce %t/big.mlir --reduction-tree='traversal-mode=0 test=%t/test.sh' -o %t/small.mlir
// RUN: FileCheck %s --input-file %t/small.mlir

// CHECK-NOT: @clean
// CHECK: func.func @faulty
// CHECK-NOT: nn.residual
// CHECK: nn.linear

//--- test.sh
#!/bin/sh
grep -q nn.linear "$1" && exit 1
exit 0
//--- big.mlir
func.func @clean(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %a = nn.activation silu %x : tensor<2x8xf32>
  return %a : tensor<2x8xf32>
}
func.func @faulty(%x: tensor<2x8xf32>, %w: tensor<4x8xf32>) -> tensor<2x4xf32> {
  %a = nn.activation silu %x : tensor<2x8xf32>
  %unused = nn.residual %a, %x : tensor<2x8xf32>
  %y = nn.linear %a, %w : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}
