// A weight's gradient is added to where it is accumulated: it has no buffer of its own.

// RUN: peft-opt %s --split-input-file --peft-schedule | FileCheck %s

nn.parameter trainable @w : tensor<4x4xf32>
nn.parameter trainable @b : tensor<4xf32>
nn.parameter trainable @n : tensor<4xf32>
nn.parameter trainable @t : tensor<9x4xf32>

// CHECK-LABEL: func.func @micro_step()
func.func @micro_step(%ids: tensor<8xi32>, %l: tensor<8xi32>, %p: tensor<8xi32>, %s: tensor<8xi32>, %seed: i64, %scale: tensor<f32>) -> tensor<f32> {
  // CHECK-DAG: %[[SCALE:.*]] = exec.argument "loss_scale" : f32
  %t = nn.get @t : tensor<9x4xf32>
  %x = nn.embedding %ids, %t : (tensor<8xi32>, tensor<9x4xf32>) -> tensor<8x4xf32>
  // The loss is a sum, which begins at 0.
  // CHECK: exec.zero %loss
  // CHECK: exec.cross_entropy %loss, %head_lse, %embedding
  %loss, %lse = nn.cross_entropy %x, %l : (tensor<8x4xf32>, tensor<8xi32>) -> (tensor<f32>, tensor<8xf32>)
  // The mark goes to the first call of the backward part.
  // CHECK: exec.cross_entropy_grad %{{.*}}, %[[SCALE]] {exec.backward} :
  %d = nn.cross_entropy_grad %x, %lse, %l, %scale {train.backward} : (tensor<8x4xf32>, tensor<8xf32>, tensor<8xi32>, tensor<f32>) -> tensor<8x4xf32>
  // CHECK: %[[W:.*]] = exec.gradient @w : memref<4x4xf32>
  // CHECK-NEXT: exec.linear_weight_grad %[[W]], %{{.*}}, %{{.*}} {alpha = 2.000000e+00 : f64}
  %dw = nn.linear_weight_grad %d, %x {alpha = 2.0 : f64} : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<4x4xf32>
  // CHECK-NEXT: %[[B:.*]] = exec.gradient @b
  // CHECK-NEXT: exec.sum_rows %[[B]]
  %db = nn.sum_rows %d : (tensor<8x4xf32>) -> tensor<4xf32>
  // CHECK-NEXT: %[[N:.*]] = exec.gradient @n
  // CHECK-NEXT: exec.rms_norm_weight_grad %[[N]]
  %dn = nn.rms_norm_weight_grad %d, %x eps(1.0e-5) {width = 4 : i64} : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<4xf32>
  // CHECK-NEXT: %[[T:.*]] = exec.gradient @t
  // CHECK-NEXT: exec.embedding_weight_grad %[[T]]
  %dt = nn.embedding_weight_grad %d, %ids {vocab = 9 : i64} : (tensor<8x4xf32>, tensor<8xi32>) -> tensor<9x4xf32>
  train.accumulate @w, %dw : tensor<4x4xf32>
  train.accumulate @b, %db : tensor<4xf32>
  train.accumulate @n, %dn : tensor<4xf32>
  train.accumulate @t, %dt : tensor<9x4xf32>
  // CHECK-NEXT: exec.output "loss_sum", %loss
  return %loss : tensor<f32>
}

// -----

// Refused: a gradient that is made of two parts gets buffers, which are added to the parameter's at the end.
nn.parameter trainable @w : tensor<4x4xf32>

// Equal scalar functions exist once.
// CHECK: func.func private @add(%{{.*}}: f32, %{{.*}}: f32) -> f32
// CHECK-NOT: private
// CHECK-LABEL: func.func @micro_step()
func.func @micro_step(%ids: tensor<8xi32>, %l: tensor<8xi32>) -> tensor<f32> {
  %w = nn.get @w : tensor<4x4xf32>
  %x = nn.embedding %ids, %w : (tensor<8xi32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %loss, %lse = nn.cross_entropy %x, %l : (tensor<8x4xf32>, tensor<8xi32>) -> (tensor<f32>, tensor<8xf32>)
  // CHECK: exec.zero %loss
  // CHECK: exec.zero %[[A:[a-z_]*]]
  // CHECK: exec.linear_weight_grad %[[A]]
  %a = nn.linear_weight_grad %x, %x : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<4x4xf32>
  // CHECK: exec.zero %[[B:[a-z0-9_]*]]
  // CHECK: exec.embedding_weight_grad %[[B]]
  %b = nn.embedding_weight_grad %x, %ids {vocab = 4 : i64} : (tensor<8x4xf32>, tensor<8xi32>) -> tensor<4x4xf32>
  // CHECK: exec.map @add(%[[A]], %[[A]], %[[B]])
  %c = train.elementwise(%a, %b : tensor<4x4xf32>, tensor<4x4xf32>) {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.addf %0, %1 : f32
    train.yield %2 : f32
  } -> tensor<4x4xf32>
  // CHECK: %[[G:.*]] = exec.gradient @w
  // CHECK-NEXT: exec.map @add(%[[G]], %[[G]], %[[A]])
  train.accumulate @w, %c : tensor<4x4xf32>
  return %loss : tensor<f32>
}
