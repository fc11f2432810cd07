// What vector-Jacobian products are made of. Gradients of weights are float32, whatever the model computes in.

// RUN: peft-opt %s | peft-opt | FileCheck %s
// RUN: peft-opt %s --mlir-print-op-generic | peft-opt | FileCheck %s

// CHECK-LABEL: @gradients_of_weights_are_float32
func.func @gradients_of_weights_are_float32(%dy: tensor<2x8x6xbf16>, %x: tensor<2x8x4xbf16>, %dx: tensor<2x8x4xbf16>, %ids: tensor<2x8xi32>) {
  // CHECK: nn.linear_weight_grad %{{.*}}, %{{.*}} {alpha = 2.000000e+00 : f64} : (tensor<2x8x6xbf16>, tensor<2x8x4xbf16>) -> tensor<6x4xf32>
  %0 = nn.linear_weight_grad %dy, %x {alpha = 2.0 : f64} : (tensor<2x8x6xbf16>, tensor<2x8x4xbf16>) -> tensor<6x4xf32>
  // CHECK: nn.sum_rows %{{.*}} : (tensor<2x8x6xbf16>) -> tensor<6xf32>
  %1 = nn.sum_rows %dy : (tensor<2x8x6xbf16>) -> tensor<6xf32>
  // CHECK: nn.embedding_weight_grad %{{.*}}, %{{.*}} {vocab = 9 : i64} : (tensor<2x8x6xbf16>, tensor<2x8xi32>) -> tensor<9x6xf32>
  %2 = nn.embedding_weight_grad %dy, %ids {vocab = 9 : i64} : (tensor<2x8x6xbf16>, tensor<2x8xi32>) -> tensor<9x6xf32>
  // CHECK: nn.rms_norm_weight_grad %{{.*}}, %{{.*}} eps(1.000000e-05) {width = 2 : i64} : (tensor<2x8x4xbf16>, tensor<2x8x4xbf16>) -> tensor<2xf32>
  %3 = nn.rms_norm_weight_grad %dx, %x eps(1.0e-5) {width = 2 : i64} : (tensor<2x8x4xbf16>, tensor<2x8x4xbf16>) -> tensor<2xf32>
  return
}

// CHECK-LABEL: @gradients_of_values_are_like_the_values
func.func @gradients_of_values_are_like_the_values(%x: tensor<2x8x4xbf16>, %dy: tensor<2x8x4xbf16>, %w: tensor<4xbf16>) {
  // CHECK: nn.rms_norm_grad %{{.*}}, %{{.*}}, %{{.*}} eps(1.000000e-05) : (tensor<2x8x4xbf16>, tensor<2x8x4xbf16>, tensor<4xbf16>) -> tensor<2x8x4xbf16>
  %0 = nn.rms_norm_grad %dy, %x, %w eps(1.0e-5) : (tensor<2x8x4xbf16>, tensor<2x8x4xbf16>, tensor<4xbf16>) -> tensor<2x8x4xbf16>
  // CHECK: nn.rms_norm_grad %{{.*}}, %{{.*}}, %{{.*}} residual %{{.*}} eps(1.000000e-05) : (tensor<2x8x4xbf16>, tensor<2x8x4xbf16>, tensor<4xbf16>, tensor<2x8x4xbf16>) -> tensor<2x8x4xbf16>
  %2 = nn.rms_norm_grad %dy, %x, %w residual %x eps(1.0e-5) : (tensor<2x8x4xbf16>, tensor<2x8x4xbf16>, tensor<4xbf16>, tensor<2x8x4xbf16>) -> tensor<2x8x4xbf16>
  // CHECK: nn.activation_grad relu %{{.*}}, %{{.*}} : tensor<2x8x4xbf16>
  %1 = nn.activation_grad relu %dy, %x : tensor<2x8x4xbf16>
  return
}

// CHECK-LABEL: @attention_has_three_gradients
func.func @attention_has_three_gradients(%d: tensor<1x8x8xf32>, %k: tensor<1x8x4xf32>, %lse: tensor<1x2x8xf32>, %s: tensor<1x8xi32>) {
  // CHECK: %{{.*}}, %{{.*}}, %{{.*}} = nn.attention_grad %{{.*}} {head_dim = 4 : i64, scale = 5.000000e-01 : f64} : {{.*}} -> (tensor<1x8x8xf32>, tensor<1x8x4xf32>, tensor<1x8x4xf32>)
  %dq, %dk, %dv = nn.attention_grad %d, %d, %k, %k, %d, %lse, %s {head_dim = 4 : i64, scale = 0.5 : f64} : (tensor<1x8x8xf32>, tensor<1x8x8xf32>, tensor<1x8x4xf32>, tensor<1x8x4xf32>, tensor<1x8x8xf32>, tensor<1x2x8xf32>, tensor<1x8xi32>) -> (tensor<1x8x8xf32>, tensor<1x8x4xf32>, tensor<1x8x4xf32>)
  return
}

// CHECK-LABEL: @the_gradient_of_the_loss_is_scaled_by_the_batch
func.func @the_gradient_of_the_loss_is_scaled_by_the_batch(%x: tensor<8x9xf32>, %lse: tensor<8xf32>, %t: tensor<8xi32>, %scale: tensor<f32>) {
  // CHECK: nn.cross_entropy_grad %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : (tensor<8x9xf32>, tensor<8xf32>, tensor<8xi32>, tensor<f32>) -> tensor<8x9xf32>
  %0 = nn.cross_entropy_grad %x, %lse, %t, %scale : (tensor<8x9xf32>, tensor<8xf32>, tensor<8xi32>, tensor<f32>) -> tensor<8x9xf32>
  return
}
