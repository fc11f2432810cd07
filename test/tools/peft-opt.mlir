// Every pass and pipeline has a flag, with the name of its file.

// RUN: peft-opt --help | FileCheck %s
// RUN: not peft-opt %s --peft-frobnicate 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not peft-opt %S/nowhere.mlir 2>&1 | FileCheck %s --check-prefix=NOWHERE
// RUN: peft-opt --show-dialects | FileCheck %s --check-prefix=DIALECTS

// CHECK-DAG: {{--peft-adapt +}}-
// CHECK-DAG: {{--peft-train +}}-
// CHECK-DAG: {{--peft-fuse +}}-
// CHECK-DAG: {{--peft-place +}}-
// CHECK-DAG: {{--peft-finish +}}-
// CHECK-DAG: {{--peft-differentiate +}}-
// CHECK-DAG: {{--peft-derive-entries +}}-
// CHECK-DAG: {{--peft-recompute +}}-
// CHECK-DAG: {{--peft-verify-training +}}-
// CHECK-DAG: {{--peft-chunk-head +}}-
// CHECK-DAG: {{--peft-fuse-linear-add +}}-
// CHECK-DAG: {{--peft-fuse-elementwise +}}-
// CHECK-DAG: {{--peft-schedule +}}-
// CHECK-DAG: {{--peft-plan +}}-
// CHECK-DAG: {{--peft-outline +}}-
// CHECK-DAG: {{--peft-verify-scheduled +}}-
// CHECK-DAG: {{--peft-emit +}}-

// UNKNOWN: Unknown command line argument '--peft-frobnicate'
// NOWHERE: nowhere.mlir
// DIALECTS: arith
// DIALECTS-SAME: exec
// DIALECTS-SAME: nn
// DIALECTS-SAME: peft
// DIALECTS-SAME: train

module {
}
