// What a run over chunks of rows refuses.

// RUN: peft-opt %s --split-input-file --verify-diagnostics

func.func @an_argument_for_each_row_operand(%t: tensor<8xi32>, %x: tensor<8x4xf32>) {
  // expected-error @+1 {{expected 1 row operands in its region, got 0}}
  train.chunk_rows of %t rows(%x) chunk(4) sums([]) {
    train.yield
  } : (tensor<8xi32>, tensor<8x4xf32>) -> ()
  return
}

// -----

func.func @a_value_for_each_result(%t: tensor<8xi32>, %x: tensor<8x4xf32>) {
  // expected-error @+1 {{expected 1 values and sums, got 0 and 1}}
  %0 = train.chunk_rows of %t rows(%x) chunk(4) sums([false]) {
  ^bb0(%c: tensor<4x4xf32>):
    train.yield
  } : (tensor<8xi32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @rows_of_one_chunk(%t: tensor<8xi32>, %x: tensor<8x4xf32>) {
  // expected-error @+1 {{expected 4 rows in its region, got 'tensor<8x4xf32>'}}
  train.chunk_rows of %t rows(%x) chunk(4) sums([]) {
  ^bb0(%c: tensor<8x4xf32>):
    train.yield
  } : (tensor<8xi32>, tensor<8x4xf32>) -> ()
  return
}

// -----

func.func @yield_has_its_place() {
  // expected-error @+1 {{expects parent op to be one of 'train.elementwise, train.chunk_rows'}}
  train.yield
}

// -----

func.func @a_value_of_other_rows(%t: tensor<8xi32>, %x: tensor<8x4xf32>) {
  // expected-error @+1 {{expected to yield a sum or 4 rows, got 'tensor<8x4xf32>'}}
  %0 = train.chunk_rows of %t rows(%x) chunk(4) sums([false]) {
  ^bb0(%c: tensor<4x4xf32>):
    train.yield %x : tensor<8x4xf32>
  } : (tensor<8xi32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @a_sum_of_another_shape(%t: tensor<8xi32>, %x: tensor<8x4xf32>) {
  // expected-error @+1 {{expected a sum of 'tensor<5xf32>', got 'tensor<4xf32>'}}
  %0 = train.chunk_rows of %t rows(%x) chunk(4) sums([true]) {
  ^bb0(%c: tensor<4x4xf32>):
    %s = nn.sum_rows %c : (tensor<4x4xf32>) -> tensor<4xf32>
    train.yield %s : tensor<4xf32>
  } : (tensor<8xi32>, tensor<8x4xf32>) -> tensor<5xf32>
  return
}
