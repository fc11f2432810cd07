//===- Passes.td - a schedule with every byte placed -------*- tablegen -*-===//
#ifndef PEFT_PASSES_PLAN_TD
#define PEFT_PASSES_PLAN_TD

include "mlir/Pass/PassBase.td"

def SchedulePass : Pass<"peft-schedule", "mlir::ModuleOp"> {
  let summary = "Turns the entry functions into straight lines of runtime calls on buffers";
  let description = [{
    Each op becomes the runtime call of its name, in the order that it stands in; each
    value a buffer. A call works in place where its function may and the operand has
    no later reader. A weight's gradient is added to where it is accumulated, so it
    has no buffer of its own. Trainable parameters that the model reads rounded are rounded
    by one call where a function begins, unless one of them is large. `train.chunk_rows` becomes `exec.chunks` between
    `exec.gather_rows` and `exec.scatter_rows`.

    ```mlir
    %y = nn.rms_norm %x, %w eps(1.0e-5) : (tensor<8x64xf32>, tensor<64xf32>) -> tensor<8x64xf32>
    ```
    becomes
    ```mlir
    %rms_norm = exec.buffer "rms_norm" : memref<8x64xf32>
    exec.rms_norm %rms_norm, %x, %norm_weight {eps = 1.0e-5 : f64} : memref<8x64xf32>, memref<8x64xf32>, memref<64xf32>
    ```
  }];
  let dependentDialects = ["peft::exec::ExecDialect", "mlir::emitc::EmitCDialect", "mlir::arith::ArithDialect"];
}

def AttachWeightGradsPass : Pass<"peft-attach-weight-grads", "mlir::ModuleOp"> {
  let summary = "Gradients of adapters are summed where a map makes their operand";
  let description = [{
    The gradient of an adapter reads a wide tensor for 16 columns or fewer, so on a GPU it takes as long as reading that. If
    an `exec.map` makes the tensor, `exec.map_weight_grads` sums from registers, and does not store
    what nothing else reads. A sum moves up to the map if nothing between them writes what it reads or touches
    what it adds to, told by buffer and columns.

    ```mlir
    exec.map @silu_mul(%h, %gate, %up) : memref<8192x14336xbf16>, memref<8192x14336xbf16>, memref<8192x14336xbf16>
    exec.linear_weight_grad %grad_A, %ds, %h {alpha = 1.0 : f64} : memref<4x14336xf32>, memref<8192x4xbf16>, memref<8192x14336xbf16>
    ```
    becomes
    ```mlir
    exec.map_weight_grads @silu_mul(%gate, %up : memref<8192x14336xbf16>, memref<8192x14336xbf16>) stores []
        grads [0] (%grad_A : memref<4x14336xf32> with %ds : memref<8192x4xbf16>) scales [1.0]
    ```

    For bfloat16, at least 4 Mi elements, three results and three operands of one shape at most, and `target=cuda`.
  }];
  let options = [Option<"target", "target", "std::string", "\"cuda\"", "cpu or cuda">];
  let dependentDialects = ["peft::exec::ExecDialect"];
}

def PlanPass : Pass<"peft-plan", "mlir::ModuleOp"> {
  let summary = "Gives every buffer and parameter its place in the arena";
  let description = [{
    The arena begins with what lives for the whole run: trainable parameters,
    gradients, optimizer state, converted weights (a weight whose file holds it as the
    program reads it is mapped and takes no place). Behind them the buffers of each
    entry function, placed by lifetime: two that live at once never overlap, two that
    do not may. The longest of the entry functions decides the size.

    With `target=cuda` no weight is mapped, because a GPU does not read the file's pages:
    all have their place, and behind the buffers lies the libraries' `workspace`. How much
    attention's backward pass wants of it depends on whether it must add in one order:
    `deterministic=false` plans for any order, and says so by `exec.any_order`.

    Sets `offset` on each `exec.buffer`, `exec.offset` on each `nn.parameter`, and
    `exec.target`, `exec.layout` and `exec.memory` (the memory table) on the module.
  }];
  let options = [Option<"target", "target", "std::string", "\"cpu\"", "cpu or cuda">,
                 Option<"deterministic", "deterministic", "bool", "true", "on a gpu: the same bits in every run">];
  let dependentDialects = ["peft::exec::ExecDialect"];
}

def OutlinePass : Pass<"peft-outline", "mlir::ModuleOp"> {
  let summary = "Equal layers become one function, called with a table of places";
  let description = [{
    Runs of calls that belong to one layer (by their location `...layers.N...`) and
    that differ from another layer's only in their buffers become one function. So a
    program of 32 layers is about as long as one of 2. The bodies of `exec.chunks`
    become functions too.
  }];
  let dependentDialects = ["peft::exec::ExecDialect"];
}

def VerifyScheduledPass : Pass<"peft-verify-scheduled", "mlir::ModuleOp"> {
  let summary = "Checks the scheduled level: calls on placed buffers only, and no two live ones overlap";
}

#endif // PEFT_PASSES_PLAN_TD
