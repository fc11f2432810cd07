// What one product saves and costs, as remarks: bytes of a step.

// RUN: peft-opt %s --split-input-file --peft-group-linears=explain --verify-diagnostics | FileCheck %s

// Two of three products less, of 16 MiB of x each: read twice, dx read and written.
nn.parameter trainable @a : tensor<16x4096xf32>
nn.parameter frozen @ua : tensor<32x16xbf16>
nn.parameter trainable @b : tensor<16x4096xf32>
nn.parameter frozen @ub : tensor<32x16xbf16>
nn.parameter trainable @c : tensor<16x4096xf32>
nn.parameter frozen @uc : tensor<32x16xbf16>
// CHECK-LABEL: @q_k_v
// CHECK: nn.split_columns
func.func @q_k_v(%x: tensor<2048x4096xbf16>) {
  %fa = nn.get @a : tensor<16x4096xf32>
  %a = nn.cast %fa : tensor<16x4096xf32> to tensor<16x4096xbf16>
  %fb = nn.get @b : tensor<16x4096xf32>
  %b = nn.cast %fb : tensor<16x4096xf32> to tensor<16x4096xbf16>
  %fc = nn.get @c : tensor<16x4096xf32>
  %c = nn.cast %fc : tensor<16x4096xf32> to tensor<16x4096xbf16>
  // expected-remark @+1 {{3 products of one x become one: it saves 128.00 MiB of passes over x and its gradient a step; costs nothing, as its columns lie at multiples of 16 bytes}}
  %sa = nn.linear %x, %a : (tensor<2048x4096xbf16>, tensor<16x4096xbf16>) -> tensor<2048x16xbf16>
  %sb = nn.linear %x, %b : (tensor<2048x4096xbf16>, tensor<16x4096xbf16>) -> tensor<2048x16xbf16>
  %sc = nn.linear %x, %c : (tensor<2048x4096xbf16>, tensor<16x4096xbf16>) -> tensor<2048x16xbf16>
  %ua = nn.get @ua : tensor<32x16xbf16>
  %ya = nn.linear %sa, %ua : (tensor<2048x16xbf16>, tensor<32x16xbf16>) -> tensor<2048x32xbf16>
  %ub = nn.get @ub : tensor<32x16xbf16>
  %yb = nn.linear %sb, %ub : (tensor<2048x16xbf16>, tensor<32x16xbf16>) -> tensor<2048x32xbf16>
  %uc = nn.get @uc : tensor<32x16xbf16>
  %yc = nn.linear %sc, %uc : (tensor<2048x16xbf16>, tensor<32x16xbf16>) -> tensor<2048x32xbf16>
  return
}

// -----

// Rank 9 moves the columns of rank 8 off 16 bytes: x is wide enough to pay for it.
nn.parameter trainable @a : tensor<8x4096xf32>
nn.parameter frozen @ua : tensor<32x8xbf16>
nn.parameter trainable @b : tensor<9x4096xf32>
nn.parameter frozen @ub : tensor<32x9xbf16>
// CHECK-LABEL: @odd_ranks
// CHECK: nn.split_columns
func.func @odd_ranks(%x: tensor<2048x4096xbf16>) {
  %fa = nn.get @a : tensor<8x4096xf32>
  %a = nn.cast %fa : tensor<8x4096xf32> to tensor<8x4096xbf16>
  %fb = nn.get @b : tensor<9x4096xf32>
  %b = nn.cast %fb : tensor<9x4096xf32> to tensor<9x4096xbf16>
  // expected-remark @+1 {{2 products of one x become one: it saves 64.00 MiB of passes over x and its gradient a step; costs as much as 0.66 MiB, as its columns lie at multiples of 2 bytes}}
  %sa = nn.linear %x, %a : (tensor<2048x4096xbf16>, tensor<8x4096xbf16>) -> tensor<2048x8xbf16>
  %sb = nn.linear %x, %b : (tensor<2048x4096xbf16>, tensor<9x4096xbf16>) -> tensor<2048x9xbf16>
  %ua = nn.get @ua : tensor<32x8xbf16>
  %ya = nn.linear %sa, %ua : (tensor<2048x8xbf16>, tensor<32x8xbf16>) -> tensor<2048x32xbf16>
  %ub = nn.get @ub : tensor<32x9xbf16>
  %yb = nn.linear %sb, %ub : (tensor<2048x9xbf16>, tensor<32x9xbf16>) -> tensor<2048x32xbf16>
  return
}

// -----

// Here it is not.
nn.parameter trainable @a : tensor<8x32xf32>
nn.parameter frozen @ua : tensor<32x8xbf16>
nn.parameter trainable @b : tensor<9x32xf32>
nn.parameter frozen @ub : tensor<32x9xbf16>
// CHECK-LABEL: @narrow
// CHECK-NOT: nn.split_columns
func.func @narrow(%x: tensor<2048x32xbf16>) {
  %fa = nn.get @a : tensor<8x32xf32>
  %a = nn.cast %fa : tensor<8x32xf32> to tensor<8x32xbf16>
  %fb = nn.get @b : tensor<9x32xf32>
  %b = nn.cast %fb : tensor<9x32xf32> to tensor<9x32xbf16>
  // expected-remark @+1 {{2 products of one x stay apart: one product saves 0.50 MiB of passes over x and its gradient a step; costs as much as 0.66 MiB, as its columns lie at multiples of 2 bytes}}
  %sa = nn.linear %x, %a : (tensor<2048x32xbf16>, tensor<8x32xbf16>) -> tensor<2048x8xbf16>
  %sb = nn.linear %x, %b : (tensor<2048x32xbf16>, tensor<9x32xbf16>) -> tensor<2048x9xbf16>
  %ua = nn.get @ua : tensor<32x8xbf16>
  %ya = nn.linear %sa, %ua : (tensor<2048x8xbf16>, tensor<32x8xbf16>) -> tensor<2048x32xbf16>
  %ub = nn.get @ub : tensor<32x9xbf16>
  %yb = nn.linear %sb, %ub : (tensor<2048x9xbf16>, tensor<32x9xbf16>) -> tensor<2048x32xbf16>
  return
}
