//===- ExecOps.td - a straight line of runtime calls -------*- tablegen -*-===//
#ifndef PEFT_EXEC_OPS_TD
#define PEFT_EXEC_OPS_TD

include "dialects/Exec/ExecInterfaces.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"

def Exec_Dialect : Dialect {
  let name = "exec";
  let useDefaultAttributePrinterParser = 1;
  let cppNamespace = "::peft::exec";
  let summary = "Runtime calls on buffers that have a place";
  let description = [{
    The scheduled level: one straight line of calls. A buffer is a memref that
    `exec.buffer` names; `peft-plan` gives it an offset in the arena, or, in memory space 1,
    in the host's memory. Each call op is
    one function of runtime/include/peft/runtime/kernels.h, which defines its
    meaning: same name, same order of operands (results first), same attributes.
  }];
}

/// What rt::Tensor can say: extents that are known and above 0, one row behind the other.
def Exec_Tensor : ConfinedType<AnyStaticShapeMemRef, [
  CPred<"::llvm::cast<::mlir::MemRefType>($_self).getLayout().isIdentity()">,
  CPred<"::llvm::all_of(::llvm::cast<::mlir::MemRefType>($_self).getShape(), [](int64_t extent) { return extent > 0; })">],
  "dense memref with extents above 0", "::mlir::MemRefType">;

/// A tensor, or columns of one: what a Tensor with a pitch can say.
def Exec_Matrix : ConfinedType<AnyStaticShapeMemRef, [
  CPred<"::peft::exec::rowStride(::llvm::cast<::mlir::MemRefType>($_self)) > 0">],
  "dense memref with extents above 0, or columns of one", "::mlir::MemRefType">;

def Exec_Count : ConfinedAttr<I64Attr, [IntPositive]>;

class Exec_Op<string mnemonic, list<Trait> traits = []> : Op<Exec_Dialect, mnemonic, traits>;

def Exec_BorderAttr : AttrDef<Exec_Dialect, "Border"> {
  let mnemonic = "border";
  let summary = "Where a trainable matrix is copied to among a frozen one's border, and by what it is multiplied";
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$from, "::mlir::FlatSymbolRefAttr":$to, "int64_t":$row, "int64_t":$column,
                        "::mlir::FloatAttr":$scale);
  let assemblyFormat = "`<` $from `to` $to `[` $row `,` $column `]` `scale` $scale `>`";
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

def OpGroupPlaces : OpDocGroup { let summary = "Where things are"; string description = ""; }
let opDocGroup = OpGroupPlaces in {

def Exec_BufferOp : Exec_Op<"buffer", [DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "A buffer of the arena's transient part, at `offset` once planned";
  let arguments = (ins StrAttr:$name, OptionalAttr<I64Attr>:$offset, UnitAttr:$saved);
  let results = (outs Exec_Tensor:$result);
  let assemblyFormat = "$name (`at` $offset^)? (`saved` $saved^)? attr-dict `:` type($result)";
  let description = [{ `saved` marks what the forward pass keeps for the backward pass. }];
}

def Exec_ParameterOp : Exec_Op<"parameter", [Pure, DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "A parameter's values, in the arena or in the mapped file";
  let arguments = (ins FlatSymbolRefAttr:$parameter);
  let results = (outs Exec_Tensor:$result);
  let assemblyFormat = "$parameter attr-dict `:` type($result)";
}

def Exec_GradientOp : Exec_Op<"gradient", [Pure]> {
  let summary = "The gradient of a trainable parameter";
  let arguments = (ins FlatSymbolRefAttr:$parameter);
  let results = (outs Exec_Tensor:$result);
  let assemblyFormat = "$parameter attr-dict `:` type($result)";
}

def Exec_FlatOp : Exec_Op<"flat", [Pure]> {
  let summary = "All trainable floats as one vector: `parameters`, `gradients` or slot `state.N` of the optimizer";
  let arguments = (ins StrAttr:$part);
  let results = (outs Exec_Tensor:$result);
  let assemblyFormat = "$part attr-dict `:` type($result)";
}

def Exec_SliceOp : Exec_Op<"slice", [Pure, DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "Part of a vector as a tensor of its own: the elements from `first` on";
  let description = [{
    A place like any other, that lives as long as `source` does.

    ```mlir
    %q_proj_lora_A = exec.slice "q_proj_lora_A" of %adapters[1024] : memref<4096xbf16> -> memref<4x64xbf16>
    ```
  }];
  let arguments = (ins StrAttr:$name, Exec_Tensor:$source, ConfinedAttr<I64Attr, [IntNonNegative]>:$first);
  let results = (outs Exec_Tensor:$result);
  let assemblyFormat = "$name `of` $source `[` $first `]` attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
}

def Exec_ColumnsOp : Exec_Op<"columns", [Pure, DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "Columns of a buffer as a matrix of their own: those from `first` on";
  let description = [{
    A place like any other, that lives as long as `source` does. Its rows are as far
    apart as the source's, which matrix products can read and write.

    ```mlir
    %q_proj = exec.columns "q_proj" of %qv[0] : memref<8x32xf32> -> memref<8x16xf32, strided<[32, 1]>>
    ```
  }];
  let arguments = (ins StrAttr:$name, Exec_Matrix:$source, ConfinedAttr<I64Attr, [IntNonNegative]>:$first);
  let results = (outs Exec_Matrix:$result);
  let assemblyFormat = "$name `of` $source `[` $first `]` attr-dict `:` type($source) `->` type($result)";
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name, "::mlir::Value":$source, "int64_t":$first, "int64_t":$width)>];
  let hasVerifier = 1;
}

def Exec_RowsOp : Exec_Op<"rows", [Pure, DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "Rows of a matrix as a matrix of their own: those from `first` on";
  let description = [{
    A place like any other, that lives as long as `source` does.

    ```mlir
    %lora_A = exec.rows "lora_A" of %weight[32] : memref<96x128xbf16> -> memref<64x128xbf16>
    ```
  }];
  let arguments = (ins StrAttr:$name, Exec_Matrix:$source, ConfinedAttr<I64Attr, [IntNonNegative]>:$first);
  let results = (outs Exec_Matrix:$result);
  let assemblyFormat = "$name `of` $source `[` $first `]` attr-dict `:` type($source) `->` type($result)";
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name, "::mlir::Value":$source, "int64_t":$first, "int64_t":$count)>];
  let hasVerifier = 1;
}

def Exec_ArgumentOp : Exec_Op<"argument", [Pure]> {
  let summary = "What the caller of an entry point passes: a field of the batch, the step's scalars, a chunk's number";
  let arguments = (ins StrAttr:$name);
  let results = (outs AnyType:$result);
  let assemblyFormat = "$name attr-dict `:` type($result)";
}

def Exec_OutputOp : Exec_Op<"output"> {
  let summary = "What an entry point returns: `loss_sum`, `grad_norm` or `logits`";
  let arguments = (ins StrAttr:$name, Exec_Tensor:$value);
  let assemblyFormat = "$name `,` $value attr-dict `:` type($value)";
}

def Exec_ChunksOp : Exec_Op<"chunks", [NoTerminator, SingleBlock]> {
  let summary = "Runs its region for each run of `size` labelled rows, `*count` rows in all";
  let description = [{ The region's argument is the number of the run. `peft-outline` makes it a function. }];
  let arguments = (ins Exec_Tensor:$count, I64Attr:$size);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$count `size` $size $body attr-dict `:` type($count)";
}

def Exec_CallOp : Exec_Op<"call", [AttrSizedOperandSegments]> {
  let summary = "Calls an outlined function with a table of places";
  let description = [{
    With `count` it is called for each run of `size` labelled rows, and given the run's number.

    ```mlir
    exec.call @forward_layer(%x, %q_proj_weight) : memref<8x64xf32>, memref<64x64xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee, Variadic<Exec_Matrix>:$places, Optional<Exec_Tensor>:$count,
                       OptionalAttr<I64Attr>:$size);
  let assemblyFormat = [{
    $callee `(` $places `)` (`count` $count^ `size` $size `:` type($count))? attr-dict `:` type($places)
  }];
}

} // OpGroupPlaces

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

/// A call that writes its first `outputs` operands. `T` is the operand whose
/// element type is the function's template parameter.
class Exec_Call<string mnemonic, int outputs, int T = 0, list<string> attributes = [], bit update = 0>
    : Exec_Op<mnemonic, [RuntimeCallOpInterface]> {
  let summary = "peft::rt::" # mnemonic;
  let assemblyFormat = "operands attr-dict `:` type(operands)";
  string passed = !interleave(!foreach(a, attributes, "get" # a # "Attr()"), ", ");
  code methods = [{
    unsigned getNumOutputs() { return }] # outputs # [{; }
    bool isUpdate() { return }] # !if(update, "true", "false") # [{; }
    int getElementTypeOperand() { return }] # T # [{; }
    ::llvm::SmallVector<::mlir::Attribute> getCallAttributes() { return {}] # passed # [{}; }
  }];
  let extraClassDeclaration = methods;
}

def OpGroupCalls : OpDocGroup { let summary = "Runtime functions"; string description = ""; }
let opDocGroup = OpGroupCalls in {

def Exec_MapOp : Exec_Op<"map", [RuntimeCallOpInterface]> {
  let summary = "A scalar function over every element: peft::rt::map<body>";
  let description = [{
    Writes the first `outputs` tensors, each with one of the numbers that `body` returns.

    ```mlir
    exec.map @mul_add(%p, %s, %x, %y) outputs(2) : memref<8x4xf32>, memref<8x4xf32>, memref<8x4xf32>, memref<8x4xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$body, Variadic<Exec_Matrix>:$tensors, DefaultValuedAttr<Exec_Count, "1">:$outputs);
  let assemblyFormat = "$body `(` $tensors `)` (`outputs` `(` $outputs^ `)`)? attr-dict `:` type($tensors)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    unsigned getNumOutputs() { return unsigned(getOutputs()); }
    int getElementTypeOperand() { return -1; }
    ::llvm::SmallVector<::mlir::Attribute> getCallAttributes() { return {}; }
  }];
}

def Exec_MapWeightGradsOp : Exec_Op<"map_weight_grads", [
    AttrSizedOperandSegments, RuntimeCallOpInterface, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "A scalar function over every element, and sums of its results over rows: peft::rt::map_weight_grads<body>";
  let description = [{
    Writes those of the body's results that `stores` names. Of result t, rounded as it would be stored,
    g += scale tᵀ thin, where g is [cols, r], or its transpose, in float32, and thin [rows, r], r at most 16.

    ```mlir
    exec.map_weight_grads @silu_mul(%gate, %up : memref<8x32xbf16>, memref<8x32xbf16>) stores [0] (%h : memref<8x32xbf16>)
        grads [0] (%grad_A : memref<4x32xf32> with %ds : memref<8x4xbf16>) scales [1.0]
    ```
  }];
  let arguments = (ins Variadic<Exec_Tensor>:$grads, Variadic<Exec_Matrix>:$outputs, Variadic<Exec_Matrix>:$thins,
                       Variadic<Exec_Matrix>:$inputs, FlatSymbolRefAttr:$body, DenseI64ArrayAttr:$stored,
                       DenseI64ArrayAttr:$grad_of, DenseF32ArrayAttr:$scales);
  let assemblyFormat = [{
    $body `(` $inputs `:` type($inputs) `)` `stores` $stored (`(` $outputs^ `:` type($outputs) `)`)?
    `grads` $grad_of `(` $grads `:` type($grads) `with` $thins `:` type($thins) `)` `scales` $scales attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    static constexpr int64_t maxRank = 16; ///< columns of a thin tensor
    static constexpr unsigned maxResults = 3, maxInputs = 3; ///< of the body; equal inputs count once
    unsigned getNumOutputs() { return unsigned(getGrads().size() + getOutputs().size()); }
    int getElementTypeOperand() { return -1; }
    ::llvm::SmallVector<::mlir::Attribute> getCallAttributes() { return {getScalesAttr()}; }
  }];
}

def Exec_LinearOp : Exec_Call<"linear", 1, 0, ["Transposed", "Alpha"]> {
  let arguments = (ins Exec_Matrix:$y, Exec_Matrix:$x, Exec_Matrix:$w, Optional<Exec_Tensor>:$bias, BoolAttr:$transposed, F64Attr:$alpha);
  let extraClassDeclaration = methods # [{ bool lacksOptionalOperand() { return !getBias(); } }];
}
def Exec_LinearAddOp : Exec_Call<"linear_add", 1, 0, ["Transposed", "Alpha"]> {
  let arguments = (ins Exec_Matrix:$y, Exec_Matrix:$acc, Exec_Matrix:$x, Exec_Matrix:$w, BoolAttr:$transposed, F64Attr:$alpha);
}
def Exec_QuantizeRowsOp : Exec_Call<"quantize_rows", 2, 2> {
  let arguments = (ins Exec_Tensor:$codes, Exec_Tensor:$scales, Exec_Matrix:$x);
}
def Exec_FP8LinearOp : Exec_Call<"fp8_linear", 1, 0, ["Transposed", "Alpha"]> {
  let arguments = (ins Exec_Tensor:$y, Exec_Tensor:$codes, Exec_Tensor:$scales, Exec_Tensor:$w, Optional<Exec_Tensor>:$bias,
                       BoolAttr:$transposed, F64Attr:$alpha);
  let extraClassDeclaration = methods # [{ bool lacksOptionalOperand() { return !getBias(); } }];
}
def Exec_FP8LinearAddOp : Exec_Call<"fp8_linear_add", 1, 0, ["Transposed", "Alpha"]> {
  let arguments = (ins Exec_Tensor:$y, Exec_Tensor:$acc, Exec_Tensor:$codes, Exec_Tensor:$scales, Exec_Tensor:$w, BoolAttr:$transposed,
                       F64Attr:$alpha);
}
def Exec_LinearWeightGradOp : Exec_Call<"linear_weight_grad", 1, 1, ["Alpha"], 1> {
  let arguments = (ins Exec_Tensor:$sum, Exec_Matrix:$dy, Exec_Matrix:$x, F64Attr:$alpha);
}
def Exec_SumRowsOp : Exec_Call<"sum_rows", 1, 1, [], 1> { let arguments = (ins Exec_Tensor:$sum, Exec_Matrix:$dy); }

def Exec_EmbeddingOp : Exec_Call<"embedding", 1> { let arguments = (ins Exec_Tensor:$y, Exec_Tensor:$ids, Exec_Tensor:$table); }
def Exec_EmbeddingWeightGradOp : Exec_Call<"embedding_weight_grad", 1, 1, [], 1> {
  let arguments = (ins Exec_Tensor:$sum, Exec_Tensor:$dy, Exec_Tensor:$ids);
}
def Exec_EmbeddingColumnsOp : Exec_Call<"embedding_columns", 1> {
  let arguments = (ins Exec_Tensor:$y, Exec_Tensor:$ids, Exec_Tensor:$table);
}
def Exec_EmbeddingColumnsWeightGradOp : Exec_Call<"embedding_columns_weight_grad", 1, 1, [], 1> {
  let arguments = (ins Exec_Tensor:$sum, Exec_Tensor:$dy, Exec_Tensor:$ids);
}
def Exec_OverrideRowsOp : Exec_Call<"override_rows", 1, 0, ["Indices"]> {
  let arguments = (ins Exec_Tensor:$y, Exec_Tensor:$x, Exec_Tensor:$ids, Exec_Tensor:$rows, DenseI32ArrayAttr:$indices);
}
def Exec_OverrideRowsGradOp : Exec_Call<"override_rows_grad", 1, 0, ["Indices"]> {
  let arguments = (ins Exec_Tensor:$dx, Exec_Tensor:$dy, Exec_Tensor:$ids, DenseI32ArrayAttr:$indices);
}
def Exec_OverrideRowsWeightGradOp : Exec_Call<"override_rows_weight_grad", 1, 1, ["Indices"], 1> {
  let arguments = (ins Exec_Tensor:$sum, Exec_Tensor:$dy, Exec_Tensor:$ids, DenseI32ArrayAttr:$indices);
}

def Exec_OverrideColumnsOp : Exec_Call<"override_columns", 1, 0, ["Indices"]> {
  let arguments = (ins Exec_Tensor:$y, Exec_Tensor:$x, Exec_Tensor:$columns, DenseI32ArrayAttr:$indices);
}
def Exec_OverrideColumnsGradOp : Exec_Call<"override_columns_grad", 1, 0, ["Indices"]> {
  let arguments = (ins Exec_Tensor:$dx, Exec_Tensor:$dy, DenseI32ArrayAttr:$indices);
}
def Exec_SelectColumnsOp : Exec_Call<"select_columns", 1, 0, ["Indices"]> {
  let arguments = (ins Exec_Tensor:$y, Exec_Tensor:$x, DenseI32ArrayAttr:$indices);
}

def Exec_RMSNormOp : Exec_Call<"rms_norm", 1, 0, ["Eps"]> {
  let arguments = (ins Exec_Matrix:$y, Exec_Matrix:$x, Exec_Tensor:$w, F64Attr:$eps);
}
def Exec_RMSNormGradOp : Exec_Call<"rms_norm_grad", 1, 0, ["Eps"]> {
  let arguments = (ins Exec_Matrix:$dx, Exec_Matrix:$dy, Exec_Matrix:$x, Exec_Tensor:$w, Optional<Exec_Matrix>:$residual, F64Attr:$eps);
  let extraClassDeclaration = methods # [{ bool lacksOptionalOperand() { return !getResidual(); } }];
}
def Exec_RMSNormWeightGradOp : Exec_Call<"rms_norm_weight_grad", 1, 1, ["Eps"], 1> {
  let arguments = (ins Exec_Tensor:$sum, Exec_Matrix:$dy, Exec_Matrix:$x, F64Attr:$eps);
}
def Exec_RopeOp : Exec_Call<"rope", 1, 0, ["InvFreq", "HeadDim", "Scale", "Inverse"]> {
  let arguments = (ins Exec_Matrix:$y, Exec_Matrix:$x, Exec_Tensor:$positions, DenseF32ArrayAttr:$inv_freq, Exec_Count:$head_dim,
                       F64Attr:$scale, BoolAttr:$inverse);
}
def Exec_AttentionOp : Exec_Call<"attention", 2, 0, ["HeadDim", "Scale", "Window"]> {
  let arguments = (ins Exec_Matrix:$o, Exec_Tensor:$lse, Exec_Matrix:$q, Exec_Matrix:$k, Exec_Matrix:$v, Exec_Tensor:$segments,
                       Exec_Count:$head_dim, F64Attr:$scale, I64Attr:$window);
}
def Exec_AttentionGradOp : Exec_Call<"attention_grad", 3, 0, ["HeadDim", "Scale", "Window"]> {
  let arguments = (ins Exec_Matrix:$dq, Exec_Matrix:$dk, Exec_Matrix:$dv, Exec_Matrix:$dout, Exec_Matrix:$q, Exec_Matrix:$k,
                       Exec_Matrix:$v, Exec_Matrix:$o, Exec_Tensor:$lse, Exec_Tensor:$segments,
                       Exec_Count:$head_dim, F64Attr:$scale, I64Attr:$window);
}

def Exec_ShiftLabelsOp : Exec_Call<"shift_labels", 1, -1> {
  let arguments = (ins Exec_Tensor:$targets, Exec_Tensor:$labels, Exec_Tensor:$segments);
}
def Exec_CrossEntropyOp : Exec_Call<"cross_entropy", 2, 2, [], 1> {
  let arguments = (ins Exec_Tensor:$sum, Exec_Tensor:$lse, Exec_Tensor:$logits, Exec_Tensor:$targets);
}
def Exec_CrossEntropyGradOp : Exec_Call<"cross_entropy_grad", 1> {
  let arguments = (ins Exec_Tensor:$dlogits, Exec_Tensor:$logits, Exec_Tensor:$lse, Exec_Tensor:$targets, F32:$scale);
}
def Exec_CrossEntropyWithGradOp : Exec_Call<"cross_entropy_with_grad", 2, 1, [], 1> {
  let arguments = (ins Exec_Tensor:$sum, Exec_Tensor:$dlogits, Exec_Tensor:$logits, Exec_Tensor:$targets, F32:$scale);
}

def Exec_LabelledRowsOp : Exec_Call<"labelled_rows", 2, -1> {
  let arguments = (ins Exec_Tensor:$rows, Exec_Tensor:$count, Exec_Tensor:$targets);
}
def Exec_GatherRowsOp : Exec_Call<"gather_rows", 1> {
  let arguments = (ins Exec_Tensor:$y, Exec_Tensor:$x, Exec_Tensor:$rows, Exec_Tensor:$count, I64:$chunk);
}
def Exec_GatherTargetsOp : Exec_Call<"gather_targets", 1, -1> {
  let arguments = (ins Exec_Tensor:$y, Exec_Tensor:$targets, Exec_Tensor:$rows, Exec_Tensor:$count, I64:$chunk);
}
def Exec_ScatterRowsOp : Exec_Call<"scatter_rows", 1, 0, [], 1> {
  let arguments = (ins Exec_Tensor:$y, Exec_Tensor:$x, Exec_Tensor:$rows, Exec_Tensor:$count, I64:$chunk);
}
def Exec_SelectRowsOp : Exec_Call<"select_rows", 1> { let arguments = (ins Exec_Tensor:$y, Exec_Tensor:$x, Exec_Tensor:$rows); }

def Exec_SoftPromptOp : Exec_Call<"soft_prompt", 1> { let arguments = (ins Exec_Tensor:$y, Exec_Tensor:$x, Exec_Tensor:$prompt); }
def Exec_SoftPromptGradOp : Exec_Call<"soft_prompt_grad", 1> { let arguments = (ins Exec_Tensor:$dx, Exec_Tensor:$dy); }
def Exec_SoftPromptWeightGradOp : Exec_Call<"soft_prompt_weight_grad", 1, 1, [], 1> {
  let arguments = (ins Exec_Tensor:$sum, Exec_Tensor:$dy);
}
def Exec_PrependOp : Exec_Call<"prepend", 1, -1, ["Value", "Positions"]> {
  let arguments = (ins Exec_Tensor:$y, Exec_Tensor:$x, I32Attr:$value, BoolAttr:$positions);
}

def Exec_DropoutOp : Exec_Call<"dropout", 1, 0, ["P", "Salt"]> {
  let arguments = (ins Exec_Matrix:$y, Exec_Matrix:$x, I64:$seed, F64Attr:$p, I32Attr:$salt);
}
def Exec_DequantizeNF4Op : Exec_Call<"dequantize_nf4", 1, 0, ["Block", "Nested"]> {
  let arguments = (ins Exec_Tensor:$y, Exec_Tensor:$bytes, I64Attr:$block, I64Attr:$nested);
}
def Exec_CopyOp : Exec_Call<"copy", 1> {
  let arguments = (ins Exec_Tensor:$y, Exec_Tensor:$x);
  let hasCanonicalizeMethod = 1;
}
def Exec_ZeroOp : Exec_Call<"zero", 1> { let arguments = (ins Exec_Matrix:$y); }

def Exec_OffloadOp : Exec_Call<"offload", 1, 1> { let arguments = (ins Exec_Tensor:$host, Exec_Matrix:$x); }
def Exec_FetchOp : Exec_Call<"fetch", 1> { let arguments = (ins Exec_Matrix:$y, Exec_Tensor:$host); }
def Exec_AwaitOp : Exec_Call<"await", 1, 0, [], 1> { let arguments = (ins Exec_Matrix:$x); }

def Exec_FillBordersOp : Exec_Op<"fill_borders", [RuntimeCallOpInterface]> {
  let summary = "Trainable matrices as products read them, beside and below frozen ones: peft::rt::fill_borders";
  let description = [{
    ```mlir
    exec.fill_borders [#exec.border<@q_proj.lora_B to @q_proj[0, 64] scale 2.0 : f64>] : bf16
    ```
  }];
  let arguments = (ins ArrayAttr:$borders, TypeAttr:$element);
  let assemblyFormat = "$borders attr-dict `:` $element";
  let extraClassDeclaration = [{
    unsigned getNumOutputs() { return 0; }
    int getElementTypeOperand() { return -1; }
    ::llvm::SmallVector<::mlir::Attribute> getCallAttributes() { return {getBordersAttr()}; }
  }];
}

def Exec_ClipNormOp : Exec_Call<"clip_norm", 2, -1> { let arguments = (ins Exec_Tensor:$norm, Exec_Tensor:$gradients, AnyType:$update); }
def Exec_AdamWOp : Exec_Call<"adamw", 4, -1> {
  let arguments = (ins Exec_Tensor:$parameters, Exec_Tensor:$gradients, Exec_Tensor:$m, Exec_Tensor:$v, AnyType:$update);
}
def Exec_SGDOp : Exec_Call<"sgd", 3, -1> {
  let arguments = (ins Exec_Tensor:$parameters, Exec_Tensor:$gradients, Exec_Tensor:$momentum, AnyType:$update);
}

} // OpGroupCalls

#endif // PEFT_EXEC_OPS_TD
