//===- Passes.td - from an imported model to an adapted one -*- tablegen -*-===//
#ifndef PEFT_ADAPT_PASSES_TD
#define PEFT_ADAPT_PASSES_TD

include "mlir/Pass/PassBase.td"

class AdaptPass<string flag> : Pass<flag, "::mlir::ModuleOp"> {
  let dependentDialects = ["::peft::nn::NNDialect", "::peft::adapter::PeftDialect", "::mlir::arith::ArithDialect"];
}

def ApplyRecipePass : AdaptPass<"peft-apply-recipe"> {
  let summary = "Writes on each op and parameter what a recipe wants of it";
  let description = [{
    Reads a recipe (an adapter_config.json, or flags), matches it against the module
    names of the model, and leaves marks for the passes behind: `peft.lora` on
    `nn.linear` and `nn.embedding`, `peft.trainable_tokens` on `nn.embedding` and the head,
    `peft.bottleneck` on `nn.residual`, `peft.soft_prompt` on functions, `peft.train`
    (the name to be trained under) on parameters, and on the module
    `peft.modules_to_save`, `peft.quantize` and `peft.recipe`, the text of the
    adapter_config.json to be saved. The graph itself stays as it is.

    ```mlir
    %0 = nn.linear %x, %w module("model.layers.0.self_attn.q_proj") : …
    // peft-apply-recipe{lora=r=4,alpha=8,targets=q_proj}
    %0 = nn.linear %x, %w module("model.layers.0.self_attn.q_proj")
           {peft.lora = #peft.lora<r = 4, scale = 2.0 : f64, dropout = 0.0 : f64, bias = false, init = "default">} : …
    ```
  }];
  let options = [
    Option<"recipe", "recipe", "std::string", /*default=*/"", "adapter_config.json or its folder">,
    Option<"lora", "lora", "std::string", /*default=*/"", "r=16,alpha=32,targets=all-linear">,
    Option<"promptTuning", "prompt-tuning", "std::string", /*default=*/"", "tokens=8">,
    Option<"bottleneck", "bottleneck", "std::string", /*default=*/"", "reduction=16,activation=relu">,
    Option<"method", "method", "std::string", /*default=*/"", "full, bias or regex:PATTERN">,
    Option<"quantize", "quantize", "std::string", /*default=*/"", "nf4, nf4,double, fp8 or none">
  ];
}

def SaveModulesPass : AdaptPass<"peft-save-modules"> {
  let summary = "Gives each of modules_to_save parameters of its own";
  let description = [{
    A trained copy `base_model.model.MODULE.…`, first read from the checkpoint's
    tensor. Only that module's uses are redirected: where lm_head and the embedding
    share a table, the other side stays on the base's.
  }];
}

def InsertLoraPass : AdaptPass<"peft-insert-lora"> {
  let summary = "Adds `peft.lora` behind each op marked with peft.lora";
  let description = [{
    ```mlir
    %y = nn.linear %x, %w {peft.lora = …}
    // becomes
    %y = nn.linear %x, %w
    %a = nn.get @"base_model.model.MODULE.lora_A.weight"
    %b = nn.get @"base_model.model.MODULE.lora_B.weight"
    %z = peft.lora %y, %x, %a, %b scale(…)
    ```
    An embedding gets `peft.lora_embedding` with lora_embedding_A and _B. Parameters
    are float32, cast where the model computes in bf16. The dropout's salt is
    another at each place.
  }];
}

def InsertTrainableTokensPass : AdaptPass<"peft-insert-trainable-tokens"> {
  let summary = "Own rows for some tokens, at embeddings marked with peft.trainable_tokens";
  let description = [{
    The embedding gets `peft.override_rows`, and a head that reads the same table gets the logits of the new rows:

    ```mlir
    %x = nn.embedding %ids, %table module("MODULE") {peft.trainable_tokens = array<i32: 7, 2>}
    %y = nn.linear %h, %table
    // becomes
    %rows = nn.get @"base_model.model.MODULE.token_adapter.trainable_tokens_delta"
    %x = nn.embedding %ids, %table module("MODULE")
    %xs = peft.override_rows %x, %ids, %rows {indices = array<i32: 7, 2>}
    %c = nn.linear %h, %rows
    %y = nn.linear %h, %table
    %ys = peft.override_columns %y, %c {indices = array<i32: 7, 2>}
    ```

    The rows start as copies of the table's own. A head that is marked itself gets rows of its own.
  }];
}

def InsertBottleneckPass : AdaptPass<"peft-insert-bottleneck"> {
  let summary = "Adds `peft.bottleneck` in front of each residual marked with peft.bottleneck";
  let description = [{
    ```mlir
    %y = nn.residual %x, %h {peft.bottleneck = …}
    // becomes
    %t = nn.residual %x, %h
    %z = peft.bottleneck %h, %t, …
    %y = nn.residual %x, %z
    ```
  }];
}

def InsertSoftPromptPass : AdaptPass<"peft-insert-soft-prompt"> {
  let summary = "Puts virtual tokens in front of every row of functions marked with peft.soft_prompt";
  let description = [{
    The embedding's result gets `peft.soft_prompt`; labels, positions and segments
    get `nn.prepend` (-100, 0 … n - 1, and segment 1); every type behind them is
    inferred again. The module's `nn.virtual_tokens` says how many there are. Rows
    that pack several documents would show the prompt to the first alone.
  }];
}

def QuantizeBasePass : AdaptPass<"peft-quantize-base"> {
  let summary = "Encodes the frozen weights of linears, but for the output head";
  let description = [{
    A weight marked with peft.train, or read by anything but a linear, stays dense. The encoding is that of the
    module's mark peft.quantize; a weight that it can't hold is an error that names it.

    ```mlir
    %w = nn.get @w : tensor<64x64xf32, #peft.nf4<block = 64, nested = 0>>
    %d = peft.dequantize %w
    %y = nn.linear %x, %d
    ```
  }];
}

def FreezePass : AdaptPass<"peft-freeze"> {
  let summary = "Freezes every parameter but those marked with peft.train";
  let description = [{
    A marked one becomes `trainable`, float32 (cast where the model computes in
    bf16), and is named by the mark. Adapters, modules_to_save, full fine-tuning,
    BitFit and regular expressions over names all go through here.
  }];
}

def FuseQuantizedLinearPass : AdaptPass<"peft-fuse-quantized-linear"> {
  let summary = "nn.linear(x, peft.dequantize(w)) -> peft.quantized_linear(x, w)";
  let description = [{
    For `#peft.nf4` the two say the same. For `#peft.fp8` the product then quantizes the rows of x too: with the
    mark peft.quantize, that is what was asked for.
  }];
}

def DecomposeAdaptersPass : AdaptPass<"peft-decompose-adapters"> {
  let summary = "Adapter nodes to the ops that they are made of";
  let description = [{
    ```
    lora(y, x, a, b, s)            = linear_add(y, linear(dropout x, a), b; alpha = s)
    lora with a bias c             = y + s * linear(linear(dropout x, a), b, c)
    lora_embedding(y, ids, a, b, s) = linear_add(y, embedding_columns(ids, a), b; alpha = s)
    bottleneck(h, x, …, s)         = h + s * linear(f(linear(x, down, c)), up, d)
    ```
  }];
}

def VerifyAdaptedPass : AdaptPass<"peft-verify-adapted"> {
  let summary = "Fails on what no pass behind `adapt` can take";
  let description = [{
    Names the op at fault and the pass that should have removed it: adapter nodes, marks of a
    recipe, a trainable parameter that nothing reads, a module that trains nothing.
  }];
}

#endif // PEFT_ADAPT_PASSES_TD
