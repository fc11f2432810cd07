// The text of 32 layers reads like that of 2: equal layers are one function, and only tables grow.

// RUN: rm -rf %t && mkdir -p %t
// RUN: peftc %S/Inputs/tiny-llama --lora r=4,targets=all-linear --batch 2 --seq-len 8 --emit=cpp -o %t/2.cpp
// RUN: peftc %S/Inputs/tiny-llama-32-layers --lora r=4,targets=all-linear --batch 2 --seq-len 8 --emit=cpp -o %t/32.cpp
// Lines of code, without the rows of tables and the saved recipe.
// RUN: grep -v -E '^    (\{|")' %t/2.cpp > %t/2.txt
// RUN: grep -v -E '^    (\{|")' %t/32.cpp > %t/32.txt
// RUN: %python -c "import sys; a, b = (len(open(f).readlines()) for f in sys.argv[1:]); assert 300 < b <= 1.1 * a, (a, b)" %t/2.txt %t/32.txt

// RUN: FileCheck %s --input-file=%t/32.txt
// CHECK-DAG: static void micro_step_layer_backward(
// CHECK-DAG: static void micro_step_layer(
// CHECK-DAG: static void inference_layer(
// CHECK: static void micro_step(
// CHECK: rt::forEachLayer(ctx, batch, micro_step_layer, micro_step_layer_places);
// CHECK: rt::forEachChunk(ctx, batch, micro_step_head,
// CHECK: rt::forEachLayer(ctx, batch, micro_step_layer_backward, micro_step_layer_backward_places);

// Under a budget too: what is computed again is part of the layer's function.
// RUN: peftc %S/Inputs/tiny-llama --lora r=4,targets=all-linear --batch 2 --seq-len 64 --memory 560000 --emit=cpp -o %t/2b.cpp
// RUN: peftc %S/Inputs/tiny-llama-32-layers --lora r=4,targets=all-linear --batch 2 --seq-len 64 --memory 4MiB --emit=cpp -o %t/32b.cpp
// RUN: grep -v -E '^    (\{|")' %t/2b.cpp > %t/2b.txt
// RUN: grep -v -E '^    (\{|")' %t/32b.cpp > %t/32b.txt
// RUN: %python -c "import sys; a, b = (len(open(f).readlines()) for f in sys.argv[1:]); assert 300 < b <= 2 * a, (a, b)" %t/2b.txt %t/32b.txt
