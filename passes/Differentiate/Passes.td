//===- Passes.td - from the loss to a training step --------*- tablegen -*-===//
#ifndef PEFT_PASSES_DIFFERENTIATE_TD
#define PEFT_PASSES_DIFFERENTIATE_TD

include "mlir/Pass/PassBase.td"

def DifferentiatePass : Pass<"peft-differentiate", "mlir::ModuleOp"> {
  let summary = "Builds @micro_step, the joint forward and backward graph of @loss";
  let description = [{
    Clones `@loss` and walks it backwards, asking each op for the cotangents of
    those operands that depend on a trainable parameter (and no others). Cotangents
    of one value are added; that of a trainable parameter goes to
    `train.accumulate`. The seed is `%loss_scale`, one over the number of labelled
    tokens of the accumulated batch, which becomes the last argument.

    ```mlir
    %w = nn.get @w : tensor<4x8xf32>                 // trainable
    %y = nn.linear %x, %w : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
    ```
    gets, once `%dy` is known,
    ```mlir
    %dw = nn.linear_weight_grad %dy, %x : (tensor<2x4xf32>, tensor<2x8xf32>) -> tensor<4x8xf32>
    train.accumulate @w, %dw : tensor<4x8xf32>
    ```
    and no dx, since nothing below needs it.

    Fails on an op in the way of a gradient that has no vector-Jacobian product.
    Does not choose what to keep for the backward pass: see `peft-recompute`.
  }];
  let dependentDialects = ["peft::train::TrainDialect", "mlir::arith::ArithDialect"];
}

def DeriveEntriesPass : Pass<"peft-derive-entries", "mlir::ModuleOp"> {
  let summary = "Makes @evaluate, @forward and @update, and removes @loss";
  let description = [{
    `@evaluate` is `@loss` without dropout. `@forward` returns the logits of one
    position a row, `%rows`, in place of the loss; the head runs on those rows only:

    select_rows(linear(x, w), rows) -> linear(select_rows(x, rows), w)

    `@update` clips the gradients and steps the optimizer.
  }];
  let options = [Option<"optimizer", "optimizer", "std::string", "\"adamw\"", "adamw or sgd">];
  let dependentDialects = ["peft::train::TrainDialect"];
}

def RecomputePass : Pass<"peft-recompute", "mlir::ModuleOp"> {
  let summary = "Computes cheap values again in the backward pass instead of keeping them";
  let description = [{
    A value of the forward pass that the backward pass reads would be kept from one
    to the other. Where it comes from a cheap op (norm, rope, activation, sum, ...)
    whose operands the backward pass reads anyway, kept or computed again, the op is
    cloned before its first reader there.

    ```mlir
    %h = nn.rms_norm %x, %w ...      // forward; %x is kept for rms_norm_grad
    ...
    %h2 = nn.rms_norm %x, %w ...     // backward, where dA needs it
    %dA = nn.linear_weight_grad %ds, %h2 ...
    ```

    Never repeats a matrix product or attention. In the first `keep-layers` layers only what no pass of its
    own is spent on: pointwise ops whose readers are pointwise too, or gradients of weights that the
    pass may sum (`peft-attach-weight-grads`), and views. That is for
    a budget (`peftc --memory`) which has room for the rest.
  }];
  let options = [Option<"keepLayers", "keep-layers", "int64_t", "0",
                        "in so many layers only what becomes part of other passes">];
}

def VerifyTrainingPass : Pass<"peft-verify-training", "mlir::ModuleOp"> {
  let summary = "Checks the training level: four entry functions, no adapter node left";
}

#endif // PEFT_PASSES_DIFFERENTIATE_TD
