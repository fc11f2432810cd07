// What the training level refuses. Nothing writes a frozen parameter.

// RUN: peft-opt %s --split-input-file --verify-diagnostics

nn.parameter frozen @w : tensor<4xf32>

func.func @a_frozen_parameter_has_no_gradient(%g: tensor<4xf32>) {
  // expected-error @+1 {{expected a trainable parameter, but @w is frozen}}
  train.accumulate @w, %g : tensor<4xf32>
  return
}

// -----

func.func @a_gradient_of_nothing(%g: tensor<4xf32>) {
  // expected-error @+1 {{expected a parameter, but there is no nn.parameter named @w}}
  train.accumulate @w, %g : tensor<4xf32>
  return
}

// -----

nn.parameter trainable @w : tensor<4xf32>

func.func @a_gradient_of_another_shape(%g: tensor<5xf32>) {
  // expected-error @+1 {{expected a gradient of 'tensor<4xf32>', got 'tensor<5xf32>'}}
  train.accumulate @w, %g : tensor<5xf32>
  return
}

// -----

func.func @more_scalars_than_operands(%x: tensor<4xf32>) {
  // expected-error @+1 {{expected 1 scalars in its region, got 2}}
  %0 = train.elementwise(%x : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32):
    train.yield %a : f32
  } -> tensor<4xf32>
  return
}

// -----

func.func @scalars_that_are_not_f32(%x: tensor<4xbf16>) {
  // expected-error @+1 {{expected f32 scalars in its region, got 'bf16'}}
  %0 = train.elementwise(%x : tensor<4xbf16>) {
  ^bb0(%a: bf16):
    train.yield %a : bf16
  } -> tensor<4xbf16>
  return
}

// -----

func.func @two_values_of_one_element(%x: tensor<4xf32>) {
  // expected-error @+1 {{expected its region to yield an f32 for each result}}
  %0 = train.elementwise(%x : tensor<4xf32>) {
  ^bb0(%a: f32):
    train.yield %a, %a : f32, f32
  } -> tensor<4xf32>
  return
}

// -----

func.func @operands_of_unlike_shape(%x: tensor<4xf32>, %y: tensor<5xf32>) {
  // expected-error @+1 {{expected operands of the shape of 'tensor<4xf32>', got 'tensor<5xf32>'}}
  %0 = train.elementwise(%x, %y : tensor<4xf32>, tensor<5xf32>) {
  ^bb0(%a: f32, %b: f32):
    train.yield %a : f32
  } -> tensor<4xf32>
  return
}

// -----

func.func @results_of_a_pass_have_one_type(%x: tensor<4xf32>) {
  // expected-error @+1 {{expected results of one type, got 'tensor<4xf32>' and 'tensor<4xbf16>'}}
  %0:2 = train.elementwise(%x : tensor<4xf32>) {
  ^bb0(%a: f32):
    train.yield %a, %a : f32, f32
  } -> tensor<4xf32>, tensor<4xbf16>
  return
}

// -----

func.func @another_shape_on_the_host(%x: tensor<4xf32>) {
  // expected-error @+1 {{expected one shape on both sides, got 'tensor<4xf32>' and 'tensor<5xf32, "host">'}}
  %0 = train.offload %x : tensor<4xf32> -> tensor<5xf32, "host">
  return
}

// -----

func.func @fetched_from_the_device(%x: tensor<4xf32>) {
  // expected-error @+1 {{operand #0 must be tensor in the host's memory, with the encoding "host"}}
  %0 = train.fetch %x : tensor<4xf32> -> tensor<4xf32>
  return
}
