// Adapters lie beside the frozen weights and activations that they go with: one product adds both.

// RUN: peft-opt %s --peft-schedule | FileCheck %s

// What peft-plan leaves room for: 64 columns to the right of 8, and 64 rows below 12.
// CHECK: nn.parameter frozen @w {exec.pitch = 72 : i64, exec.rows = 76 : i64} : tensor<12x8xf32>
nn.parameter frozen @w : tensor<12x8xf32>
nn.parameter frozen @table : tensor<9x8xf32>
nn.parameter frozen @norm : tensor<8xf32>
nn.parameter trainable @a : tensor<4x8xf32>
nn.parameter trainable @b : tensor<12x4xf32>

// CHECK-LABEL: func.func @micro_step()
func.func @micro_step(%ids: tensor<5xi32>) -> tensor<5x8xf32> {
  // CHECK-DAG: %[[ALL:.*]] = exec.parameter @w : memref<76x72xf32>
  // CHECK-DAG: %[[WB:.*]] = exec.rows "w__B" of %[[ALL]][0] : memref<76x72xf32> -> memref<12x72xf32>
  // CHECK-DAG: %[[BELOW:.*]] = exec.rows {{.*}} of %[[ALL]][12] : memref<76x72xf32> -> memref<64x72xf32>
  // CHECK-DAG: %[[A:.*]] = exec.columns "a_" of %[[BELOW]][0] : {{.*}} -> memref<64x8xf32, strided<[72, 1]>>
  // CHECK-DAG: %[[B:.*]] = exec.columns "b_" of %{{.*}}[8] : {{.*}} -> memref<12x64xf32, strided<[72, 1], offset: 8>>
  // CHECK-DAG: %[[WA:.*]] = exec.columns "w__A" of %[[ALL]][0] : {{.*}} -> memref<76x8xf32, strided<[72, 1]>>
  // CHECK: exec.fill_borders [#exec.border<@b to @w[0, 8] scale 2.000000e+00 : f64>, #exec.border<@a to @w[12, 0] scale 1.000000e+00 : f64>] : f32
  %table = nn.get @table : tensor<9x8xf32>
  %g = nn.get @norm : tensor<8xf32>
  %w = nn.get @w : tensor<12x8xf32>
  %a = nn.get @a : tensor<4x8xf32>
  %b = nn.get @b : tensor<12x4xf32>
  %h = nn.embedding %ids, %table : (tensor<5xi32>, tensor<9x8xf32>) -> tensor<5x8xf32>
  // CHECK: %[[XS:.*]] = exec.buffer {{.*}} : memref<5x72xf32>
  // CHECK: %[[X:.*]] = exec.columns {{.*}} of %[[XS]][0] : memref<5x72xf32> -> memref<5x8xf32, strided<[72, 1]>>
  // CHECK: exec.rms_norm %[[X]]
  %x = nn.rms_norm %h, %g eps(1.0e-5) : (tensor<5x8xf32>, tensor<8xf32>) -> tensor<5x8xf32>
  // All of the border is written: what lies below has zeros behind A's rows.
  // CHECK: %[[S:.*]] = exec.columns {{.*}} of %[[XS]][8] : {{.*}} -> memref<5x64xf32, strided<[72, 1], offset: 8>>
  // CHECK: exec.linear %[[S]], %[[X]], %[[A]] {alpha = 1.000000e+00 : f64, transposed = false}
  %s = nn.linear %x, %a : (tensor<5x8xf32>, tensor<4x8xf32>) -> tensor<5x4xf32>
  // CHECK: exec.linear %[[Y:.*]], %[[XS]], %[[WB]] {alpha = 1.000000e+00 : f64, transposed = false}
  %y = nn.bordered_linear %x, %s, %w beside %b first [0] scales [2.0] : (tensor<5x8xf32>, tensor<5x4xf32>, tensor<12x8xf32>, tensor<12x4xf32>) -> tensor<5x12xf32>
  // CHECK: exec.map @mul(%[[DY:[a-z_0-9]+]], %{{.*}}) : memref<5x12xf32, strided<[76, 1]>>
  %dy = train.elementwise(%y : tensor<5x12xf32>) {
  ^bb0(%v: f32):
    %square = arith.mulf %v, %v : f32
    train.yield %square : f32
  } -> tensor<5x12xf32>
  // The factor of B is in its copy.
  // CHECK: exec.linear %[[DS:.*]], %[[DY]], %[[B]] {alpha = 1.000000e+00 : f64, transposed = true}
  %ds = nn.linear %dy, %b transposed {alpha = 2.0 : f64} : (tensor<5x12xf32>, tensor<12x4xf32>) -> tensor<5x4xf32>
  // CHECK: exec.linear %[[DX:.*]], %{{.*}}, %[[WA]] {alpha = 1.000000e+00 : f64, transposed = true} : memref<5x8xf32>, memref<5x76xf32>
  %dx = nn.bordered_linear %dy, %ds, %w beside %a first [0] scales [1.0] transposed : (tensor<5x12xf32>, tensor<5x4xf32>, tensor<12x8xf32>, tensor<4x8xf32>) -> tensor<5x8xf32>
  return %dx : tensor<5x8xf32>
}
