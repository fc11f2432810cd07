// The whole way in one command and step by step through text files give the same program.

// RUN: rm -rf %t && mkdir -p %t
// RUN: peftc %S/Inputs/tiny-llama --lora r=4,alpha=8,dropout=0.1,targets=all-linear --batch 2 --seq-len 8 --head-chunk 8 --emit=cpp -o %t/whole.cpp

// RUN: peft-import %S/Inputs/tiny-llama --batch 2 --seq-len 8 --mlir-print-debuginfo -o %t/1.mlir
// RUN: peft-opt %t/1.mlir --peft-adapt=lora=r=4,alpha=8,dropout=0.1,targets=all-linear --mlir-print-debuginfo -o %t/2.mlir
// RUN: peft-opt %t/2.mlir --peft-train --mlir-print-debuginfo -o %t/3.mlir
// RUN: peft-opt %t/3.mlir --peft-fuse=head-chunk=8 --mlir-print-debuginfo -o %t/4.mlir
// RUN: peft-opt %t/4.mlir --peft-place --mlir-print-debuginfo -o %t/5.mlir
// RUN: peft-opt %t/5.mlir --peft-finish --mlir-print-debuginfo -o %t/6.mlir
// RUN: peft-translate %t/6.mlir --peft-to-cpp -o %t/steps.cpp
// RUN: diff %t/whole.cpp %t/steps.cpp

// The memory table and the picture come from the planned file too.
// RUN: peftc %S/Inputs/tiny-llama --lora r=4,alpha=8,dropout=0.1,targets=all-linear --batch 2 --seq-len 8 --head-chunk 8 --emit=memory --memory-svg %t/whole.svg -o %t/whole.txt
// RUN: peft-translate %t/5.mlir --memory -o %t/steps.txt
// RUN: diff %t/whole.txt %t/steps.txt
// RUN: peft-translate %t/5.mlir --memory-svg -o %t/steps.svg
// RUN: diff %t/whole.svg %t/steps.svg

// Every level survives its own text, with locations.
// RUN: cat %t/1.mlir | peft-opt --verify-roundtrip -o %t/again.mlir
// RUN: cat %t/2.mlir | peft-opt --verify-roundtrip -o %t/again.mlir
// RUN: cat %t/3.mlir | peft-opt --verify-roundtrip -o %t/again.mlir
// RUN: cat %t/4.mlir | peft-opt --verify-roundtrip -o %t/again.mlir
// RUN: cat %t/5.mlir | peft-opt --verify-roundtrip -o %t/again.mlir
// RUN: cat %t/6.mlir | peft-opt --verify-roundtrip -o %t/again.mlir

// What peftc stops at is what the steps leave.
// RUN: peftc %S/Inputs/tiny-llama --lora r=4,alpha=8,dropout=0.1,targets=all-linear --batch 2 --seq-len 8 --head-chunk 8 --emit=exec -o %t/exec.mlir
// RUN: peft-opt %t/exec.mlir -o %t/exec-again.mlir
// RUN: peft-opt %t/5.mlir -o %t/5-again.mlir
// RUN: diff %t/exec-again.mlir %t/5-again.mlir
