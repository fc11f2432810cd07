// What embeddings and products refuse: which operand, what was expected, what was got.

// RUN: peft-opt %s --split-input-file --verify-diagnostics

func.func @width(%x: tensor<8x5xf32>, %w: tensor<6x4xf32>) {
  // expected-error @+2 {{expected x of 4 columns for weight 'tensor<6x4xf32>', got 'tensor<8x5xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.linear %x, %w : (tensor<8x5xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  return
}

// -----

func.func @width_of_a_transposed_weight(%x: tensor<8x4xf32>, %w: tensor<6x4xf32>) {
  // expected-error @+2 {{expected x of 6 columns for weight 'tensor<6x4xf32>', got 'tensor<8x4xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.linear %x, %w transposed : (tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  return
}

// -----

func.func @a_weight_that_is_no_matrix(%x: tensor<8x4xf32>, %w: tensor<4xf32>) {
  // expected-error @+2 {{expected a matrix as weight, got 'tensor<4xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.linear %x, %w : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @two_element_types(%x: tensor<8x4xbf16>, %w: tensor<6x4xf32>) {
  // expected-error @+2 {{expected x and weight of one element type, got 'tensor<8x4xbf16>' and 'tensor<6x4xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.linear %x, %w : (tensor<8x4xbf16>, tensor<6x4xf32>) -> tensor<8x6xbf16>
  return
}

// -----

func.func @length_of_the_bias(%x: tensor<8x4xf32>, %w: tensor<6x4xf32>, %b: tensor<4xf32>) {
  // expected-error @+2 {{expected a bias of 6 columns, got 'tensor<4xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.linear %x, %w bias %b : (tensor<8x4xf32>, tensor<6x4xf32>, tensor<4xf32>) -> tensor<8x6xf32>
  return
}

// -----

func.func @what_is_added_to(%a: tensor<8x5xf32>, %x: tensor<8x4xf32>, %w: tensor<6x4xf32>) {
  // expected-error @+2 {{expected acc 'tensor<8x6xf32>', got 'tensor<8x5xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.linear_add %a, %x, %w : (tensor<8x5xf32>, tensor<8x4xf32>, tensor<6x4xf32>) -> tensor<8x6xf32>
  return
}

// -----

func.func @a_result_that_does_not_follow(%ids: tensor<8xi32>, %t: tensor<9x4xf32>) {
  // expected-error @+2 {{inferred type(s) 'tensor<8x4xf32>' are incompatible with return type(s) of operation 'tensor<8x9xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.embedding %ids, %t : (tensor<8xi32>, tensor<9x4xf32>) -> tensor<8x9xf32>
  return
}

// -----

func.func @ids_that_are_not_i32(%ids: tensor<8xi64>, %t: tensor<9x4xf32>) {
  // expected-error @+1 {{operand #0 must be dense tensor with extents above 0 of 32-bit signless integer values, but got 'tensor<8xi64>'}}
  %0 = nn.embedding %ids, %t : (tensor<8xi64>, tensor<9x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @a_table_that_is_no_matrix(%ids: tensor<8xi32>, %t: tensor<4xf32>) {
  // expected-error @+2 {{expected a matrix as table, got 'tensor<4xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.embedding %ids, %t : (tensor<8xi32>, tensor<4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @an_unranked_operand(%x: tensor<*xf32>, %w: tensor<6x4xf32>) {
  // expected-error @+1 {{operand #0 must be dense tensor with extents above 0 of 32-bit float or bfloat16 type values, but got 'tensor<*xf32>'}}
  %0 = nn.linear %x, %w : (tensor<*xf32>, tensor<6x4xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @an_extent_that_is_not_known(%x: tensor<?x4xf32>, %w: tensor<6x4xf32>) {
  // expected-error @+1 {{operand #0 must be dense tensor with extents above 0}}
  %0 = nn.linear %x, %w : (tensor<?x4xf32>, tensor<6x4xf32>) -> tensor<?x6xf32>
  return
}

// -----

func.func @an_extent_of_zero(%x: tensor<8x0xf32>, %w: tensor<6x0xf32>) {
  // expected-error @+1 {{operand #0 must be dense tensor with extents above 0}}
  %0 = nn.linear %x, %w : (tensor<8x0xf32>, tensor<6x0xf32>) -> tensor<8x6xf32>
  return
}

// -----

func.func @a_row_without_columns(%x: tensor<f32>, %w: tensor<6x4xf32>) {
  // expected-error @+1 {{operand #0 must be dense tensor with extents above 0}}
  %0 = nn.linear %x, %w : (tensor<f32>, tensor<6x4xf32>) -> tensor<6xf32>
  return
}

// -----

// How a weight is stored is undone by peft.dequantize, in front of the product.
func.func @an_encoded_operand(%x: tensor<8x4xf32>, %w: tensor<6x4xf32, #peft.nf4<block = 64, nested = 0>>) {
  // expected-error @+1 {{operand #1 must be dense tensor with extents above 0}}
  %0 = nn.linear %x, %w : (tensor<8x4xf32>, tensor<6x4xf32, #peft.nf4<block = 64, nested = 0>>) -> tensor<8x6xf32>
  return
}

// -----

func.func @widths_in_all(%x: tensor<8x6xf32>) {
  // expected-error @+2 {{expected widths of 6 columns in all for x 'tensor<8x6xf32>', got 5}}
  // expected-error @+1 {{failed to infer returned types}}
  %0:2 = nn.split_columns %x [2, 3] : (tensor<8x6xf32>) -> (tensor<8x2xf32>, tensor<8x3xf32>)
  return
}

// -----

func.func @a_width_of_nothing(%x: tensor<8x6xf32>) {
  // expected-error @+2 {{expected widths above 0, got 0}}
  // expected-error @+1 {{failed to infer returned types}}
  %0:2 = nn.split_columns %x [6, 0] : (tensor<8x6xf32>) -> (tensor<8x6xf32>, tensor<8x6xf32>)
  return
}

// -----

func.func @parts_of_other_rows(%a: tensor<8x2xf32>, %b: tensor<7x2xf32>) {
  // expected-error @+2 {{expected a part with the rows of 'tensor<8x2xf32>', got 'tensor<7x2xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.concat_columns %a, %b : (tensor<8x2xf32>, tensor<7x2xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @parts_of_two_element_types(%a: tensor<8x2xf32>, %b: tensor<8x2xbf16>) {
  // expected-error @+2 {{expected parts of one element type, got 'tensor<8x2xf32>' and 'tensor<8x2xbf16>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.concat_columns %a, %b : (tensor<8x2xf32>, tensor<8x2xbf16>) -> tensor<8x4xf32>
  return
}

// -----

func.func @a_scale_for_each_weight_beside(%x: tensor<8x4xf32>, %s: tensor<8x2xf32>, %w: tensor<6x4xf32>, %b: tensor<6x2xf32>) {
  // expected-error @+2 {{expected a first row and a scale for each of 1 weights beside, got 2 and 1}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.bordered_linear %x, %s, %w beside %b first [0, 3] scales [1.0] : (tensor<8x4xf32>, tensor<8x2xf32>, tensor<6x4xf32>, tensor<6x2xf32>) -> tensor<8x6xf32>
  return
}

// -----

func.func @rows_of_what_lies_beside(%x: tensor<8x4xf32>, %s: tensor<8x2xf32>, %w: tensor<6x4xf32>, %b: tensor<6x2xf32>) {
  // expected-error @+2 {{expected what lies beside to fill rows of its own among 6, got 6 from 1 on}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.bordered_linear %x, %s, %w beside %b first [1] scales [1.0] : (tensor<8x4xf32>, tensor<8x2xf32>, tensor<6x4xf32>, tensor<6x2xf32>) -> tensor<8x6xf32>
  return
}

// -----

func.func @columns_of_s(%x: tensor<8x4xf32>, %s: tensor<8x3xf32>, %w: tensor<6x4xf32>, %b: tensor<6x2xf32>) {
  // expected-error @+2 {{expected s of 2 columns for the weights beside, got 'tensor<8x3xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.bordered_linear %x, %s, %w beside %b first [0] scales [1.0] : (tensor<8x4xf32>, tensor<8x3xf32>, tensor<6x4xf32>, tensor<6x2xf32>) -> tensor<8x6xf32>
  return
}

// -----

func.func @one_weight_lies_below(%x: tensor<8x6xf32>, %s: tensor<8x2xf32>, %w: tensor<6x4xf32>, %a: tensor<2x4xf32>) {
  // expected-error @+2 {{expected one weight below the transposed one, from row 0 on, of scale 1}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = nn.bordered_linear %x, %s, %w beside %a first [0] scales [2.0] transposed : (tensor<8x6xf32>, tensor<8x2xf32>, tensor<6x4xf32>, tensor<2x4xf32>) -> tensor<8x4xf32>
  return
}
