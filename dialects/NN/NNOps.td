//===- NNOps.td - ops of the nn dialect --------------------*- tablegen -*-===//
#ifndef PEFT_NN_OPS_TD
#define PEFT_NN_OPS_TD

include "dialects/NN/NNDialect.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "peft/Interfaces/Differentiable.td"

class NN_Op<string mnemonic, list<Trait> traits = []> : Op<NN_Dialect, mnemonic, traits>;

/// A pure op whose result types follow from its operands.
class NN_Pure<string mnemonic, list<Trait> traits = []>
    : NN_Op<mnemonic, traits # [Pure, InferTypeOpAdaptor]>;

/// An op that may be differentiated; its VJP is in NNGradients.cpp.
class NN_Model<string mnemonic, list<Trait> traits = []>
    : NN_Pure<mnemonic, traits # [DeclareOpInterfaceMethods<DifferentiableOpInterface>]>;

/// A pointwise op: works on scalars too, which is what generated kernels hold.
class NN_PointwiseOp<string mnemonic, list<Trait> traits = []>
    : NN_Op<mnemonic, traits # [Pure, CheapToRecompute, SameOperandsAndResultType,
                                DeclareOpInterfaceMethods<RowwiseOpInterface>]> {
  let results = (outs NN_Pointwise:$result);
  let assemblyFormat = "operands attr-dict `:` type($result)";
}

//===----------------------------------------------------------------------===//
// Parameters
//===----------------------------------------------------------------------===//

def OpGroupParameters : OpDocGroup { let summary = "Parameters"; string description = ""; }
let opDocGroup = OpGroupParameters in {

def NN_ParameterOp : NN_Op<"parameter", [Symbol]> {
  let summary = "A weight of the model or of an adapter, named by its key";
  let description = [{
    The symbol is the key: of the checkpoint for the model's own weights, of the
    adapter file for those that an adapter adds. A frozen parameter is mapped from
    the checkpoint (or converted once to `type`); a trainable one is float32 and
    lives in the arena. `init` says where the first values come from: the
    checkpoint's tensor `source` (by default the one of the same name), its rows
    `rows`, or a constant or distribution with bound or deviation `init_value`.
    `stored` is the file's own type of it, where known; it is left out where that
    is the program's type too, but can't be read in place (not aligned, or rows in
    another order).

    ```mlir
    nn.parameter frozen @"model.norm.weight" : tensor<64xf32>
    nn.parameter trainable @"base_model.model.lm_head.lora_A.weight" {init = #nn.init<uniform>, init_value = 1.250000e-01 : f64} : tensor<4x64xf32>
    ```
  }];
  let arguments = (ins
    NN_ParameterStateAttr:$state, SymbolNameAttr:$sym_name, TypeAttrOf<NN_Stored>:$type,
    DefaultValuedAttr<NN_InitAttr, "::peft::nn::Init::checkpoint">:$init,
    OptionalAttr<F64Attr>:$init_value, OptionalAttr<StrAttr>:$source,
    OptionalAttr<DenseI32ArrayAttr>:$rows, OptionalAttr<StrAttr>:$stored);
  // The empty literal: an enum attribute prints a space of its own.
  let assemblyFormat = "`` $state $sym_name attr-dict `:` $type";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getTensorType() { return ::llvm::cast<::mlir::RankedTensorType>(getType()); }
    bool isTrainable() { return getState() == ParameterState::trainable; }
    /// The checkpoint key that it is read from.
    ::llvm::StringRef getSourceKey() { return getSource() ? *getSource() : getSymName(); }
  }];
}

def NN_GetOp : NN_Op<"get", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>,
                             DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "The value of a parameter";
  let arguments = (ins FlatSymbolRefAttr:$parameter);
  let results = (outs NN_Stored:$value);
  let assemblyFormat = "$parameter attr-dict `:` type($value)";
}

def NN_StackOp : NN_Op<"stack", [Symbol, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Matrices as one, all trainable or all frozen: their rows, one matrix behind the other";
  let description = [{
    `nn.get` and `train.accumulate` take a stack as they take a parameter. It has no
    memory of its own: its parameters stand one behind the other in the module, as
    they will in memory, and each but the last fills whole lines of 64 bytes, which
    leaves no gap.

    ```mlir
    nn.stack @qv.lora_A [@q_proj.lora_A, @v_proj.lora_A] : tensor<8x64xf32>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, FlatSymbolRefArrayAttr:$parameters, TypeAttrOf<NN_Float>:$type);
  let assemblyFormat = "$sym_name $parameters attr-dict `:` $type";
}

} // OpGroupParameters

//===----------------------------------------------------------------------===//
// Model
//===----------------------------------------------------------------------===//

def OpGroupModel : OpDocGroup { let summary = "The forward graph"; string description = ""; }
let opDocGroup = OpGroupModel in {

def NN_EmbeddingOp : NN_Model<"embedding"> {
  let summary = "Rows of a table: `y[i, :] = table[ids[i], :]`";
  let arguments = (ins NN_Ints:$ids, NN_Float:$table, OptionalAttr<StrAttr>:$module);
  let results = (outs NN_Float:$result);
  let assemblyFormat = "$ids `,` $table (`module` `(` $module^ `)`)? attr-dict `:` functional-type(operands, results)";
}

def NN_LinearOp : NN_Model<"linear", [DeclareOpInterfaceMethods<RowwiseOpInterface>]> {
  let summary = "`y = alpha * x Wᵀ + bias`";
  let description = [{
    `weight` is [out, in] as in torch.nn.Linear, or [in, out] when `transposed`
    (then `y = alpha * x W + bias`). `module` is the name of the model's module
    that it is, which recipes match.

    ```mlir
    %y = nn.linear %x, %w module("lm_head") : (tensor<2x8x64xf32>, tensor<199x64xf32>) -> tensor<2x8x199xf32>
    ```
  }];
  let arguments = (ins NN_Float:$x, NN_Float:$weight, Optional<NN_Float>:$bias, UnitAttr:$transposed,
                       DefaultValuedAttr<F64Attr, "1.0">:$alpha, OptionalAttr<StrAttr>:$module);
  let results = (outs NN_Float:$result);
  let assemblyFormat = [{
    $x `,` $weight (`bias` $bias^)? (`transposed` $transposed^)? (`module` `(` $module^ `)`)? attr-dict
    `:` functional-type(operands, results)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$x, "::mlir::Value":$weight, CArg<"bool", "false">:$transposed,
                                 CArg<"double", "1.0">:$alpha)>];
}

def NN_LinearAddOp : NN_Model<"linear_add", [DeclareOpInterfaceMethods<RowwiseOpInterface>]> {
  let summary = "`y = acc + alpha * x Wᵀ`: a matrix product that adds to what is there";
  let arguments = (ins NN_Float:$acc, NN_Float:$x, NN_Float:$weight, UnitAttr:$transposed,
                       DefaultValuedAttr<F64Attr, "1.0">:$alpha);
  let results = (outs NN_Float:$result);
  let assemblyFormat = [{
    $acc `,` $x `,` $weight (`transposed` $transposed^)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_BorderedLinearOp : NN_Model<"bordered_linear", [AttrSizedOperandSegments, DeclareOpInterfaceMethods<RowwiseOpInterface>]> {
  let summary = "`y = acc + x Wᵀ + s Bᵀ`: a frozen weight's product and its adapters', summed as one";
  let description = [{
    `s` [.., rank] are the adapters' inner activations side by side, and B [out, rank] holds, for each of
    `beside`, `scales[i] * beside[i]` from row `first[i]` on, its columns behind those of the one before;
    zeros elsewhere. When `transposed`, `y = acc + x W + s A`, with A = `beside[0]` [rank, in].

    In memory s lies right of x, B right of W, and A below it, so that it is one product, [x s] [W B]ᵀ,
    which adds in float32 all the way: `peft-border-linears` makes it, and says when.

    ```mlir
    %y = nn.bordered_linear %x, %s, %w beside %b first [0] scales [2.0] : (tensor<8x64xbf16>, tensor<8x4xbf16>, tensor<32x64xbf16>, tensor<32x4xbf16>) -> tensor<8x32xbf16>
    ```
  }];
  let arguments = (ins NN_Float:$x, NN_Float:$s, NN_Float:$weight, Variadic<NN_Float>:$beside, Optional<NN_Float>:$acc,
                       DenseI64ArrayAttr:$first, DenseF64ArrayAttr:$scales, UnitAttr:$transposed);
  let results = (outs NN_Float:$result);
  let assemblyFormat = [{
    $x `,` $s `,` $weight `beside` $beside `first` $first `scales` $scales (`transposed` $transposed^)? (`acc` `(` $acc^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
}

def NN_RMSNormOp : NN_Model<"rms_norm", [CheapToRecompute]> {
  let summary = "`y = w * x / sqrt(mean(x²) + eps)` over groups of w's length";
  let description = [{
    The groups are consecutive parts of the last dimension, as long as `weight`:
    one for a block's norm, one a head for q_norm and k_norm.
  }];
  let arguments = (ins NN_Float:$x, NN_Float:$weight, NN_Epsilon:$eps);
  let results = (outs NN_Float:$result);
  let assemblyFormat = "$x `,` $weight `eps` `(` $eps `)` attr-dict `:` functional-type(operands, results)";
}

def NN_RopeOp : NN_Model<"rope", [CheapToRecompute]> {
  let summary = "Rotary position embedding, rotate-half pairs";
  let description = [{
    The first `2 * inv_freq.size()` dimensions of each head are rotated in pairs
    (i, i + n) by `positions * inv_freq[i]`; cos and sin are multiplied by `scale`
    (yarn and longrope's attention factor). `inverse` rotates back.
  }];
  let arguments = (ins NN_Float:$x, NN_Ints:$positions, DenseF32ArrayAttr:$inv_freq, NN_Count:$head_dim,
                       DefaultValuedAttr<F64Attr, "1.0">:$scale, UnitAttr:$inverse);
  let results = (outs NN_Float:$result);
  let assemblyFormat = [{
    $x `,` $positions (`inverse` $inverse^)? attr-dict `:` functional-type(operands, results)
  }];
}

def NN_AttentionOp : NN_Model<"attention"> {
  let summary = "Causal grouped-query attention within segments";
  let description = [{
    Token i sees token j of its row where j <= i, their segments are equal, and
    i - j < window if there is one. `q` is [batch, seq, heads * head_dim]; `k` and
    `v` may have fewer heads. `lse`, the logarithm of the sum of exponentials, is
    what the backward pass needs of the probabilities.
  }];
  let arguments = (ins NN_Float:$q, NN_Float:$k, NN_Float:$v, NN_Ints:$segments, NN_Count:$head_dim,
                       F64Attr:$scale, DefaultValuedAttr<ConfinedAttr<I64Attr, [IntNonNegative]>, "0">:$window);
  let results = (outs NN_Float:$out, NN_F32:$lse);
  let assemblyFormat = "$q `,` $k `,` $v `,` $segments attr-dict `:` functional-type(operands, results)";
}

def NN_ActivationOp : NN_PointwiseOp<"activation", [DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "A pointwise non-linearity";
  let arguments = (ins NN_ActivationKindAttr:$kind, NN_Pointwise:$x);
  let assemblyFormat = "`` $kind $x attr-dict `:` type($result)";
}

def NN_ResidualOp : NN_PointwiseOp<"residual", [DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "`x + branch`: where a block's branch joins the residual stream";
  let description = [{
    A sum with a name, because bottleneck adapters sit there: `module` is the
    branch's module, `x` the residual before it.
  }];
  let arguments = (ins NN_Pointwise:$x, NN_Pointwise:$branch,
                       OptionalAttr<StrAttr>:$module);
  let assemblyFormat = "$x `,` $branch (`module` `(` $module^ `)`)? attr-dict `:` type($result)";
}

def NN_CastOp : NN_Op<"cast", [Pure, CheapToRecompute, SameOperandsAndResultShape, DeclareOpInterfaceMethods<RowwiseOpInterface>,
                               DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "The same values in another element type";
  let arguments = (ins NN_Float:$x);
  let results = (outs NN_Float:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `to` type($result)";
  let hasFolder = 1;
}

def NN_DropoutOp : NN_Model<"dropout", [CheapToRecompute]> {
  let summary = "`x / (1 - p)` where a counter-based generator keeps the element, else 0";
  let description = [{
    Philox4x32-10 keyed by the micro-batch's seed and the op's `salt`, so the same
    mask is made again in the backward pass instead of being kept.
  }];
  let arguments = (ins NN_Float:$x, I64:$seed, F64Attr:$p, I32Attr:$salt);
  let results = (outs NN_Float:$result);
  let hasFolder = 1;
  let assemblyFormat = "$x `,` $seed attr-dict `:` functional-type(operands, results)";
}

def NN_ShiftLabelsOp : NN_Pure<"shift_labels"> {
  let summary = "What each position is to predict: the next label of its segment";
  let description = [{ -100 where the next token is of another segment, is padding, or does not exist. }];
  let arguments = (ins NN_Ints:$labels, NN_Ints:$segments);
  let results = (outs NN_Ints:$targets);
  let assemblyFormat = "$labels `,` $segments attr-dict `:` functional-type(operands, results)";
}

def NN_CrossEntropyOp : NN_Model<"cross_entropy", [DeclareOpInterfaceMethods<RowwiseOpInterface, ["isSumResult"]>]> {
  let summary = "The summed cross-entropy of the rows that have a target";
  let arguments = (ins NN_Float:$logits, NN_Ints:$targets);
  let results = (outs NN_F32:$loss, NN_F32:$lse);
  let assemblyFormat = "$logits `,` $targets attr-dict `:` functional-type(operands, results)";
}

def NN_SelectRowsOp : NN_Pure<"select_rows"> {
  let summary = "One position of each row: `y[b, :] = x[b, rows[b], :]`";
  let arguments = (ins NN_Float:$x, NN_Ints:$rows);
  let results = (outs NN_Float:$result);
  let assemblyFormat = "$x `,` $rows attr-dict `:` functional-type(operands, results)";
}

def NN_SplitColumnsOp : NN_Model<"split_columns", [CheapToRecompute, DeclareOpInterfaceMethods<RowwiseOpInterface>]> {
  let summary = "The columns of x as matrices side by side, `widths` columns each";
  let description = [{
    Views: nothing is copied, so only ops may read them that take rows which lie apart
    (`takesColumns` in peft/Analysis/Columns.h).
  }];
  let arguments = (ins NN_Float:$x, DenseI64ArrayAttr:$widths);
  let results = (outs Variadic<NN_Float>:$parts);
  let assemblyFormat = "$x $widths attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def NN_ConcatColumnsOp : NN_Model<"concat_columns", [DeclareOpInterfaceMethods<RowwiseOpInterface>]> {
  let summary = "Matrices side by side as one";
  let description = [{
    A part that only this op takes in, made by an op that can write columns of the whole
    (`writesColumns` in peft/Analysis/Columns.h), is made there; any other is copied.
  }];
  let arguments = (ins Variadic<NN_Float>:$parts);
  let results = (outs NN_Float:$result);
  let assemblyFormat = "$parts attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def NN_PrependOp : NN_Pure<"prepend"> {
  let summary = "Entries in front of every row, for the virtual tokens of a soft prompt";
  let description = [{
    `value` `count` times, then x. With `positions` the new entries are
    0 .. count - 1 and the given ones move up by `count`.
  }];
  let arguments = (ins NN_Ints:$x, NN_Count:$count, DefaultValuedAttr<I32Attr, "0">:$value, UnitAttr:$positions);
  let results = (outs NN_Ints:$result);
  let assemblyFormat = "$x (`positions` $positions^)? attr-dict `:` functional-type(operands, results)";
}

} // OpGroupModel

//===----------------------------------------------------------------------===//
// Gradients
//===----------------------------------------------------------------------===//

def OpGroupGradients : OpDocGroup { let summary = "What vector-Jacobian products are made of"; string description = ""; }
let opDocGroup = OpGroupGradients in {

def NN_LinearWeightGradOp : NN_Pure<"linear_weight_grad", [DeclareOpInterfaceMethods<RowwiseOpInterface, ["isSumResult"]>]> {
  let summary = "`dW = alpha * dyᵀ x`, [out, in], float32";
  let arguments = (ins NN_Float:$dy, NN_Float:$x, DefaultValuedAttr<F64Attr, "1.0">:$alpha);
  let results = (outs NN_F32:$result);
  let assemblyFormat = "$dy `,` $x attr-dict `:` functional-type(operands, results)";
}

def NN_SumRowsOp : NN_Pure<"sum_rows", [DeclareOpInterfaceMethods<RowwiseOpInterface, ["isSumResult"]>]> {
  let summary = "The sum of all rows, float32: a bias's gradient";
  let arguments = (ins NN_Float:$dy);
  let results = (outs NN_F32:$result);
  let assemblyFormat = "$dy attr-dict `:` functional-type(operands, results)";
}

def NN_EmbeddingWeightGradOp : NN_Pure<"embedding_weight_grad"> {
  let summary = "`dtable[ids[i], :] += dy[i, :]`, float32";
  let arguments = (ins NN_Float:$dy, NN_Ints:$ids, NN_Count:$vocab);
  let results = (outs NN_F32:$result);
  let assemblyFormat = "$dy `,` $ids attr-dict `:` functional-type(operands, results)";
}

def NN_RMSNormGradOp : NN_Pure<"rms_norm_grad"> {
  let summary = "dx of rms_norm, plus `residual`: the cotangent of x from where it goes on beside the norm";
  let arguments = (ins NN_Float:$dy, NN_Float:$x, NN_Float:$weight, Optional<NN_Float>:$residual, NN_Epsilon:$eps);
  let results = (outs NN_Float:$result);
  let assemblyFormat = [{
    $dy `,` $x `,` $weight (`residual` $residual^)? `eps` `(` $eps `)` attr-dict `:` functional-type(operands, results)
  }];
}

def NN_RMSNormWeightGradOp : NN_Pure<"rms_norm_weight_grad"> {
  let summary = "dw of rms_norm, float32; `groups` of it stand side by side in a row of x";
  let arguments = (ins NN_Float:$dy, NN_Float:$x, NN_Count:$width, NN_Epsilon:$eps);
  let results = (outs NN_F32:$result);
  let assemblyFormat = "$dy `,` $x `eps` `(` $eps `)` attr-dict `:` functional-type(operands, results)";
}

def NN_AttentionGradOp : NN_Pure<"attention_grad"> {
  let summary = "dq, dk and dv of attention; probabilities are computed again from lse";
  let arguments = (ins NN_Float:$dout, NN_Float:$q, NN_Float:$k, NN_Float:$v, NN_Float:$out, NN_F32:$lse,
                       NN_Ints:$segments, NN_Count:$head_dim, F64Attr:$scale,
                       DefaultValuedAttr<ConfinedAttr<I64Attr, [IntNonNegative]>, "0">:$window);
  let results = (outs NN_Float:$dq, NN_Float:$dk, NN_Float:$dv);
  let assemblyFormat = [{
    $dout `,` $q `,` $k `,` $v `,` $out `,` $lse `,` $segments attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ActivationGradOp : NN_PointwiseOp<"activation_grad"> {
  let summary = "`dy * f'(x)`";
  let arguments = (ins NN_ActivationKindAttr:$kind, NN_Pointwise:$dy,
                       NN_Pointwise:$x);
  let assemblyFormat = "`` $kind $dy `,` $x attr-dict `:` type($result)";
}

def NN_CrossEntropyGradOp : NN_Pure<"cross_entropy_grad", [DeclareOpInterfaceMethods<RowwiseOpInterface>]> {
  let summary = "`dlogits = scale * (softmax(logits) - one_hot(target))`, 0 for rows without a target";
  let arguments = (ins NN_Float:$logits, NN_F32:$lse, NN_Ints:$targets, NN_F32:$scale);
  let results = (outs NN_Float:$result);
  let assemblyFormat = "$logits `,` $lse `,` $targets `,` $scale attr-dict `:` functional-type(operands, results)";
}

def NN_CrossEntropyWithGradOp : NN_Pure<"cross_entropy_with_grad", [DeclareOpInterfaceMethods<RowwiseOpInterface, ["isSumResult"]>]> {
  let summary = "cross_entropy's loss, and cross_entropy_grad, of logits that are read from memory once";
  let arguments = (ins NN_Float:$logits, NN_Ints:$targets, NN_F32:$scale);
  let results = (outs NN_F32:$loss, NN_Float:$dlogits);
  let assemblyFormat = "$logits `,` $targets `,` $scale attr-dict `:` functional-type(operands, results)";
}

} // OpGroupGradients

#endif // PEFT_NN_OPS_TD
