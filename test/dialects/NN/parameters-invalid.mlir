// What a parameter and its readers refuse.

// RUN: peft-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{expected a trainable parameter to be f32, got 'tensor<4xbf16>'}}
nn.parameter trainable @half {init = #nn.init<zeros>} : tensor<4xbf16>

// -----

// expected-error @+1 {{expected a trainable parameter to be dense, got 'tensor<8x8xf32, #peft.nf4<block = 64, nested = 0>>'}}
nn.parameter trainable @encoded : tensor<8x8xf32, #peft.nf4<block = 64, nested = 0>>

// -----

// expected-error @+1 {{expected init_value with init 'uniform'}}
nn.parameter trainable @no_bound {init = #nn.init<uniform>} : tensor<4xf32>

// -----

// expected-error @+1 {{expected no init_value with init 'zeros'}}
nn.parameter trainable @a_bound_of_nothing {init = #nn.init<zeros>, init_value = 1.0 : f64} : tensor<4xf32>

// -----

// expected-error @+1 {{expected rows exactly with init 'rows'}}
nn.parameter trainable @rows_of_nothing {init = #nn.init<zeros>, rows = array<i32: 1>} : tensor<1x4xf32>

// -----

// expected-error @+1 {{expected rows exactly with init 'rows'}}
nn.parameter trainable @no_rows {init = #nn.init<rows>} : tensor<1x4xf32>

// -----

// expected-error @+1 {{expected 2 rows, got 3}}
nn.parameter trainable @too_many_rows {init = #nn.init<rows>, rows = array<i32: 1, 2, 3>} : tensor<2x4xf32>

// -----

func.func @reads_what_is_not_there() {
  // expected-error @+1 {{expected a parameter, but there is no nn.parameter named @w}}
  %0 = nn.get @w : tensor<4xf32>
  return
}

// -----

func.func private @w()

func.func @reads_what_is_no_parameter() {
  // expected-error @+1 {{expected a parameter, but there is no nn.parameter named @w}}
  %0 = nn.get @w : tensor<4xf32>
  return
}

// -----

nn.parameter frozen @w : tensor<4xf32>

func.func @reads_another_type() {
  // expected-error @+1 {{expected 'tensor<4xf32>', got 'tensor<4xbf16>'}}
  %0 = nn.get @w : tensor<4xbf16>
  return
}

// -----

nn.parameter frozen @w : tensor<4xf32>
// expected-note @-1 {{see existing symbol definition here}}
// expected-error @+1 {{redefinition of symbol named 'w'}}
nn.parameter frozen @w : tensor<4xf32>

// -----

// expected-error @+1 {{attribute 'type' failed to satisfy constraint: type attribute of tensor with extents above 0 and no encoding but a storage format such as #peft.nf4}}
nn.parameter frozen @an_encoding_that_nobody_knows : tensor<4xf32, "packed">

// -----

// expected-error @+1 {{attribute 'type' failed to satisfy constraint}}
nn.parameter frozen @an_extent_that_is_not_known : tensor<?x4xf32>

// -----

// expected-error @+1 {{expected an even block above 0 and nested of 0 or more, got 0 and 0}}
nn.parameter frozen @blocks_of_nothing : tensor<4x64xf32, #peft.nf4<block = 0, nested = 0>>

// -----

nn.parameter trainable @a : tensor<4x8xf32>
nn.parameter frozen @b : tensor<4x8xf32>
// expected-error @+1 {{expected @b right behind @a among the module's trainable parameters}}
nn.stack @ab [@a, @b] : tensor<8x8xf32>

// -----

nn.parameter frozen @a : tensor<4x8xf32>
nn.parameter frozen @b : tensor<4x8xbf16>
// expected-error @+1 {{expected a matrix of the columns of 'tensor<8x8xf32>' as @b, got 'tensor<4x8xbf16>'}}
nn.stack @ab [@a, @b] : tensor<8x8xf32>

// -----

nn.parameter trainable @a : tensor<4x8xf32>
// expected-error @+1 {{expected parameters, but @b is none}}
nn.stack @ab [@a, @b] : tensor<8x8xf32>

// -----

nn.parameter trainable @a : tensor<4x8xf32>
nn.parameter trainable @b : tensor<4x7xf32>
// expected-error @+1 {{expected a matrix of the columns of 'tensor<8x8xf32>' as @b, got 'tensor<4x7xf32>'}}
nn.stack @ab [@a, @b] : tensor<8x8xf32>

// -----

nn.parameter trainable @a : tensor<4x8xf32>
nn.parameter trainable @b : tensor<4x8xf32>
// expected-error @+1 {{expected parameters of 7 rows in all, got 8}}
nn.stack @ab [@a, @b] : tensor<7x8xf32>

// -----

// One behind the other in the module is one behind the other in memory; what is frozen lies elsewhere.
nn.parameter trainable @a : tensor<4x8xf32>
nn.parameter trainable @other : tensor<4x8xf32>
nn.parameter trainable @b : tensor<4x8xf32>
nn.parameter frozen @frozen : tensor<4x8xf32>
nn.parameter trainable @c : tensor<4x8xf32>
nn.stack @bc [@b, @c] : tensor<8x8xf32>
// expected-error @+1 {{expected @b right behind @a among the module's trainable parameters}}
nn.stack @ab [@a, @b] : tensor<8x8xf32>

// -----

nn.parameter trainable @a : tensor<3x8xf32>
nn.parameter trainable @b : tensor<3x8xf32>
// expected-error @+1 {{expected @a to fill lines of 64 bytes, got 'tensor<3x8xf32>'}}
nn.stack @ab [@a, @b] : tensor<6x8xf32>

// -----

nn.parameter trainable @a : tensor<4x8xf32>
nn.parameter trainable @b : tensor<4x8xf32>
nn.stack @ab [@a, @b] : tensor<8x8xf32>
func.func @what_a_stack_reads() {
  // expected-error @+1 {{expected 'tensor<8x8xf32>', got 'tensor<4x8xf32>'}}
  %0 = nn.get @ab : tensor<4x8xf32>
  return
}
