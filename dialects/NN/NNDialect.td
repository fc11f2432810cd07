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

def NN_PositiveExtents : And<[HasStaticShapePred, CPred<"::llvm::all_of("
  "::llvm::cast<::mlir::ShapedType>($_self).getShape(), [](int64_t extent) { return extent > 0; })">]>;
def NN_NoEncoding : CPred<"!::llvm::cast<::mlir::RankedTensorType>($_self).getEncoding()">;
def NN_KnownEncoding : Or<[NN_NoEncoding, CPred<
  "::llvm::isa<::mlir::VerifiableTensorEncoding>(::llvm::cast<::mlir::RankedTensorType>($_self).getEncoding())">]>;

/// Whatever is computed has a shape that is known, and its values as they are.
class NN_Dense<list<Type> elements, list<Pred> more = []>
    : RankedTensorOf<elements, [NN_PositiveExtents, NN_NoEncoding] # more, "dense tensor with extents above 0">;

/// At least one dimension: the last is a row's width.
class NN_Rows<list<Type> elements> : NN_Dense<elements, [HasRankGreaterOrEqualPred<1>]>;

def NN_Float : NN_Rows<[F32, BF16]>;
def NN_Ints : NN_Rows<[I32]>;
def NN_F32 : NN_Dense<[F32]>;
def NN_AnyFloat : NN_Dense<[F32, BF16]>;
def NN_Pointwise : AnyTypeOf<[F32, BF16, NN_AnyFloat]>;
/// A weight as it is stored: dense, or in an encoding that a dialect defines, such as #peft.nf4.
def NN_Stored : RankedTensorOf<[AnyType], [NN_PositiveExtents, NN_KnownEncoding],
                               "tensor with extents above 0 and no encoding but a storage format such as #peft.nf4">;

/// Of columns, rows, tokens: 32 bits are enough for each.
def NN_Count : ConfinedAttr<I64Attr, [IntPositive, IntMaxValue<2147483647>]>;
def NN_Epsilon : ConfinedAttr<F64Attr, [AttrConstraint<
  CPred<"::llvm::cast<::mlir::FloatAttr>($_self).getValueAsDouble() > 0">, "above 0">]>;

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
