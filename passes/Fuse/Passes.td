//===- Passes.td - fewer passes over memory ----------------*- tablegen -*-===//
#ifndef PEFT_PASSES_FUSE_TD
#define PEFT_PASSES_FUSE_TD

include "mlir/Pass/PassBase.td"

def GroupLinearsPass : Pass<"peft-group-linears", "mlir::ModuleOp"> {
  let summary = "Products that read one value become one product";
  let description = [{
    linear(x, a), linear(x, b) -> split_columns(linear(x, stack of a and b))

    for trainable a and b, where only products read the results: LoRA's A of q, k and v,
    of gate and up. x is then read once where each product read it, also for the gradients
    of a and b, and their part of dx is one product, whose cost is a pass over dx. It
    comes first, so that the layers' own products add to it; for that the other linears
    that read x move before the group.

    With `frozen` the same of frozen weights that are dense: q, k and v are one product, gate
    and up another, and what reads them reads columns. The weights then lie one behind the
    other, in a copy where they are mapped otherwise.

    ```mlir
    %q = nn.linear %x, %wq module("q_proj") : ...
    %sq = nn.linear %x, %aq : (tensor<8x64xf32>, tensor<4x64xf32>) -> tensor<8x4xf32>
    %q2 = nn.linear_add %q, %sq, %bq : ...
    %v = nn.linear %x, %wv module("v_proj") : ...
    %sv = nn.linear %x, %av : (tensor<8x64xf32>, tensor<4x64xf32>) -> tensor<8x4xf32>
    %v2 = nn.linear_add %v, %sv, %bv : ...
    ```
    becomes
    ```mlir
    %q = nn.linear %x, %wq module("q_proj") : ...
    %v = nn.linear %x, %wv module("v_proj") : ...
    %a = nn.get @q_proj_v_proj.lora_A : tensor<8x64xf32>
    %s = nn.linear %x, %a : (tensor<8x64xf32>, tensor<8x64xf32>) -> tensor<8x8xf32>
    %sq, %sv = nn.split_columns %s [4, 4] : (tensor<8x8xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>)
    %q2 = nn.linear_add %q, %sq, %bq : ...
    %v2 = nn.linear_add %v, %sv, %bv : ...
    ```

    `nn.stack` names a and b as one. The parameters keep their names, and move behind each
    other in the module. Stands before differentiation, which makes one product of the
    gradients too.

    Refuses where each reads x through a dropout mask of its own, where something reads a
    result that takes no columns (`takesColumns`), where a linear has a bias, a factor or a transposed weight,
    and where a weight does not fill whole lines of 64 bytes. And where it costs more bytes
    than it saves (`GroupCost`), as ranks like 9 beside 8 may, which leave columns off every
    multiple of 16 bytes: a matter of inputs a few ranks wide. With `explain`, a remark says
    what was weighed:

    3 products of one x become one: it saves 128.00 MiB of passes over x and its gradient a
    step; costs nothing, as its columns lie at multiples of 16 bytes
  }];
  let options = [Option<"explain", "explain", "bool", "false", "say what is saved and what it costs">,
                 Option<"frozen", "frozen", "bool", "false", "group frozen weights too">];
  let dependentDialects = ["peft::nn::NNDialect"];
}

def MergeRopesPass : Pass<"peft-merge-ropes", "mlir::ModuleOp"> {
  let summary = "Columns side by side are rotated at once";
  let description = [{
    rope(a), rope(b) of neighbouring columns a, b of one matrix -> split_columns(rope(a and b))

    where nothing else reads them: q and k, once `peft-group-linears` has made one product of
    both. Their gradients are rotated back at once too. Refuses where a norm stands between
    (q_norm and k_norm), and rotations that differ.

    ```mlir
    %q, %k, %v = nn.split_columns %y [64, 32, 32] : ...
    %q2 = nn.rope %q, %positions {...} : ...
    %k2 = nn.rope %k, %positions {...} : ...
    ```
    becomes
    ```mlir
    %qk, %v = nn.split_columns %y [96, 32] : ...
    %qk2 = nn.rope %qk, %positions {...} : ...
    %q2, %k2 = nn.split_columns %qk2 [64, 32] : ...
    ```
  }];
  let dependentDialects = ["peft::nn::NNDialect"];
}

def BorderLinearsPass : Pass<"peft-border-linears", "mlir::ModuleOp"> {
  let summary = "A frozen layer's product takes in what its adapters add";
  let description = [{
    linear_add(linear(x, w), s, b, alpha) -> bordered_linear(x, s, w beside b, scale alpha)

    for a frozen dense w and adapters whose inner activations `s` come from one product,
    also where they add to columns of the linear's result. In memory s will lie right of x
    and alpha b right of w: [x s] [w (alpha b)]ᵀ is one product, where two write the result, read it
    and write it again. The sum is float32 all the way, so nothing of a small adapter is
    rounded away. `peft-fuse-linear-add` does the same to dx = dy w + ds a, with `a` below w.

    ```mlir
    %y = nn.linear %x, %w : ...
    %s = nn.linear %x, %a : ...
    %y2 = nn.linear_add %y, %s, %b {alpha = 2.0 : f64} : ...
    ```
    becomes
    ```mlir
    %s = nn.linear %x, %a : ...
    %y2 = nn.bordered_linear %x, %s, %w beside %b first [0] scales [2.0] : ...
    ```

    Refuses float32, where nothing is gained (unless `f32`, for tests), the head, whose x is
    gathered in chunks, an x that has a border or whose op can't write columns, and where the
    deeper product costs more than the passes do (`BorderCost`), as with ranks in the hundreds.
    With `explain`, a remark says what was weighed.
  }];
  let options = [Option<"explain", "explain", "bool", "false", "say what is saved and what it costs">,
                 Option<"f32", "f32", "bool", "false", "also in float32">];
  let dependentDialects = ["peft::nn::NNDialect"];
}

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
    a + linear(x, w) -> linear_add(a, x, w), where nothing else reads the product. The sum
    is one of cotangents, or a residual: the cotangent of a value that several linears read
    is one buffer, and the residual stream costs no pass of its own. What else reads `a`
    finds it unchanged: the sum then has a buffer of its own.

    a + linear_add(c, x, w) -> linear_add(a + c, x, w), where c is a line of such products:
    the first of them takes `a` in. In float32 only: in bfloat16 a + c is rounded to steps
    that are about 1/256 of `a`, and of a small c, as an adapter's is for long, little is left.

    linear_add(linear(x, w), s, b) -> linear_add(linear(s, b), x, w), where `s` has fewer
    columns than `x`: the adapter's product is written first, and the layer's adds to it.

    a + bordered_linear(x, s, w beside b) -> bordered_linear(... acc(a)): all sums in float32.

    linear_add(linear(ds, a, transposed), dy, w, transposed) -> bordered_linear(dy, ds, w beside a,
    transposed), where `peft-border-linears` has given w a border.

    The same with `peft.quantized_linear`, which becomes `peft.quantized_linear_add`.

    Refuses products with a bias, which have no form that adds.
  }];
  let dependentDialects = ["peft::nn::NNDialect", "peft::adapter::PeftDialect"];
}

def FuseNormGradPass : Pass<"peft-fuse-norm-grad", "mlir::ModuleOp"> {
  let summary = "Sums with a norm's gradient become part of it";
  let description = [{
    a + rms_norm_grad(dy, x, w) -> rms_norm_grad(dy, x, w residual a), on either side:
    where the cotangent of a block's branch joins that of the residual stream. Refuses
    where the norm's gradient has another reader or has taken in a sum already.
  }];
  let dependentDialects = ["peft::nn::NNDialect"];
}

def FuseCrossEntropyPass : Pass<"peft-fuse-cross-entropy", "mlir::ModuleOp"> {
  let summary = "The loss and its gradient are made from one reading of the logits";
  let description = [{
    loss, lse = cross_entropy(x, t); dx = cross_entropy_grad(x, lse, t, s) -> loss, dx = cross_entropy_with_grad(x, t, s)

    where nothing else reads lse. A row of the logits is in a cache still when its gradient is
    made; over a chunk it would be in memory again. Refuses where the two are not of one block,
    or where the loss is read in between.
  }];
  let dependentDialects = ["peft::nn::NNDialect"];
}

def FuseElementwisePass : Pass<"peft-fuse-elementwise", "mlir::ModuleOp"> {
  let summary = "Trees of pointwise ops become one pass over their leaves";
  let description = [{
    A pointwise op takes in the pointwise ops that only it reads; what comes out is a
    `train.elementwise` with a scalar body. `peft-merge-elementwise` goes on from there.
  }];
  let dependentDialects = ["peft::train::TrainDialect", "mlir::arith::ArithDialect"];
}

def MergeElementwisePass : Pass<"peft-merge-elementwise", "mlir::ModuleOp"> {
  let summary = "Passes over the same tensors become one with several results";
  let description = [{
    A `train.elementwise` takes in an earlier one that reads what it reads, or whose
    result it reads. So the backward pass of a gated MLP is one pass over gate, up and
    the cotangent: the product for a weight's gradient and both cotangents at once.

    ```mlir
    %h = train.elementwise(%gate, %up : ...) { silu(a) * b } -> tensor<8x112xf32>
    %da = nn.linear_weight_grad %s, %h : ...
    %dh = nn.linear_add ...
    %dup = train.elementwise(%dh, %gate : ...) { a * silu(b) } -> tensor<8x112xf32>
    ```
    becomes
    ```mlir
    %dh = nn.linear_add ...
    %h, %dup = train.elementwise(%gate, %up, %dh : ...) { silu(a) * b, c * silu(a) } -> tensor<8x112xf32>, tensor<8x112xf32>
    %da = nn.linear_weight_grad %s, %h : ...
    ```

    It stands where the later one stood, and what reads the earlier one's results in
    between moves behind it. Refuses where the later one needs what would move, where an
    op that would move has effects (adding to a gradient is none), where the backward
    part begins in between, where result types differ, and where the new order keeps more
    bytes alive at its fullest moment.
  }];
  let dependentDialects = ["peft::train::TrainDialect"];
}

#endif // PEFT_PASSES_FUSE_TD
