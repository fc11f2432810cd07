// Sums that stay where they are.

// RUN: peft-opt %s --peft-attach-weight-grads | FileCheck %s
// RUN: peft-opt %s --peft-attach-weight-grads=target=cpu | FileCheck %s --check-prefix=CPU

// CPU-NOT: exec.map_weight_grads

nn.parameter trainable @g : tensor<512x4xf32>
nn.parameter trainable @g_32 : tensor<512x32xf32>
nn.parameter trainable @g516 : tensor<516x4xf32>

func.func private @mul(%a: f32, %b: f32) -> f32 {
  %0 = arith.mulf %a, %b : f32
  return %0 : f32
}

// So it is done where nothing is against it.
// CHECK-LABEL: @as_it_is_done(
func.func @as_it_is_done() {
  %x = exec.buffer "x" : memref<32768x512xbf16>
  %h = exec.buffer "h" : memref<32768x512xbf16>
  %s = exec.buffer "s" : memref<32768x4xbf16>
  %g = exec.gradient @g : memref<512x4xf32>
  // CHECK: exec.map_weight_grads @mul(%x, %x : {{.*}}) stores [] grads [0](%{{.*}} with %s : {{.*}})
  exec.map @mul(%h, %x, %x) : memref<32768x512xbf16>, memref<32768x512xbf16>, memref<32768x512xbf16>
  exec.linear_weight_grad %g, %h, %s {alpha = 1.0 : f64} : memref<512x4xf32>, memref<32768x512xbf16>, memref<32768x4xbf16>
  return
}

// More columns than a block keeps sums of.
// CHECK-LABEL: @rank_32(
func.func @rank_32() {
  %x = exec.buffer "x" : memref<32768x512xbf16>
  %h = exec.buffer "h" : memref<32768x512xbf16>
  %s = exec.buffer "s" : memref<32768x32xbf16>
  %g = exec.gradient @g_32 : memref<512x32xf32>
  // CHECK-NOT: exec.map_weight_grads
  // CHECK: exec.linear_weight_grad
  exec.map @mul(%h, %x, %x) : memref<32768x512xbf16>, memref<32768x512xbf16>, memref<32768x512xbf16>
  exec.linear_weight_grad %g, %h, %s {alpha = 1.0 : f64} : memref<512x32xf32>, memref<32768x512xbf16>, memref<32768x32xbf16>
  return
}

// A tensor that is read from the cache.
// CHECK-LABEL: @small(
func.func @small() {
  %x = exec.buffer "x" : memref<4096x512xbf16>
  %h = exec.buffer "h" : memref<4096x512xbf16>
  %s = exec.buffer "s" : memref<4096x4xbf16>
  %g = exec.gradient @g : memref<512x4xf32>
  // CHECK-NOT: exec.map_weight_grads
  // CHECK: exec.linear_weight_grad
  exec.map @mul(%h, %x, %x) : memref<4096x512xbf16>, memref<4096x512xbf16>, memref<4096x512xbf16>
  exec.linear_weight_grad %g, %h, %s {alpha = 1.0 : f64} : memref<512x4xf32>, memref<4096x512xbf16>, memref<4096x4xbf16>
  return
}

// Partial sums of the gradient would be as much as what is saved.
// CHECK-LABEL: @few_rows(
func.func @few_rows() {
  %x = exec.buffer "x" : memref<8192x512xbf16>
  %h = exec.buffer "h" : memref<8192x512xbf16>
  %s = exec.buffer "s" : memref<8192x4xbf16>
  %g = exec.gradient @g : memref<512x4xf32>
  // CHECK-NOT: exec.map_weight_grads
  // CHECK: exec.linear_weight_grad
  exec.map @mul(%h, %x, %x) : memref<8192x512xbf16>, memref<8192x512xbf16>, memref<8192x512xbf16>
  exec.linear_weight_grad %g, %h, %s {alpha = 1.0 : f64} : memref<512x4xf32>, memref<8192x512xbf16>, memref<8192x4xbf16>
  return
}

// A kernel of its own would be wanted.
// CHECK-LABEL: @f32(
func.func @f32() {
  %x = exec.buffer "x" : memref<32768x512xf32>
  %h = exec.buffer "h" : memref<32768x512xf32>
  %s = exec.buffer "s" : memref<32768x4xf32>
  %g = exec.gradient @g : memref<512x4xf32>
  // CHECK-NOT: exec.map_weight_grads
  // CHECK: exec.linear_weight_grad
  exec.map @mul(%h, %x, %x) : memref<32768x512xf32>, memref<32768x512xf32>, memref<32768x512xf32>
  exec.linear_weight_grad %g, %h, %s {alpha = 1.0 : f64} : memref<512x4xf32>, memref<32768x512xf32>, memref<32768x4xf32>
  return
}

// The kernel loads eight elements at a time.
// CHECK-LABEL: @columns_by_8(
func.func @columns_by_8() {
  %x = exec.buffer "x" : memref<32768x516xbf16>
  %h = exec.buffer "h" : memref<32768x516xbf16>
  %s = exec.buffer "s" : memref<32768x4xbf16>
  %g = exec.gradient @g516 : memref<516x4xf32>
  // CHECK-NOT: exec.map_weight_grads
  // CHECK: exec.linear_weight_grad
  exec.map @mul(%h, %x, %x) : memref<32768x516xbf16>, memref<32768x516xbf16>, memref<32768x516xbf16>
  exec.linear_weight_grad %g, %h, %s {alpha = 1.0 : f64} : memref<516x4xf32>, memref<32768x516xbf16>, memref<32768x4xbf16>
  return
}

// The thin tensor has other values at the map.
// CHECK-LABEL: @thin_is_written(
func.func @thin_is_written() {
  %x = exec.buffer "x" : memref<32768x512xbf16>
  %h = exec.buffer "h" : memref<32768x512xbf16>
  %s = exec.buffer "s" : memref<32768x4xbf16>
  %g = exec.gradient @g : memref<512x4xf32>
  // CHECK-NOT: exec.map_weight_grads
  // CHECK: exec.linear_weight_grad
  exec.map @mul(%h, %x, %x) : memref<32768x512xbf16>, memref<32768x512xbf16>, memref<32768x512xbf16>
  exec.zero %s : memref<32768x4xbf16>
  exec.linear_weight_grad %g, %h, %s {alpha = 1.0 : f64} : memref<512x4xf32>, memref<32768x512xbf16>, memref<32768x4xbf16>
  return
}

// The sum is of something else.
// CHECK-LABEL: @result_is_written(
func.func @result_is_written() {
  %x = exec.buffer "x" : memref<32768x512xbf16>
  %h = exec.buffer "h" : memref<32768x512xbf16>
  %s = exec.buffer "s" : memref<32768x4xbf16>
  %g = exec.gradient @g : memref<512x4xf32>
  // CHECK-NOT: exec.map_weight_grads
  // CHECK: exec.linear_weight_grad
  exec.map @mul(%h, %x, %x) : memref<32768x512xbf16>, memref<32768x512xbf16>, memref<32768x512xbf16>
  exec.zero %h : memref<32768x512xbf16>
  exec.linear_weight_grad %g, %h, %s {alpha = 1.0 : f64} : memref<512x4xf32>, memref<32768x512xbf16>, memref<32768x4xbf16>
  return
}

// Who reads the gradient so far would get more of it.
// CHECK-LABEL: @gradient_is_read(
func.func @gradient_is_read() {
  %x = exec.buffer "x" : memref<32768x512xbf16>
  %h = exec.buffer "h" : memref<32768x512xbf16>
  %s = exec.buffer "s" : memref<32768x4xbf16>
  %g = exec.gradient @g : memref<512x4xf32>
  // CHECK-NOT: exec.map_weight_grads
  // CHECK: exec.linear_weight_grad
  exec.map @mul(%h, %x, %x) : memref<32768x512xbf16>, memref<32768x512xbf16>, memref<32768x512xbf16>
  %t = exec.buffer "t" : memref<512x4xf32>
  exec.copy %t, %g : memref<512x4xf32>, memref<512x4xf32>
  exec.linear_weight_grad %g, %h, %s {alpha = 1.0 : f64} : memref<512x4xf32>, memref<32768x512xbf16>, memref<32768x4xbf16>
  return
}

// The map writes what the sum is made with.
// CHECK-LABEL: @thin_is_the_result(
func.func @thin_is_the_result() {
  %x = exec.buffer "x" : memref<32768x512xbf16>
  %h = exec.buffer "h" : memref<32768x512xbf16>
  %s = exec.buffer "s" : memref<32768x4xbf16>
  %g = exec.gradient @g : memref<512x4xf32>
  // CHECK-NOT: exec.map_weight_grads
  // CHECK: exec.linear_weight_grad
  %c = exec.columns "c" of %h[0] : memref<32768x512xbf16> -> memref<32768x4xbf16, strided<[512, 1]>>
  exec.map @mul(%h, %x, %x) : memref<32768x512xbf16>, memref<32768x512xbf16>, memref<32768x512xbf16>
  exec.linear_weight_grad %g, %h, %c {alpha = 1.0 : f64} : memref<512x4xf32>, memref<32768x512xbf16>, memref<32768x4xbf16, strided<[512, 1]>>
  return
}

// The operands have to have the results' shape.
// CHECK-LABEL: @broadcast(
func.func @broadcast() {
  %x = exec.buffer "x" : memref<32768x512xbf16>
  %h = exec.buffer "h" : memref<32768x512xbf16>
  %s = exec.buffer "s" : memref<32768x4xbf16>
  %g = exec.gradient @g : memref<512x4xf32>
  // CHECK-NOT: exec.map_weight_grads
  // CHECK: exec.linear_weight_grad
  %v = exec.buffer "v" : memref<512xbf16>
  exec.map @mul(%h, %x, %v) : memref<32768x512xbf16>, memref<32768x512xbf16>, memref<512xbf16>
  exec.linear_weight_grad %g, %h, %s {alpha = 1.0 : f64} : memref<512x4xf32>, memref<32768x512xbf16>, memref<32768x4xbf16>
  return
}

// Behind the map, but once for each run of it.
// CHECK-LABEL: @in_a_loop(
func.func @in_a_loop() {
  %x = exec.buffer "x" : memref<32768x512xbf16>
  %h = exec.buffer "h" : memref<32768x512xbf16>
  %s = exec.buffer "s" : memref<32768x4xbf16>
  %g = exec.gradient @g : memref<512x4xf32>
  // CHECK-NOT: exec.map_weight_grads
  // CHECK: exec.linear_weight_grad
  %count = exec.buffer "count" : memref<1xi32>
  exec.map @mul(%h, %x, %x) : memref<32768x512xbf16>, memref<32768x512xbf16>, memref<32768x512xbf16>
  exec.chunks %count size 8 {
  ^bb0(%chunk: i64):
    exec.linear_weight_grad %g, %h, %s {alpha = 1.0 : f64} : memref<512x4xf32>, memref<32768x512xbf16>, memref<32768x4xbf16>
  } : memref<1xi32>
  return
}

// What else reads the result has it stored.
// CHECK-LABEL: @result_is_read(
func.func @result_is_read() {
  %x = exec.buffer "x" : memref<32768x512xbf16>
  %h = exec.buffer "h" : memref<32768x512xbf16>
  %s = exec.buffer "s" : memref<32768x4xbf16>
  %g = exec.gradient @g : memref<512x4xf32>
  // CHECK: exec.map_weight_grads @mul(%x, %x : {{.*}}) stores [0](%h : {{.*}}) grads [0]
  exec.map @mul(%h, %x, %x) : memref<32768x512xbf16>, memref<32768x512xbf16>, memref<32768x512xbf16>
  exec.linear_weight_grad %g, %h, %s {alpha = 1.0 : f64} : memref<512x4xf32>, memref<32768x512xbf16>, memref<32768x4xbf16>
  exec.copy %x, %h : memref<32768x512xbf16>, memref<32768x512xbf16>
  return
}

// One for a result: the first.
// CHECK-LABEL: @second_gradient(
func.func @second_gradient() {
  %x = exec.buffer "x" : memref<32768x512xbf16>
  %h = exec.buffer "h" : memref<32768x512xbf16>
  %s = exec.buffer "s" : memref<32768x4xbf16>
  %g = exec.gradient @g : memref<512x4xf32>
  // CHECK: exec.map_weight_grads @mul(%x, %x : {{.*}}) stores [0](%h : {{.*}}) grads [0]({{.*}}) scales [1.000000e+00]
  // CHECK: exec.linear_weight_grad
  exec.map @mul(%h, %x, %x) : memref<32768x512xbf16>, memref<32768x512xbf16>, memref<32768x512xbf16>
  exec.linear_weight_grad %g, %h, %s {alpha = 1.0 : f64} : memref<512x4xf32>, memref<32768x512xbf16>, memref<32768x4xbf16>
  exec.linear_weight_grad %g, %h, %s {alpha = 2.0 : f64} : memref<512x4xf32>, memref<32768x512xbf16>, memref<32768x4xbf16>
  return
}
