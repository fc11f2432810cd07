//===- Passes.td - a step that fits a memory budget --------*- tablegen -*-===//
#ifndef PEFT_PASSES_BUDGET_TD
#define PEFT_PASSES_BUDGET_TD

include "mlir/Pass/PassBase.td"

def FitMemoryPass : Pass<"peft-fit-memory", "mlir::ModuleOp"> {
  let summary = "Chooses what to keep, compute again or offload so that the arena fits a budget";
  let description = [{
    The memory of a step is known exactly once it is planned, so the choice is a search:
    mark some values of `@micro_step`, schedule and plan a copy, look at the arena. A
    step of the search takes one value of a layer in all layers at once, the one that
    costs the least time for its bytes by a simple model (flops over the machine's rate,
    bytes over its bandwidth), and is kept if the arena becomes smaller. When the budget
    is met, as few layers as it needs stay marked, the first ones: their values wait longest.
    A value is marked `"recompute"`, or `"offload"` where it may wait in the host's memory.

    ```mlir
    %gate = nn.linear %h, %w : ...          // the backward pass reads it
    ```
    becomes
    ```mlir
    %gate = nn.linear %h, %w {train.keep = "recompute"} : ...
    ```

    Before that, and if the budget asks for anything at all, results that are larger than what they
    free are computed as late as their first reader allows.

    Fails where no choice is enough, and says what the least possible is and what takes it. Marks
    only: `peft-rematerialize` obeys.
  }];
  let options = [
    Option<"memory", "memory", "std::string", "\"\"", "budget of the arena: 24GiB, 800MiB or bytes; none if empty">,
    Option<"target", "target", "std::string", "\"cpu\"", "cpu or cuda: as for peft-plan">,
    Option<"deterministic", "deterministic", "bool", "true", "as for peft-plan">,
    Option<"offload", "offload", "std::string", "\"auto\"", "whether values may go to the host's memory: auto (with cuda), on or off">];
  let dependentDialects = ["peft::train::TrainDialect", "peft::exec::ExecDialect"];
}

def RematerializePass : Pass<"peft-rematerialize", "mlir::ModuleOp"> {
  let summary = "Computes again in the backward pass, or fetches from the host, what is marked so";
  let description = [{
    An op with `train.keep = "recompute"` whose results the backward pass reads is cloned
    before the first reader there, and with it what it needs, down to values that are
    kept. The clone is the same op on the same values: it makes the same bits.

    ```mlir
    %h = nn.rms_norm %x, %n ...
    %gate = nn.linear %h, %w {train.keep = "recompute"} : ...
    ...
    %h2 = nn.rms_norm %x, %n {train.again} ...      // backward; %x is kept
    %gate2 = nn.linear %h2, %w {train.again} : ...
    %dg = nn.activation_grad silu %d, %gate2 ...
    ```

    The results of an op with `train.keep = "offload"` are copied to the host's memory, and
    back in time for their first reader:

    ```mlir
    %h = train.offload %x : tensor<8x64xbf16> -> tensor<8x64xbf16, "host">
    ...
    train.await %x : tensor<8x64xbf16>
    ...
    %y = train.fetch %h : tensor<8x64xbf16, "host"> -> tensor<8x64xbf16>
    ...
    %x2 = train.await %y : tensor<8x64xbf16>
    ```

    Runs after fusion, so that what is computed again is what was fused.
  }];
  let dependentDialects = ["peft::train::TrainDialect"];
}

#endif // PEFT_PASSES_BUDGET_TD
