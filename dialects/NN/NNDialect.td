//===- NNDialect.td - a transformer as tensors -------------*- tablegen -*-===//
#ifndef PEFT_NN_DIALECT_TD
#define PEFT_NN_DIALECT_TD

include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def NN_Dialect : Dialect {
  let name = "nn";
  let cppNamespace = "::peft::nn";
  let summary = "Transformer models as tensors; weights as symbols";
  let description = [{
    The imported level. A model is one function from tokens to a loss; its weights
    are `nn.parameter` symbols named by their checkpoint key, read by `nn.get`, and
    never bytes in the IR. Elementwise arithmetic is upstream `arith` on tensors.
    Ops whose name ends in `_grad` stand only at the training level: they are what
    the ops' vector-Jacobian products are made of.
  }];
  let useDefaultAttributePrinterParser = 1;
}

def NN_Float : TensorOf<[F32, BF16]>;
def NN_Ints : TensorOf<[I32]>;
def NN_F32 : TensorOf<[F32]>;
def NN_Pointwise : AnyTypeOf<[F32, BF16, NN_Float]>;

class NN_Enum<string name, string summary, list<I32EnumAttrCase> cases> : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::peft::nn";
  let genSpecializedAttr = 0;
}

def NN_ParameterState : NN_Enum<"ParameterState", "whether training changes a parameter", [
  I32EnumAttrCase<"frozen", 0>, I32EnumAttrCase<"trainable", 1>
]>;
def NN_ParameterStateAttr : EnumAttr<NN_Dialect, NN_ParameterState, "state">;

def NN_Init : NN_Enum<"Init", "where a parameter's first values come from", [
  I32EnumAttrCase<"checkpoint", 0>, I32EnumAttrCase<"zeros", 1>, I32EnumAttrCase<"ones", 2>,
  I32EnumAttrCase<"normal", 3>, I32EnumAttrCase<"uniform", 4>, I32EnumAttrCase<"rows", 5>
]>;
def NN_InitAttr : EnumAttr<NN_Dialect, NN_Init, "init"> { let assemblyFormat = "`<` $value `>`"; }

def NN_ActivationKind : NN_Enum<"ActivationKind", "a pointwise non-linearity", [
  I32EnumAttrCase<"silu", 0>, I32EnumAttrCase<"gelu_erf", 1>, I32EnumAttrCase<"gelu_tanh", 2>,
  I32EnumAttrCase<"relu", 3>, I32EnumAttrCase<"tanh", 4>
]>;
def NN_ActivationKindAttr : EnumAttr<NN_Dialect, NN_ActivationKind, "activation">;

#endif // PEFT_NN_DIALECT_TD
