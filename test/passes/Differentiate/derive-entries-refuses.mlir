// What no entry functions can be made of.

// RUN: split-file %s %t
// RUN: not peft-opt %t/no-loss.mlir --peft-derive-entries 2>&1 | FileCheck %s --check-prefix=NO-LOSS
// RUN: not peft-opt %t/sum.mlir --peft-derive-entries 2>&1 | FileCheck %s --check-prefix=SUM
// RUN: not peft-opt %t/sum.mlir --peft-derive-entries=optimizer=lion 2>&1 | FileCheck %s --check-prefix=LION

// NO-LOSS: error: expected a function @loss to derive entry functions from
// SUM: error: expected @loss to return the result of an nn.cross_entropy
// LION: error: unknown optimizer 'lion': expected adamw or sgd

//--- no-loss.mlir
module {
}

//--- sum.mlir
func.func @loss(%ids: tensor<2x8xi32>, %labels: tensor<2x8xi32>, %positions: tensor<2x8xi32>, %segments: tensor<2x8xi32>, %seed: i64) -> tensor<f32> {
  %0 = arith.constant dense<0.0> : tensor<f32>
  return %0 : tensor<f32>
}
