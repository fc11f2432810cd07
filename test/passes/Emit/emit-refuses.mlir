// What can't be emitted or printed, and names that must not become code.

// RUN: split-file %s %t
// RUN: not peft-opt %t/unplanned.mlir --peft-emit 2>&1 | FileCheck %s --check-prefix=UNPLANNED
// RUN: not peft-opt %t/not-outlined.mlir --peft-emit 2>&1 | FileCheck %s --check-prefix=CHUNKS
// RUN: not peft-translate --peft-to-cpp %t/unplanned.mlir 2>&1 | FileCheck %s --check-prefix=UNPRINTED
// RUN: peft-opt %t/names.mlir --peft-emit | peft-translate --peft-to-cpp | FileCheck %s --check-prefix=NAMES

// UNPLANNED: error: expected a planned schedule
// UNPLANNED: note: run peft-plan first

// CHUNKS: error: 'exec.chunks' op can't be emitted
// CHUNKS: note: run peft-outline first

// UNPRINTED: error: 'func.func' op can't be printed as C++

// A folder's name may hold what ends a comment's line or a string.
// NAMES: // The training step of a_int b; _, written by peftc.
// NAMES-NOT: {{^int b}}
// NAMES: "c\"d\\\011e",

//--- unplanned.mlir
func.func @forward() {
  return
}

//--- not-outlined.mlir
module attributes {exec.layout = {}} {
  func.func @micro_step() {
    %count = exec.buffer "count" at 0 : memref<1xi32>
    exec.chunks %count size 4 {
    ^bb0(%chunk: i64):
    } : memref<1xi32>
    return
  }
}

//--- names.mlir
module attributes {nn.name = "a\0Aint b; \\", nn.path = "c\22d\\\09e",
  exec.layout = {arena = 0 : i64, gradient = 0 : i64, optimizer = 0 : i64, optimizer_slots = 0 : i64, trainable = 0 : i64, trainable_bytes = 0 : i64, transient = 0 : i64, weights = 0 : i64}} {
}
