//===- Passes.td - fewer passes over memory ----------------*- tablegen -*-===//
#ifndef PEFT_PASSES_FUSE_TD
#define PEFT_PASSES_FUSE_TD

include "mlir/Pass/PassBase.td"

def ChunkHeadPass : Pass<"peft-chunk-head", "mlir::ModuleOp"> {
  let summary = "Runs the head and its loss on a few labelled rows at a time";
  let description = [{
    In a function with an `nn.cross_entropy`, every op that reads or makes a tensor of
    the logits' shape goes into one `train.chunk_rows`: projection, adapter of the
    head, softmax and its gradient, the product back to the hidden states, gradients
    of the head's weights. So the whole logits never exist, rows without a label cost
    nothing, and their number decides at run time how many chunks run.

    ```mlir
    %logits = nn.linear %h, %w : (tensor<4x256x64xf32>, tensor<999x64xf32>) -> tensor<4x256x999xf32>
    %loss, %lse = nn.cross_entropy %logits, %targets : ...
    ```
    becomes
    ```mlir
    %loss = train.chunk_rows of %targets rows(%h, %targets) chunk(256) sums([true]) {
    ^bb0(%hc: tensor<256x64xf32>, %tc: tensor<256xi32>):
      %logits = nn.linear %hc, %w : (tensor<256x64xf32>, tensor<999x64xf32>) -> tensor<256x999xf32>
      ...
    ```

    Refuses, leaving the function as it is, where one of these ops does not work row
    by row.
  }];
  let options = [Option<"chunk", "chunk", "int64_t", "256", "rows at a time">];
  let dependentDialects = ["peft::train::TrainDialect"];
}

def FuseLinearAddPass : Pass<"peft-fuse-linear-add", "mlir::ModuleOp"> {
  let summary = "Sums of matrix products become products that add to what is there";
  let description = [{
    a + linear(x, w) -> linear_add(a, x, w), where neither has another reader. The
    cotangent of a value that several linears read is then one buffer.

    linear_add(linear(x, w), s, b) -> linear_add(linear(s, b), x, w), where `s` has fewer
    columns than `x`: the adapter's product is written first, and the layer's adds to it.

    The same with `peft.quantized_linear`, which becomes `peft.quantized_linear_add`.
  }];
  let dependentDialects = ["peft::nn::NNDialect", "peft::adapter::PeftDialect"];
}

def FuseElementwisePass : Pass<"peft-fuse-elementwise", "mlir::ModuleOp"> {
  let summary = "Trees of pointwise ops become one pass over their leaves";
  let description = [{
    A pointwise op takes in the pointwise ops that only it reads; what comes out is a
    `train.elementwise` with a scalar body. Does not merge trees that share leaves but
    have different results.
  }];
  let dependentDialects = ["peft::train::TrainDialect", "mlir::arith::ArithDialect"];
}

#endif // PEFT_PASSES_FUSE_TD
