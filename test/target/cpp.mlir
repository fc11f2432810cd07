// The text of emitc: what a person would write, one statement an op.

// RUN: peft-translate %s --peft-to-cpp | FileCheck %s --match-full-lines --strict-whitespace

//      CHECK:#include "peft/runtime/program.h"
// CHECK-NEXT:#include <cstdint>
emitc.include "peft/runtime/program.h"
emitc.include <"cstdint">

// CHECK-NEXT:static int one = 1;
emitc.verbatim "static int one = 1;"

// Functions are set apart; a value without a name is numbered, one with a name has it.
// CHECK-EMPTY:
// CHECK-NEXT:static float square_sum(float a, float x1) {
// CHECK-NEXT:  const float v1 = a * a;
// CHECK-NEXT:  const float v2 = v1 + x1;
// CHECK-NEXT:  return v2;
// CHECK-NEXT:}
emitc.func @square_sum(%a: f32 {emitc.name = "a"}, %b: f32) -> f32 attributes {specifiers = ["static"]} {
  %0 = emitc.mul %a, %a : (f32, f32) -> f32
  %1 = emitc.add %0, %b : (f32, f32) -> f32
  emitc.return %1 : f32
}

// References and pointers bind to the name; arguments, literals and template arguments keep their order.
// CHECK-EMPTY:
// CHECK-NEXT:void step(const context_t &ctx, const float **out, const float *in) {
// CHECK-NEXT:  const Tensor<float> x = rt::tensor<float>(ctx, {2, 3});
// CHECK-NEXT:  rt::scale<float, 4>(ctx, x, seed, 0.5);
// CHECK-NEXT:  rt::done(x, in);
// CHECK-NEXT:}
emitc.func @step(%ctx: !emitc.opaque<"const context_t &"> {emitc.name = "ctx"}, %out: !emitc.ptr<!emitc.ptr<!emitc.opaque<"const float">>> {emitc.name = "out"}, %in: !emitc.ptr<!emitc.opaque<"const float">> {emitc.name = "in"}) {
  %x = emitc.call_opaque "rt::tensor"() {args = [#emitc.opaque<"ctx">, #emitc.opaque<"{2, 3}">], template_args = [#emitc.opaque<"float">], emitc.name = "x"} : () -> !emitc.opaque<"Tensor<float>">
  %seed = emitc.literal "seed" : i64
  emitc.call_opaque "rt::scale"(%ctx, %x, %seed) {args = [0 : index, 1 : index, 2 : index, #emitc.opaque<"0.5">], template_args = [#emitc.opaque<"float">, #emitc.opaque<"4">]} : (!emitc.opaque<"const context_t &">, !emitc.opaque<"Tensor<float>">, i64) -> ()
  emitc.call_opaque "rt::done"(%x, %in) : (!emitc.opaque<"Tensor<float>">, !emitc.ptr<!emitc.opaque<"const float">>) -> ()
  emitc.return
}
