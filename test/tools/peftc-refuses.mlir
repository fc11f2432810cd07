// Bad input is one line with the cause, and exit code 2.

// RUN: rm -rf %t && mkdir -p %t
// RUN: not peftc %t/nowhere --emit=cpp 2>&1 | FileCheck %s --check-prefix=NOWHERE
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 2>&1 | FileCheck %s --check-prefix=WEIGHTS
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --emit=cpp 2>&1 | FileCheck %s --check-prefix=RECIPE
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lora r=4,targets=q_prj --emit=cpp 2>&1 | FileCheck %s --check-prefix=NEAR
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --target=rocm --emit=cpp 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --dtype fp8 --emit=cpp 2>&1 | FileCheck %s --check-prefix=DTYPE
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --seq-len 1 --emit=cpp 2>&1 | FileCheck %s --check-prefix=SHAPE
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --optim lion --emit=cpp 2>&1 | FileCheck %s --check-prefix=OPTIM
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama a.json --recipe b.json --emit=cpp 2>&1 | FileCheck %s --check-prefix=TWO
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --emit=cpp -o %t/nowhere/a.cpp 2>&1 | FileCheck %s --check-prefix=OUTPUT

// NOWHERE: peftc: {{.*}}nowhere
// WEIGHTS: peftc: {{.*}}tiny-llama has no weights to train from; without them, stop at --emit=memory or --emit=cpp
// RECIPE: peftc: {{.*}}no recipe: expected
// NEAR: peftc: {{.*}}q_prj{{.*}}q_proj
// TARGET: peftc: unknown target 'rocm': expected cpu
// DTYPE: peftc: unknown dtype 'fp8': expected auto, f32 or bf16
// SHAPE: peftc: expected --batch >= 1, --seq-len >= 2 and --head-chunk >= 1
// OPTIM: peftc: {{.*}}unknown optimizer 'lion': expected adamw or sgd
// TWO: peftc: two recipes: 'a.json' and --recipe 'b.json'
// OUTPUT: peftc: can't write {{.*}}nowhere/a.cpp:

// The exit code tells bad input from a crash; nothing is left half-written.
// RUN: %python -c "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode != 2)" peftc %S/../pipelines/Inputs/tiny-llama --lora r=4,targets=q_prj --emit=cpp -o %t/a.cpp
// RUN: test ! -e %t/a.cpp
