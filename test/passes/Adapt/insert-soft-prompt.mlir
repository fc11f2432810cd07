// Rows grow by the virtual tokens: every type behind the embedding follows.

// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe="prompt-tuning=tokens=3" --peft-insert-soft-prompt | FileCheck %s
// RUN: peft-opt %S/Inputs/model.mlir --peft-insert-soft-prompt | FileCheck %s --check-prefix=KEPT
// RUN: not peft-opt %s --peft-insert-soft-prompt 2>&1 | FileCheck %s --check-prefix=REFUSED

// CHECK:     nn.virtual_tokens = 3 : i64
// CHECK:     nn.parameter frozen @prompt_embeddings {init = #nn.init<normal>, init_value = 1.000000e+00 : f64, peft.train = "prompt_embeddings"} : tensor<3x8xf32>
// CHECK:     @loss(%[[IDS:.*]]: tensor<2x4xi32>, %[[LABELS:.*]]: tensor<2x4xi32>, %[[POS:.*]]: tensor<2x4xi32>, %[[SEG:.*]]: tensor<2x4xi32>, %{{.*}}: i64) -> tensor<f32> {
// CHECK-DAG: %[[L:.*]] = nn.prepend %[[LABELS]] {count = 3 : i64, value = -100 : i32} : (tensor<2x4xi32>) -> tensor<2x7xi32>
// CHECK-DAG: %[[P:.*]] = nn.prepend %[[POS]] positions {count = 3 : i64}
// CHECK-DAG: %[[S:.*]] = nn.prepend %[[SEG]] {count = 3 : i64, value = 1 : i32}
// CHECK:     %[[X:.*]] = nn.embedding %[[IDS]], {{.*}} -> tensor<2x4x8xf32>
// CHECK:     %[[Y:.*]] = peft.soft_prompt %[[X]], %{{.*}} -> tensor<2x7x8xf32>
// CHECK:     nn.linear %[[Y]], {{.*}} -> tensor<2x7x8xf32>
// CHECK:     nn.rope %{{.*}}, %[[P]]
// CHECK:     nn.attention {{.*}}, %[[S]] {{.*}} -> (tensor<2x7x8xf32>, tensor<2x2x7xf32>)
// CHECK:     nn.residual {{.*}} : tensor<2x7x8xf32>
// CHECK:     nn.shift_labels %[[L]], %[[S]]
// CHECK:     -> (tensor<f32>, tensor<2x7xf32>)

// KEPT-NOT: peft.soft_prompt

// REFUSED: error: expected the arguments input_ids, labels, positions, segments and seed
nn.parameter frozen @e.weight : tensor<9x4xf32>
func.func @encode(%ids: tensor<2x4xi32>) -> tensor<2x4x4xf32> attributes {peft.soft_prompt = 3 : i64} {
  %t = nn.get @e.weight : tensor<9x4xf32>
  %x = nn.embedding %ids, %t module("e") : (tensor<2x4xi32>, tensor<9x4xf32>) -> tensor<2x4x4xf32>
  return %x : tensor<2x4x4xf32>
}
