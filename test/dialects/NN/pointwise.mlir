// Ops on single elements; of scalars too, for that is what generated kernels hold.

// RUN: peft-opt %s | peft-opt | FileCheck %s --strict-whitespace
// RUN: peft-opt %s --mlir-print-op-generic | peft-opt | FileCheck %s --strict-whitespace

// CHECK-LABEL: @activations_of_tensors
func.func @activations_of_tensors(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // CHECK: = nn.activation silu %{{.*}} : tensor<8x4xf32>
  %0 = nn.activation silu %x : tensor<8x4xf32>
  // CHECK: = nn.activation gelu_erf %{{.*}} : tensor<8x4xf32>
  %1 = nn.activation gelu_erf %0 : tensor<8x4xf32>
  // CHECK: = nn.activation gelu_tanh %{{.*}} : tensor<8x4xf32>
  %2 = nn.activation gelu_tanh %1 : tensor<8x4xf32>
  // CHECK: = nn.activation relu %{{.*}} : tensor<8x4xf32>
  %3 = nn.activation relu %2 : tensor<8x4xf32>
  // CHECK: = nn.activation tanh %{{.*}} : tensor<8x4xf32>
  %4 = nn.activation tanh %3 : tensor<8x4xf32>
  return %4 : tensor<8x4xf32>
}

// CHECK-LABEL: @an_activation_and_its_gradient_of_scalars
func.func @an_activation_and_its_gradient_of_scalars(%x: f32) -> f32 {
  // CHECK: = nn.activation silu %{{.*}} : f32
  %0 = nn.activation silu %x : f32
  // CHECK: = nn.activation_grad silu %{{.*}}, %{{.*}} : f32
  %1 = nn.activation_grad silu %0, %x : f32
  return %1 : f32
}

// CHECK-LABEL: @a_branch_joins_the_residual_stream
func.func @a_branch_joins_the_residual_stream(%x: tensor<8x4xbf16>, %h: tensor<8x4xbf16>) -> tensor<8x4xbf16> {
  // CHECK: = nn.residual %{{.*}}, %{{.*}} module("model.layers.0.mlp") : tensor<8x4xbf16>
  %0 = nn.residual %x, %h module("model.layers.0.mlp") : tensor<8x4xbf16>
  return %0 : tensor<8x4xbf16>
}

// CHECK-LABEL: @a_cast_changes_the_element_type
func.func @a_cast_changes_the_element_type(%x: tensor<8x4xf32>) -> tensor<8x4xbf16> {
  // CHECK: = nn.cast %{{.*}} : tensor<8x4xf32> to tensor<8x4xbf16>
  %0 = nn.cast %x : tensor<8x4xf32> to tensor<8x4xbf16>
  return %0 : tensor<8x4xbf16>
}

// CHECK-LABEL: @a_dropout_knows_its_seed_and_its_salt
func.func @a_dropout_knows_its_seed_and_its_salt(%x: tensor<8x4xf32>, %seed: i64) -> tensor<8x4xf32> {
  // CHECK: = nn.dropout %{{.*}}, %{{.*}} {p = 1.000000e-01 : f64, salt = 3 : i32} : (tensor<8x4xf32>, i64) -> tensor<8x4xf32>
  %0 = nn.dropout %x, %seed {p = 0.1 : f64, salt = 3 : i32} : (tensor<8x4xf32>, i64) -> tensor<8x4xf32>
  return %0 : tensor<8x4xf32>
}
