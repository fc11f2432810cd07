// Bad input is one line with the cause, and exit code 2.

// RUN: rm -rf %t && mkdir -p %t
// RUN: not peftc %t/nowhere --emit=cpp 2>&1 | FileCheck %s --check-prefix=NOWHERE
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 2>&1 | FileCheck %s --check-prefix=WEIGHTS
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --emit=cpp 2>&1 | FileCheck %s --check-prefix=RECIPE
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lora r=4,targets=q_prj --emit=cpp 2>&1 | FileCheck %s --check-prefix=NEAR
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --target=rocm --emit=cpp 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --dtype fp8 --emit=cpp 2>&1 | FileCheck %s --check-prefix=DTYPE
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --target cuda --deterministic=maybe --emit=cpp 2>&1 | FileCheck %s --check-prefix=SWITCH
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --deterministic=off --emit=cpp 2>&1 | FileCheck %s --check-prefix=ORDER
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --isa sse2 --emit=cpp 2>&1 | FileCheck %s --check-prefix=ISA
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --isa avx2 --dtype bf16 --emit=cpp 2>&1 | FileCheck %s --check-prefix=BF16
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --seq-len 1 --emit=cpp 2>&1 | FileCheck %s --check-prefix=SHAPE
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --optim lion --emit=cpp 2>&1 | FileCheck %s --check-prefix=OPTIM
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --memory=24GB --emit=cpp 2>&1 | FileCheck %s --check-prefix=MEMORY
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --memory=1MiB --emit=cpp 2>&1 | FileCheck %s --check-prefix=BUDGET
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama a.json --recipe b.json --emit=cpp 2>&1 | FileCheck %s --check-prefix=TWO
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --emit=cpp -o %t/nowhere/a.cpp 2>&1 | FileCheck %s --check-prefix=OUTPUT
// RUN: not peftc %S/../import/Inputs/weights --lora r=4 --dtype f32 -o %t 2>&1 | FileCheck %s --check-prefix=FOLDER
// RUN: test ! -e %t.cpp

// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lorra r=4 --emit=cpp 2>&1 | FileCheck %s --check-prefix=OPTION
// RUN: not peftc %S/../parity/models/llama --lora rank=4 --runtime %t/nowhere -o %t/a 2>&1 | FileCheck %s --check-prefix=FIRST

// NOWHERE: peftc: {{.*}}nowhere
// WEIGHTS: peftc: {{.*}}tiny-llama has no weights to train from; without them, stop at --emit=memory or --emit=cpp
// RECIPE: peftc: {{.*}}no recipe: expected
// NEAR: peftc: {{.*}}q_prj{{.*}}q_proj
// TARGET: peftc: unknown target 'rocm': expected cpu or cuda
// DTYPE: peftc: unknown dtype 'fp8': expected auto, f32 or bf16
// SWITCH: peftc: --deterministic: expected on or off, got 'maybe'
// ORDER: peftc: --deterministic=off has nothing to give on a CPU, where sums have one order; it goes with --target=cuda
// ISA: peftc: unknown isa 'sse2': expected auto, avx2 or avx512
// BF16: peftc: --dtype bf16 needs --isa avx512: only processors with AVX-512 have bf16 products
// SHAPE: peftc: expected --batch >= 1, --seq-len >= 2 and --head-chunk >= 1
// OPTIM: peftc: {{.*}}unknown optimizer 'lion': expected adamw or sgd
// MEMORY: peftc: --memory: '24GB' is no number of bytes: expected 24GiB, 800MiB (or G, M) or a whole number of bytes
// BUDGET: peftc: tiny-llama: a budget of 1.00 MiB is too small: the least possible is {{[0-9.]+}} MiB
// TWO: peftc: two recipes: 'a.json' and --recipe 'b.json'
// FOLDER: peftc: can't write {{.*}}: it is a folder; name a file with -o
// OUTPUT: peftc: can't write {{.*}}nowhere/a.cpp:

// OPTION: peftc: Unknown command line argument '--lorra'
// OPTION: peftc: Did you mean '--lora'?
// What the recipe says comes before the probe of this machine, which needs the runtime.
// FIRST: peftc: --lora: unknown word 'rank'

// The exit code tells bad input from a crash; nothing is left half-written.
// RUN: %python -c "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode != 2)" peftc %S/../pipelines/Inputs/tiny-llama --lora r=4,targets=q_prj --emit=cpp -o %t/a.cpp
// RUN: %python -c "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode != 2)" peftc %S/../pipelines/Inputs/tiny-llama --lorra r=4
// RUN: test ! -e %t/a.cpp
