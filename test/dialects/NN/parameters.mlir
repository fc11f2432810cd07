// A weight is a symbol, named by its key; its value is read where it is used.

// RUN: peft-opt %s | peft-opt | FileCheck %s --match-full-lines --strict-whitespace
// RUN: peft-opt %s --mlir-print-op-generic | peft-opt | FileCheck %s --match-full-lines --strict-whitespace

//      CHECK:module {

// The two examples of the documentation.
// CHECK-NEXT:  nn.parameter frozen @model.norm.weight : tensor<64xf32>
// CHECK-NEXT:  nn.parameter trainable @base_model.model.lm_head.lora_A.weight {init = #nn.init<uniform>, init_value = 1.250000e-01 : f64} : tensor<4x64xf32>
nn.parameter frozen @"model.norm.weight" : tensor<64xf32>
nn.parameter trainable @"base_model.model.lm_head.lora_A.weight" {init = #nn.init<uniform>, init_value = 1.250000e-01 : f64} : tensor<4x64xf32>

// Where the first values come from: the checkpoint's tensor of another name, rows of it, or nowhere.
// CHECK-NEXT:  nn.parameter trainable @saved.weight {source = "lm_head.weight", stored = "bf16"} : tensor<9x4xf32>
// CHECK-NEXT:  nn.parameter trainable @tokens {init = #nn.init<rows>, rows = array<i32: 3, 8>, source = "embed_tokens.weight"} : tensor<2x4xf32>
// CHECK-NEXT:  nn.parameter trainable @zeros {init = #nn.init<zeros>} : tensor<4xf32>
// CHECK-NEXT:  nn.parameter trainable @ones {init = #nn.init<ones>} : tensor<4xf32>
// CHECK-NEXT:  nn.parameter trainable @normal {init = #nn.init<normal>, init_value = 2.000000e-02 : f64} : tensor<4xf32>
nn.parameter trainable @saved.weight {source = "lm_head.weight", stored = "bf16"} : tensor<9x4xf32>
nn.parameter trainable @tokens {init = #nn.init<rows>, rows = array<i32: 3, 8>, source = "embed_tokens.weight"} : tensor<2x4xf32>
nn.parameter trainable @zeros {init = #nn.init<zeros>} : tensor<4xf32>
nn.parameter trainable @ones {init = #nn.init<ones>} : tensor<4xf32>
nn.parameter trainable @normal {init = #nn.init<normal>, init_value = 0.02 : f64} : tensor<4xf32>

// To come from the checkpoint is what a parameter does by default: it is not printed.
// CHECK-NEXT:  nn.parameter frozen @lm_head.weight : tensor<9x4xbf16>
nn.parameter frozen @lm_head.weight {init = #nn.init<checkpoint>} : tensor<9x4xbf16>

// A stack reads two as one.
// CHECK-NEXT:  nn.parameter trainable @q_proj.lora_A : tensor<4x64xf32>
// CHECK-NEXT:  nn.parameter trainable @v_proj.lora_A : tensor<4x64xf32>
// CHECK-NEXT:  nn.stack @qv.lora_A [@q_proj.lora_A, @v_proj.lora_A] : tensor<8x64xf32>
nn.parameter trainable @q_proj.lora_A : tensor<4x64xf32>
nn.parameter trainable @v_proj.lora_A : tensor<4x64xf32>
nn.stack @qv.lora_A [@q_proj.lora_A, @v_proj.lora_A] : tensor<8x64xf32>

// A value is named for its module, also where the key has one dot.
// CHECK-NEXT:  func.func @values_are_named_for_their_module() {
// CHECK-NEXT:    %norm_weight = nn.get @model.norm.weight : tensor<64xf32>
// CHECK-NEXT:    %lm_head_weight = nn.get @lm_head.weight : tensor<9x4xbf16>
// CHECK-NEXT:    %qv_lora_A = nn.get @qv.lora_A : tensor<8x64xf32>
// CHECK-NEXT:    return
func.func @values_are_named_for_their_module() {
  %0 = nn.get @model.norm.weight : tensor<64xf32>
  %1 = nn.get @lm_head.weight : tensor<9x4xbf16>
  %2 = nn.get @qv.lora_A : tensor<8x64xf32>
  return
}
