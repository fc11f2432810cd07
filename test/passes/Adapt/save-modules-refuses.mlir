// RUN: peft-opt %s --peft-save-modules --split-input-file --verify-diagnostics

// A module that nothing is read for.
// expected-error @+1 {{modules_to_save: 'model.act' has no parameters}}
module attributes {peft.modules_to_save = ["model.act"]} {
  nn.parameter frozen @model.norm.weight : tensor<4xf32>
  func.func @loss(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
    %w = nn.get @model.norm.weight : tensor<4xf32>
    %y = nn.rms_norm %x, %w eps(1.0e-5) : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>
    return %y : tensor<8x4xf32>
  }
}

// -----

// A mark that is not a list of names.
// expected-error @+1 {{expected peft.modules_to_save to be a list of names, got "model.norm"}}
module attributes {peft.modules_to_save = "model.norm"} {
}

// -----

// A name is a whole one, or that of a module around it.
// expected-error @+1 {{modules_to_save: 'model.nor' has no parameters}}
module attributes {peft.modules_to_save = ["model.nor"]} {
  nn.parameter frozen @model.norm.weight : tensor<4xf32>
  func.func @loss(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
    %w = nn.get @model.norm.weight : tensor<4xf32>
    %y = nn.rms_norm %x, %w eps(1.0e-5) : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>
    return %y : tensor<8x4xf32>
  }
}
