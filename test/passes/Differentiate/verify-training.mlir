// The training level holds four entry functions and nothing of the levels before.

// RUN: split-file %s %t
// RUN: peft-opt %t/good.mlir --peft-verify-training
// RUN: not peft-opt %t/loss.mlir --peft-verify-training 2>&1 | FileCheck %s --check-prefix=LOSS
// RUN: not peft-opt %t/missing.mlir --peft-verify-training 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not peft-opt %t/lora.mlir --peft-verify-training 2>&1 | FileCheck %s --check-prefix=LORA

// LOSS: error: @loss is left at the training level
// LOSS: note: peft-derive-entries should have removed it
// MISSING: error: expected an entry function @forward at the training level
// LORA: error: 'peft.lora' op is left at the training level
// LORA: note: peft-decompose-adapters should have replaced it

//--- good.mlir
func.func private @micro_step()
func.func private @evaluate()
func.func private @forward()
func.func private @update()

//--- loss.mlir
func.func private @loss()

//--- missing.mlir
func.func private @micro_step()
func.func private @evaluate()
func.func private @update()

//--- lora.mlir
func.func @micro_step(%y: tensor<8x4xf32>, %a: tensor<2x4xf32>, %b: tensor<4x2xf32>) -> tensor<8x4xf32> {
  %z = peft.lora %y, %y, %a, %b scale(2.0) : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<2x4xf32>, tensor<4x2xf32>) -> tensor<8x4xf32>
  return %z : tensor<8x4xf32>
}
func.func private @evaluate()
func.func private @forward()
func.func private @update()
