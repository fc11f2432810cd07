// modules_to_save = ["lm_head"] with a tied table: the head trains a copy, the embedding stays on the base's.

// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe="lora=targets=q_proj,save=lm_head" --peft-save-modules | FileCheck %s
// RUN: peft-opt %S/Inputs/model.mlir --peft-apply-recipe="lora=targets=q_proj,save=norm" --peft-save-modules | FileCheck %s --check-prefix=NORM
// RUN: peft-opt %S/Inputs/model.mlir --peft-save-modules | FileCheck %s --check-prefix=KEPT

// CHECK-DAG: nn.parameter frozen @model.embed_tokens.weight : tensor<16x8xf32>
// CHECK-DAG: nn.parameter frozen @base_model.model.lm_head.weight {peft.train = "base_model.model.lm_head.weight", source = "model.embed_tokens.weight"} : tensor<16x8xf32>
// CHECK:     %[[TABLE:.*]] = nn.get @model.embed_tokens.weight
// CHECK:     nn.embedding %{{.*}}, %[[TABLE]]
// CHECK:     nn.linear %{{.*}}, %[[COPY:[a-z_A-Z0-9]+]] module("lm_head")

// A module that only its key names; nothing reads the original any more.
// NORM-NOT: @model.norm.weight
// NORM:     nn.parameter frozen @base_model.model.model.norm.weight {peft.train = "base_model.model.model.norm.weight", source = "model.norm.weight"}
// NORM:     %[[W:.*]] = nn.get @base_model.model.model.norm.weight
// NORM:     nn.rms_norm %{{.*}}, %[[W]]

// Refused: without the mark nothing is copied.
// KEPT-NOT: base_model
