// linear(x, a), linear(x, b) -> split_columns(linear(x, stack of a and b))

// RUN: peft-opt %s --split-input-file --peft-group-linears | FileCheck %s

// The parameters move behind each other and keep their names.
// CHECK:      nn.parameter trainable @h.0.q.lora_A : tensor<4x64xf32>
// CHECK-NEXT: nn.parameter trainable @h.0.v.lora_A : tensor<2x64xf32>
// CHECK-NEXT: nn.stack @h.0.q_v.lora_A [@h.0.q.lora_A, @h.0.v.lora_A] : tensor<6x64xf32>
// CHECK-NEXT: nn.parameter trainable @h.0.q.lora_B
nn.parameter trainable @h.0.q.lora_A : tensor<4x64xf32>
nn.parameter trainable @h.0.q.lora_B : tensor<8x4xf32>
nn.parameter trainable @h.0.v.lora_A : tensor<2x64xf32>
nn.parameter trainable @h.0.v.lora_B : tensor<8x2xf32>
nn.parameter frozen @wq : tensor<8x64xf32>
nn.parameter frozen @wv : tensor<8x64xf32>

// Two ranks; the layers' own products stand before the group, so that theirs are the later cotangents of x.
// CHECK-LABEL: @two_adapters_on_one_value
// CHECK-SAME:  %[[X:.*]]: tensor<5x64xf32>
func.func @two_adapters_on_one_value(%x: tensor<5x64xf32>) -> (tensor<5x8xf32>, tensor<5x8xf32>) {
  // CHECK:      %[[WQ:.*]] = nn.get @wq
  // CHECK:      %[[Q:.*]] = nn.linear %[[X]], %[[WQ]]
  // CHECK:      %[[WV:.*]] = nn.get @wv
  // CHECK-NEXT: %[[V:.*]] = nn.linear %[[X]], %[[WV]]
  // CHECK:      %[[A:.*]] = nn.get @h.0.q_v.lora_A : tensor<6x64xf32>
  // CHECK-NEXT: %[[S:.*]] = nn.linear %[[X]], %[[A]] : (tensor<5x64xf32>, tensor<6x64xf32>) -> tensor<5x6xf32>
  // CHECK-NEXT: %[[P:.*]]:2 = nn.split_columns %[[S]] [4, 2]
  // CHECK-NEXT: nn.linear_add %[[Q]], %[[P]]#0, %{{.*}} {alpha = 2.000000e+00 : f64}
  // CHECK:      nn.linear_add %[[V]], %[[P]]#1, %{{.*}} {alpha = 4.000000e+00 : f64}
  // CHECK-NOT:  nn.linear
  %wq = nn.get @wq : tensor<8x64xf32>
  %q = nn.linear %x, %wq : (tensor<5x64xf32>, tensor<8x64xf32>) -> tensor<5x8xf32>
  %aq = nn.get @h.0.q.lora_A : tensor<4x64xf32>
  %bq = nn.get @h.0.q.lora_B : tensor<8x4xf32>
  %sq = nn.linear %x, %aq : (tensor<5x64xf32>, tensor<4x64xf32>) -> tensor<5x4xf32>
  %q2 = nn.linear_add %q, %sq, %bq {alpha = 2.0 : f64} : (tensor<5x8xf32>, tensor<5x4xf32>, tensor<8x4xf32>) -> tensor<5x8xf32>
  %wv = nn.get @wv : tensor<8x64xf32>
  %v = nn.linear %x, %wv : (tensor<5x64xf32>, tensor<8x64xf32>) -> tensor<5x8xf32>
  %av = nn.get @h.0.v.lora_A : tensor<2x64xf32>
  %bv = nn.get @h.0.v.lora_B : tensor<8x2xf32>
  %sv = nn.linear %x, %av : (tensor<5x64xf32>, tensor<2x64xf32>) -> tensor<5x2xf32>
  %v2 = nn.linear_add %v, %sv, %bv {alpha = 4.0 : f64} : (tensor<5x8xf32>, tensor<5x2xf32>, tensor<8x2xf32>) -> tensor<5x8xf32>
  return %q2, %v2 : tensor<5x8xf32>, tensor<5x8xf32>
}

// -----

// A model that computes in bfloat16 rounds the stack, as it does a parameter. The encoded weight moves with its product.
nn.parameter trainable @a : tensor<4x64xf32>
nn.parameter trainable @b : tensor<4x64xf32>
nn.parameter frozen @w : tensor<64x4xbf16>
nn.parameter frozen @base : tensor<16x64xbf16, #peft.fp8>

// CHECK-LABEL: @rounded
func.func @rounded(%x: tensor<5x64xbf16>) -> (tensor<5x64xbf16>, tensor<5x64xbf16>, tensor<5x16xbf16>) {
  // CHECK:      %[[BASE:.*]] = nn.get @base
  // CHECK-NEXT: peft.quantized_linear %{{.*}}, %[[BASE]]
  // CHECK-NEXT: %[[F:.*]] = nn.get @a_b : tensor<8x64xf32>
  // CHECK-NEXT: %[[A:.*]] = nn.cast %[[F]] : tensor<8x64xf32> to tensor<8x64xbf16>
  // CHECK-NEXT: nn.linear %{{.*}}, %[[A]]
  %a32 = nn.get @a : tensor<4x64xf32>
  %a = nn.cast %a32 : tensor<4x64xf32> to tensor<4x64xbf16>
  %b32 = nn.get @b : tensor<4x64xf32>
  %b = nn.cast %b32 : tensor<4x64xf32> to tensor<4x64xbf16>
  %w = nn.get @w : tensor<64x4xbf16>
  %sa = nn.linear %x, %a : (tensor<5x64xbf16>, tensor<4x64xbf16>) -> tensor<5x4xbf16>
  %sb = nn.linear %x, %b : (tensor<5x64xbf16>, tensor<4x64xbf16>) -> tensor<5x4xbf16>
  %ya = nn.linear %sa, %w : (tensor<5x4xbf16>, tensor<64x4xbf16>) -> tensor<5x64xbf16>
  %base = nn.get @base : tensor<16x64xbf16, #peft.fp8>
  %z = peft.quantized_linear %x, %base : (tensor<5x64xbf16>, tensor<16x64xbf16, #peft.fp8>) -> tensor<5x16xbf16>
  %yb = nn.linear %sb, %w : (tensor<5x4xbf16>, tensor<64x4xbf16>) -> tensor<5x64xbf16>
  return %ya, %yb, %z : tensor<5x64xbf16>, tensor<5x64xbf16>, tensor<5x16xbf16>
}
