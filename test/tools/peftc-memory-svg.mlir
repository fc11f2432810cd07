// The arena over one micro-step as a picture: well-formed, and with a box for every buffer.

// RUN: rm -rf %t && mkdir -p %t
// RUN: peftc %S/../pipelines/Inputs/tiny-llama --lora r=4,targets=all-linear --batch 2 --seq-len 8 --emit=memory --memory-svg %t/step.svg -o %t/step.txt
// RUN: %python -c "import sys, xml.etree.ElementTree as x; r = x.parse(sys.argv[1]).getroot(); assert r.tag.endswith('svg'); print(*(t.text for t in r.iter() if t.text and t.text.strip()), sep='\n')" %t/step.svg | FileCheck %s

// CHECK: The arena over one micro-step
// CHECK: trainable parameters
// CHECK: gradients
// CHECK: optimizer state
// CHECK: labelled_rows: 64 bytes
// CHECK: MiB
// CHECK: head, then backward
// CHECK: runtime calls, in order
// CHECK: saved activations
// CHECK: temporaries

// Where the picture can't be written there is one line, and no table.
// RUN: not peftc %S/../pipelines/Inputs/tiny-llama --lora r=4 --emit=memory --memory-svg %t/nowhere/step.svg > %t/out.txt 2> %t/err.txt
// RUN: FileCheck %s --check-prefix=NOWHERE --input-file=%t/err.txt
// RUN: test ! -s %t/out.txt
// NOWHERE: peftc: can't write {{.*}}nowhere/step.svg:
