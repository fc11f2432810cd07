// linear_add(linear(x, w), s, b, alpha) -> bordered_linear(x, s, w beside b, scale alpha)

// RUN: peft-opt %s --split-input-file --peft-border-linears=f32 | FileCheck %s

nn.parameter frozen @norm : tensor<64xf32>
nn.parameter frozen @w : tensor<1024x64xf32>
nn.parameter trainable @a : tensor<4x64xf32>
nn.parameter trainable @b : tensor<1024x4xf32>

// CHECK-LABEL: @a_whole_layer
func.func @a_whole_layer(%h: tensor<5x64xf32>) -> tensor<5x1024xf32> {
  %g = nn.get @norm : tensor<64xf32>
  // CHECK: %[[X:.*]] = nn.rms_norm
  %x = nn.rms_norm %h, %g eps(1.0e-5) : (tensor<5x64xf32>, tensor<64xf32>) -> tensor<5x64xf32>
  %w = nn.get @w : tensor<1024x64xf32>
  %y = nn.linear %x, %w : (tensor<5x64xf32>, tensor<1024x64xf32>) -> tensor<5x1024xf32> loc("layers.0.up_proj")
  %a = nn.get @a : tensor<4x64xf32>
  // CHECK: %[[S:.*]] = nn.linear %[[X]], %{{.*}} -> tensor<5x4xf32>
  %s = nn.linear %x, %a : (tensor<5x64xf32>, tensor<4x64xf32>) -> tensor<5x4xf32>
  // CHECK: %[[B:.*]] = nn.get @b
  %b = nn.get @b : tensor<1024x4xf32>
  // CHECK: %[[Y:.*]] = nn.bordered_linear %[[X]], %[[S]], %{{.*}} beside %[[B]] first [0] scales [2.000000e+00]
  // CHECK: return %[[Y]]
  %y2 = nn.linear_add %y, %s, %b {alpha = 2.0 : f64} : (tensor<5x1024xf32>, tensor<5x4xf32>, tensor<1024x4xf32>) -> tensor<5x1024xf32>
  return %y2 : tensor<5x1024xf32>
}

// -----

// q, k and v as peft-group-linears leaves them; k has no adapter: rows 8 to 12 of what lies beside are zeros.
nn.parameter frozen @norm : tensor<64xf32>
nn.parameter frozen @w : tensor<1024x64xf32>
nn.parameter trainable @a : tensor<6x64xf32>
nn.parameter trainable @bq : tensor<512x4xf32>
nn.parameter trainable @bv : tensor<256x2xf32>

// CHECK-LABEL: @columns_of_a_layer
func.func @columns_of_a_layer(%h: tensor<5x64xf32>) -> (tensor<5x512xf32>, tensor<5x256xf32>, tensor<5x256xf32>) {
  %g = nn.get @norm : tensor<64xf32>
  %x = nn.rms_norm %h, %g eps(1.0e-5) : (tensor<5x64xf32>, tensor<64xf32>) -> tensor<5x64xf32>
  %w = nn.get @w : tensor<1024x64xf32>
  %y = nn.linear %x, %w : (tensor<5x64xf32>, tensor<1024x64xf32>) -> tensor<5x1024xf32> loc("layers.0.qkv")
  %y3:3 = nn.split_columns %y [512, 256, 256] : (tensor<5x1024xf32>) -> (tensor<5x512xf32>, tensor<5x256xf32>, tensor<5x256xf32>)
  %a = nn.get @a : tensor<6x64xf32>
  // CHECK: %[[S:.*]] = nn.linear %{{.*}} -> tensor<5x6xf32>
  %s = nn.linear %x, %a : (tensor<5x64xf32>, tensor<6x64xf32>) -> tensor<5x6xf32>
  %s2:2 = nn.split_columns %s [4, 2] : (tensor<5x6xf32>) -> (tensor<5x4xf32>, tensor<5x2xf32>)
  // CHECK: %[[BQ:.*]] = nn.get @bq
  // CHECK: %[[BV:.*]] = nn.get @bv
  // CHECK: %[[Y:.*]] = nn.bordered_linear %{{.*}}, %[[S]], %{{.*}} beside %[[BQ]], %[[BV]] first [0, 768] scales [2.000000e+00, 4.000000e+00]
  // CHECK: %[[P:.*]]:3 = nn.split_columns %[[Y]] [512, 256, 256]
  // CHECK-NOT: nn.linear_add
  // CHECK: return %[[P]]#0, %[[P]]#1, %[[P]]#2
  %bq = nn.get @bq : tensor<512x4xf32>
  %q = nn.linear_add %y3#0, %s2#0, %bq {alpha = 2.0 : f64} : (tensor<5x512xf32>, tensor<5x4xf32>, tensor<512x4xf32>) -> tensor<5x512xf32>
  %bv = nn.get @bv : tensor<256x2xf32>
  %v = nn.linear_add %y3#2, %s2#1, %bv {alpha = 4.0 : f64} : (tensor<5x256xf32>, tensor<5x2xf32>, tensor<256x2xf32>) -> tensor<5x256xf32>
  return %q, %y3#1, %v : tensor<5x512xf32>, tensor<5x256xf32>, tensor<5x256xf32>
}

// -----

// A mask of the adapter's own is no hindrance: s is what it is, and lies beside x.
nn.parameter frozen @norm : tensor<64xf32>
nn.parameter frozen @w : tensor<1024x64xf32>
nn.parameter trainable @a : tensor<4x64xf32>
nn.parameter trainable @b : tensor<1024x4xf32>

// CHECK-LABEL: @dropout
func.func @dropout(%h: tensor<5x64xf32>, %seed: i64) -> tensor<5x1024xf32> {
  %g = nn.get @norm : tensor<64xf32>
  // CHECK: %[[X:.*]] = nn.rms_norm
  %x = nn.rms_norm %h, %g eps(1.0e-5) : (tensor<5x64xf32>, tensor<64xf32>) -> tensor<5x64xf32>
  %w = nn.get @w : tensor<1024x64xf32>
  %y = nn.linear %x, %w : (tensor<5x64xf32>, tensor<1024x64xf32>) -> tensor<5x1024xf32> loc("layers.0.up_proj")
  %d = nn.dropout %x, %seed {p = 0.1 : f64, salt = 1 : i32} : (tensor<5x64xf32>, i64) -> tensor<5x64xf32>
  %a = nn.get @a : tensor<4x64xf32>
  // CHECK: %[[S:.*]] = nn.linear
  %s = nn.linear %d, %a : (tensor<5x64xf32>, tensor<4x64xf32>) -> tensor<5x4xf32>
  %b = nn.get @b : tensor<1024x4xf32>
  // CHECK: nn.bordered_linear %[[X]], %[[S]]
  %y2 = nn.linear_add %y, %s, %b : (tensor<5x1024xf32>, tensor<5x4xf32>, tensor<1024x4xf32>) -> tensor<5x1024xf32>
  return %y2 : tensor<5x1024xf32>
}
