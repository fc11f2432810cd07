//===- TrainOps.td - the training step as IR ---------------*- tablegen -*-===//
#ifndef PEFT_TRAIN_OPS_TD
#define PEFT_TRAIN_OPS_TD

include "dialects/NN/NNDialect.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"

def Train_Dialect : Dialect {
  let name = "train";
  let cppNamespace = "::peft::train";
  let summary = "Gradients, optimizers, and the shapes that fusion gives to a step";
  let description = [{
    The training level. A module holds the entry functions
    - `@micro_step`: forward, backward, `train.accumulate` of every gradient; the loss,
    - `@update`: clip, step the optimizer, zero the gradients; the norm,
    - `@evaluate`: the loss, nothing kept,
    - `@forward`: the logits of one position a row, for generation.
  }];
}

class Train_Op<string mnemonic, list<Trait> traits = []> : Op<Train_Dialect, mnemonic, traits>;

def Train_AccumulateOp : Train_Op<"accumulate", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Adds to the gradient of a trainable parameter";
  let description = [{
    ```mlir
    train.accumulate @"base_model.model.lm_head.lora_A.weight", %dA : tensor<4x64xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$parameter, NN_F32:$gradient);
  let assemblyFormat = "$parameter `,` $gradient attr-dict `:` type($gradient)";
}

def Train_YieldOp : Train_Op<"yield", [Pure, Terminator, ReturnLike,
                                       ParentOneOf<["ElementwiseOp", "ChunkRowsOp"]>]> {
  let summary = "The results of a region";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Train_ElementwiseOp : Train_Op<"elementwise", [Pure, SingleBlock,
                                                   IsolatedFromAbove]> {
  let summary = "One pass over its operands: a scalar function applied to every element";
  let description = [{
    What fusion makes of pointwise ops. The region works on f32 scalars whatever the
    tensors hold; loads widen and stores round. It yields a scalar for each result;
    all results have one type.

    ```mlir
    %h = train.elementwise(%gate, %up : tensor<8x112xf32>, tensor<8x112xf32>) {
    ^bb0(%a: f32, %b: f32):
      %s = nn.activation silu %a : f32
      %p = arith.mulf %s, %b : f32
      train.yield %p : f32
    } -> tensor<8x112xf32>
    ```
  }];
  let arguments = (ins Variadic<NN_AnyFloat>:$inputs);
  let results = (outs Variadic<NN_AnyFloat>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "`(` $inputs `:` type($inputs) `)` $body `->` type($results) attr-dict";
  let hasFolder = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Of every result.
    ::mlir::RankedTensorType getResultType() { return ::llvm::cast<::mlir::RankedTensorType>(getResultTypes().front()); }
    ::mlir::OperandRange getYielded() { return getBody().front().getTerminator()->getOperands(); }
  }];
}

def Train_ChunkRowsOp : Train_Op<"chunk_rows", [SingleBlock, RecursiveMemoryEffects]> {
  let summary = "Runs its region over the rows that have a target, a few at a time";
  let description = [{
    The rows i with `targets[i] != -100` are taken `chunk` at a time (the last chunk
    is filled with zero rows whose target is -100); chunks beyond the last are
    skipped. A block argument is the chunk's rows of one row operand. A yielded
    value either has the chunk's rows, and goes to those rows of the result (others
    are 0), or is a sum over rows (`sums`), and is added up over the chunks.
    Weights are used from outside. So logits exist for one chunk only.
  }];
  let arguments = (ins NN_Ints:$targets, Variadic<NN_Stored>:$rows, NN_Count:$chunk, DenseBoolArrayAttr:$sums);
  let results = (outs Variadic<NN_Stored>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `of` $targets `rows` `(` $rows `)` `chunk` `(` $chunk `)` `sums` `(` $sums `)` $body attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

/// In the host's memory: only train.offload makes one, only train.fetch reads it.
def Train_HostTensor : RankedTensorOf<[F32, BF16], [NN_PositiveExtents, CPred<
  "::llvm::isa_and_nonnull<::mlir::StringAttr>(::llvm::cast<::mlir::RankedTensorType>($_self).getEncoding()) && "
  "::llvm::cast<::mlir::StringAttr>(::llvm::cast<::mlir::RankedTensorType>($_self).getEncoding()).getValue() == \"host\"">],
  "tensor in the host's memory, with the encoding \"host\"">;

def Train_OffloadOp : Train_Op<"offload"> {
  let summary = "Begins to copy a value to the host's memory";
  let description = [{
    `x` is read until `train.await` of it.

    ```mlir
    %h = train.offload %x : tensor<8x64xbf16> -> tensor<8x64xbf16, "host">
    ...
    train.await %x : tensor<8x64xbf16>             // %x may be forgotten
    ...
    %y = train.fetch %h : tensor<8x64xbf16, "host"> -> tensor<8x64xbf16>
    ...
    %x2 = train.await %y : tensor<8x64xbf16>       // has the values of %x
    ```
  }];
  let arguments = (ins NN_AnyFloat:$x);
  let results = (outs Train_HostTensor:$host);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($host)";
  let hasVerifier = 1;
}

def Train_FetchOp : Train_Op<"fetch"> {
  let summary = "Begins to copy a value back from the host's memory; `train.await` gives it";
  let arguments = (ins Train_HostTensor:$host);
  let results = (outs NN_AnyFloat:$y);
  let assemblyFormat = "$host attr-dict `:` type($host) `->` type($y)";
  let hasVerifier = 1;
}

def Train_AwaitOp : Train_Op<"await", [SameOperandsAndResultType]> {
  let summary = "The same value, once the copy from or to it has ended";
  let arguments = (ins NN_AnyFloat:$x);
  let results = (outs NN_AnyFloat:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

def Train_ClipNormOp : Train_Op<"clip_norm"> {
  let summary = "Scales all gradients to a norm of at most max_grad_norm; the norm before that";
  let description = [{ torch.nn.utils.clip_grad_norm_ over every trainable parameter. }];
  let results = (outs NN_F32:$norm);
  let assemblyFormat = "attr-dict `:` type($norm)";
}

def Train_AdamWOp : Train_Op<"adamw"> {
  let summary = "One step of AdamW on every trainable parameter; gradients become 0";
  let description = [{
    torch.optim.AdamW (arXiv 1711.05101): decay first, eps after bias correction.
    Two slots of state. Learning rate, betas, eps and decay are scalars of the call.
  }];
  let assemblyFormat = "attr-dict";
}

def Train_SGDOp : Train_Op<"sgd"> {
  let summary = "One step of SGD with momentum on every trainable parameter; gradients become 0";
  let description = [{ torch.optim.SGD: the buffer starts as the first gradient. One slot of state. }];
  let assemblyFormat = "attr-dict";
}

#endif // PEFT_TRAIN_OPS_TD
