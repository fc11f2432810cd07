// Weights that don't fit the configuration: one line with the cause, exit code 2, nothing written.

// RUN: not peft-import %S/Inputs/missing-tensor --seq-len 8 -o %t.mlir 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not test -e %t.mlir
// RUN: not peft-import %S/Inputs/wrong-shape --seq-len 8 2>&1 | FileCheck %s --check-prefix=SHAPE
// RUN: not peft-import %S/Inputs/packed-weight --seq-len 8 2>&1 | FileCheck %s --check-prefix=PACKED
// RUN: peft-import %S/Inputs/unused-tensor --seq-len 8 2>&1 | FileCheck %s --check-prefix=UNUSED
// RUN: not peft-import %S/Inputs/nowhere 2>&1 | FileCheck %s --check-prefix=NOWHERE
// RUN: sh -c 'peft-import %S/Inputs/wrong-shape 2> /dev/null; test $? = 2'
// RUN: sh -c 'peft-import --batch=many %S/Inputs/weights 2> /dev/null; test $? = 2'

// MISSING: error: '{{.*}}missing-tensor': tensor 'model.layers.0.self_attn.o_proj.weight' is missing, expected one of shape [8, 8]; near names: {{.*}}self_attn.{{.*$}}
// MISSING-NOT: {{.}}

// SHAPE: error: '{{.*}}wrong-shape': tensor 'model.layers.0.mlp.up_proj.weight': expected shape [12, 8] by the configuration, got [8, 12]
// SHAPE-NOT: {{.}}

// PACKED: error: '{{.*}}packed-weight': tensor 'model.layers.0.self_attn.q_proj.weight' is stored as i32, which is not supported as a weight; supported are f32, {{.*$}}
// PACKED-NOT: {{.}}

// A known buffer is no matter; anything else is named.
// UNUSED: warning: '{{.*}}unused-tensor': the model has no use for model.layers.0.self_attn.q_proj.bias{{$}}
// UNUSED: module

// NOWHERE: error: {{.*}}Inputs/nowhere
