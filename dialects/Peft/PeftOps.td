//===- PeftOps.td - ops of the peft dialect ----------------*- tablegen -*-===//
#ifndef PEFT_PEFT_OPS_TD
#define PEFT_PEFT_OPS_TD

include "dialects/NN/NNDialect.td"
include "dialects/Peft/PeftDialect.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "peft/Interfaces/Differentiable.td"

class Peft_Op<string mnemonic, list<Trait> traits = []>
    : Op<Peft_Dialect, mnemonic, traits # [Pure, InferTypeOpAdaptor]>;

//===----------------------------------------------------------------------===//
// Adapters: gone after peft-decompose-adapters
//===----------------------------------------------------------------------===//

def OpGroupAdapters : OpDocGroup { let summary = "Adapter nodes"; string description = ""; }
let opDocGroup = OpGroupAdapters in {

def Peft_LoraOp : Peft_Op<"lora", [AttrSizedOperandSegments]> {
  let summary = "`base + scale * (B (A (dropout x)) + bias)`";
  let description = [{
    The low-rank update of a linear layer (arXiv 2106.09685; peft/tuners/lora/layer.py).
    `a` is [r, in], `b` [out, r], `bias` (lora_bias) [out] and scaled like the rest.

    ```mlir
    %z = peft.lora %y, %x, %a, %b scale(2.0) : (tensor<2x8x64xf32>, tensor<2x8x64xf32>, tensor<4x64xf32>, tensor<64x4xf32>) -> tensor<2x8x64xf32>
    ```
  }];
  let arguments = (ins NN_Float:$base, NN_Float:$x, NN_Float:$a, NN_Float:$b, Optional<NN_Float>:$bias,
                       Optional<I64>:$seed, F64Attr:$scale, DefaultValuedAttr<F64Attr, "0.0">:$dropout,
                       DefaultValuedAttr<I32Attr, "0">:$salt);
  let results = (outs NN_Float:$result);
  let assemblyFormat = [{
    $base `,` $x `,` $a `,` $b (`bias` $bias^)? (`seed` $seed^)? `scale` `(` $scale `)` attr-dict
    `:` functional-type(operands, results)
  }];
}

def Peft_LoraEmbeddingOp : Peft_Op<"lora_embedding"> {
  let summary = "`base + scale * Aᵀ[ids] Bᵀ`: the LoRA of an embedding";
  let description = [{ `a` is [r, vocab], `b` [width, r], as PEFT stores lora_embedding_A and _B. }];
  let arguments = (ins NN_Float:$base, NN_Ints:$ids, NN_Float:$a, NN_Float:$b, F64Attr:$scale);
  let results = (outs NN_Float:$result);
  let assemblyFormat = [{
    $base `,` $ids `,` $a `,` $b `scale` `(` $scale `)` attr-dict `:` functional-type(operands, results)
  }];
}

def Peft_BottleneckOp : Peft_Op<"bottleneck"> {
  let summary = "`h + scale * up(f(down(x)))`: AdapterHub's bottleneck (Pfeiffer)";
  let description = [{
    `h` is the branch to which the adapter's output is added, `x` what it reads
    (h + residual when original_ln_before). down [width, hidden], up [hidden, width].
  }];
  let arguments = (ins NN_Float:$h, NN_Float:$x, NN_Float:$down, NN_Float:$down_bias, NN_Float:$up,
                       NN_Float:$up_bias, NN_ActivationKindAttr:$kind, DefaultValuedAttr<F64Attr, "1.0">:$scale);
  let results = (outs NN_Float:$result);
  let assemblyFormat = [{
    `` $kind $h `,` $x `,` $down `,` $down_bias `,` $up `,` $up_bias attr-dict `:` functional-type(operands, results)
  }];
}

def Peft_SoftPromptOp : Peft_Op<"soft_prompt", [DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "Virtual tokens in front of every row: `y[b] = concat(prompt, x[b])`";
  let arguments = (ins NN_Float:$x, NN_Float:$prompt);
  let results = (outs NN_Float:$result);
  let assemblyFormat = "$x `,` $prompt attr-dict `:` functional-type(operands, results)";
}

def Peft_OverrideRowsOp : Peft_Op<"override_rows", [CheapToRecompute, DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "Rows of an embedding's result replaced by trained ones (trainable_token_indices)";
  let description = [{ `y[i, :] = rows[j, :]` where `ids[i] == indices[j]`, else `x[i, :]`. }];
  let arguments = (ins NN_Float:$x, NN_Ints:$ids, NN_Float:$rows, DenseI32ArrayAttr:$indices);
  let results = (outs NN_Float:$result);
  let assemblyFormat = "$x `,` $ids `,` $rows attr-dict `:` functional-type(operands, results)";
}

def Peft_OverrideColumnsOp : Peft_Op<"override_columns", [DeclareOpInterfaceMethods<DifferentiableOpInterface>,
                                                          DeclareOpInterfaceMethods<RowwiseOpInterface>]> {
  let summary = "Columns of the logits replaced: trainable_token_indices where the head shares the embedding's table";
  let description = [{
    `y[i, indices[j]] = columns[i, j]`, elsewhere `x[i, :]`. With `columns = rows xᵀ` these are the logits of a
    head whose table has the trained rows in it, and the table itself stays as it is.

    ```mlir
    %z = peft.override_columns %y, %c {indices = array<i32: 7, 2>} : (tensor<2x8x9xf32>, tensor<2x8x2xf32>) -> tensor<2x8x9xf32>
    ```
  }];
  let arguments = (ins NN_Float:$x, NN_Float:$columns, DenseI32ArrayAttr:$indices);
  let results = (outs NN_Float:$result);
  let assemblyFormat = "$x `,` $columns attr-dict `:` functional-type(operands, results)";
}

def Peft_EmbeddingColumnsOp : Peft_Op<"embedding_columns", [CheapToRecompute, DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "Columns of a table: `y[i, :] = table[:, ids[i]]`";
  let description = [{ PEFT stores lora_embedding_A as [r, vocab]; what one token reads of it is a column. }];
  let arguments = (ins NN_Ints:$ids, NN_Float:$table);
  let results = (outs NN_Float:$result);
  let assemblyFormat = "$ids `,` $table attr-dict `:` functional-type(operands, results)";
}

} // OpGroupAdapters

//===----------------------------------------------------------------------===//
// Quantized weights
//===----------------------------------------------------------------------===//

def OpGroupQuantized : OpDocGroup { let summary = "Quantized frozen weights"; string description = ""; }
let opDocGroup = OpGroupQuantized in {

def Peft_DequantizeOp : Peft_Op<"dequantize", [CheapToRecompute]> {
  let summary = "The dense values of an encoded weight";
  let arguments = (ins NN_Stored:$encoded);
  let results = (outs NN_Float:$result);
  let assemblyFormat = "$encoded attr-dict `:` functional-type(operands, results)";
}

def Peft_QuantizedLinearOp : Peft_Op<"quantized_linear", [DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "A linear layer of an encoded weight, in one op";
  let description = [{
    With `#peft.nf4` it is `nn.linear(x, peft.dequantize(w))`. With `#peft.fp8` the rows of x are quantized as well,
    by their largest magnitude, and the product is one of codes, summed in float32:

    ```
    amax[i] = max(|x[i, :]|, 2^-100)     q[i, c] = e4m3(x[i, c] * (448 / amax[i]))     s[i] = amax[i] / 448
    y[i, o] = alpha * s[i] * sw[o] * sum_c q[i, c] * qw[o, c] + bias[o]
    ```

    where qw and sw are the codes and scales of the weight's copy with these rows: the transposed one when
    `transposed`. Its dX is the same op with the other copy: quantizing counts as the identity.

    ```mlir
    %y = peft.quantized_linear %x, %w : (tensor<2x8x64xbf16>, tensor<48x64xbf16, #peft.fp8>) -> tensor<2x8x48xbf16>
    ```
  }];
  let arguments = (ins NN_Float:$x, NN_Stored:$weight, Optional<NN_Float>:$bias, UnitAttr:$transposed,
                       DefaultValuedAttr<F64Attr, "1.0">:$alpha);
  let results = (outs NN_Float:$result);
  let assemblyFormat = [{
    $x `,` $weight (`bias` $bias^)? (`transposed` $transposed^)? attr-dict `:` functional-type(operands, results)
  }];
}

def Peft_QuantizedLinearAddOp : Peft_Op<"quantized_linear_add"> {
  let summary = "`acc + peft.quantized_linear(x, w)`: the product adds to what is there";
  let arguments = (ins NN_Float:$acc, NN_Float:$x, NN_Stored:$weight, UnitAttr:$transposed,
                       DefaultValuedAttr<F64Attr, "1.0">:$alpha);
  let results = (outs NN_Float:$result);
  let assemblyFormat = [{
    $acc `,` $x `,` $weight (`transposed` $transposed^)? attr-dict `:` functional-type(operands, results)
  }];
}

} // OpGroupQuantized

//===----------------------------------------------------------------------===//
// Gradients
//===----------------------------------------------------------------------===//

def OpGroupPeftGradients : OpDocGroup { let summary = "What vector-Jacobian products are made of"; string description = ""; }
let opDocGroup = OpGroupPeftGradients in {

def Peft_SoftPromptGradOp : Peft_Op<"soft_prompt_grad"> {
  let summary = "dx of soft_prompt: the rows behind the prompt";
  let arguments = (ins NN_Float:$dy, NN_Count:$count);
  let results = (outs NN_Float:$result);
  let assemblyFormat = "$dy attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Peft_SoftPromptWeightGradOp : Peft_Op<"soft_prompt_weight_grad"> {
  let summary = "The prompt's gradient, summed over the batch, float32";
  let arguments = (ins NN_Float:$dy, NN_Count:$count);
  let results = (outs NN_F32:$result);
  let assemblyFormat = "$dy attr-dict `:` functional-type(operands, results)";
}

def Peft_OverrideRowsGradOp : Peft_Op<"override_rows_grad"> {
  let summary = "dx of override_rows: dy, but 0 in the replaced rows";
  let arguments = (ins NN_Float:$dy, NN_Ints:$ids, DenseI32ArrayAttr:$indices);
  let results = (outs NN_Float:$result);
  let assemblyFormat = "$dy `,` $ids attr-dict `:` functional-type(operands, results)";
}

def Peft_OverrideRowsWeightGradOp : Peft_Op<"override_rows_weight_grad"> {
  let summary = "The rows' gradient, float32";
  let arguments = (ins NN_Float:$dy, NN_Ints:$ids, DenseI32ArrayAttr:$indices);
  let results = (outs NN_F32:$result);
  let assemblyFormat = "$dy `,` $ids attr-dict `:` functional-type(operands, results)";
}

def Peft_OverrideColumnsGradOp : Peft_Op<"override_columns_grad", [DeclareOpInterfaceMethods<RowwiseOpInterface>]> {
  let summary = "dx of override_columns: dy, but 0 in the replaced columns";
  let arguments = (ins NN_Float:$dy, DenseI32ArrayAttr:$indices);
  let results = (outs NN_Float:$result);
  let assemblyFormat = "$dy attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Peft_SelectColumnsOp : Peft_Op<"select_columns", [DeclareOpInterfaceMethods<RowwiseOpInterface>]> {
  let summary = "`y[i, j] = x[i, indices[j]]`: what override_columns put there, of its dy";
  let arguments = (ins NN_Float:$x, DenseI32ArrayAttr:$indices);
  let results = (outs NN_Float:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Peft_EmbeddingColumnsWeightGradOp : Peft_Op<"embedding_columns_weight_grad"> {
  let summary = "`dtable[:, ids[i]] += dy[i, :]`, float32";
  let arguments = (ins NN_Float:$dy, NN_Ints:$ids, NN_Count:$vocab);
  let results = (outs NN_F32:$result);
  let assemblyFormat = "$dy `,` $ids attr-dict `:` functional-type(operands, results)";
}

} // OpGroupPeftGradients

#endif // PEFT_PEFT_OPS_TD
