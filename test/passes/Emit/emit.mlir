// A planned schedule becomes C++ text in waiting; peft-translate prints it.

// RUN: peft-opt %s --peft-emit | FileCheck %s
// RUN: peft-opt %s --peft-emit | peft-opt | peft-translate --peft-to-cpp | FileCheck %s --check-prefix=CPP --match-full-lines --strict-whitespace

module attributes {nn.name = "tiny", nn.path = "models/tiny", nn.vocab_size = 9 : i64, peft.recipe = "{\0A  \22r\22: 4\0A}",
  train.batch = 2 : i64, train.optimizer = "adamw", train.seq_len = 8 : i64,
  exec.layout = {arena = 1536 : i64, gradient = 64 : i64, optimizer = 128 : i64, optimizer_slots = 2 : i64, trainable = 0 : i64, trainable_bytes = 64 : i64, transient = 256 : i64, weights = 256 : i64},
  exec.memory = [["temporaries", 256]]} {
nn.parameter frozen @table {stored = "f32"} : tensor<9x4xf32>
nn.parameter trainable @a {exec.offset = 0 : i64, init = #nn.init<normal>, init_value = 0.02 : f64} : tensor<4xf32>

// CPP-NOT:#include "peft/runtime/map_weight_grads.h"

// Scalar functions work on floats in registers.
//      CPP:static PEFT_HD float silu_mul(float a, float b) {
// CPP-NEXT:  const float v1 = rt::silu(a);
// CPP-NEXT:  const float v2 = v1 * b;
// CPP-NEXT:  return v2;
// CPP-NEXT:}
func.func private @silu_mul(%a: f32, %b: f32) -> f32 {
  %0 = nn.activation silu %a : f32
  %1 = arith.mulf %0, %b : f32
  return %1 : f32
}

// Several results come back together.
//      CPP:static PEFT_HD rt::Floats<2> mul_add(float a, float b) {
// CPP-NEXT:  const float v1 = a * b;
// CPP-NEXT:  const float v2 = a + b;
// CPP-NEXT:  const rt::Floats<2> v3 = rt::floats(v1, v2);
// CPP-NEXT:  return v3;
// CPP-NEXT:}
func.func private @mul_add(%a: f32, %b: f32) -> (f32, f32) {
  %0 = arith.mulf %a, %b : f32
  %1 = arith.addf %a, %b : f32
  return %0, %1 : f32, f32
}

// An outlined function finds its places in a table; comments name the module without the layer's number.
//      CPP:static void layer(const peft_context_t &ctx, {{\[\[}}maybe_unused]] const peft_batch_t &batch, const Place *at) {
// CPP-NEXT:  const Tensor<float> hidden = rt::tensor<float>(ctx, at[0], {16, 4});
// CPP-NEXT:  // mlp
// CPP-NEXT:  rt::map<silu_mul>(ctx, hidden, hidden, hidden);
// CPP-NEXT:}
// CPP-NEXT:static const Place layer_places[][1] = {
// CPP-NEXT:    {256},
// CPP-NEXT:    {512},
// CPP-NEXT:};
func.func private @layer(%x: memref<16x4xf32> {exec.name = "hidden"}) {
  exec.map @silu_mul(%x, %x, %x) : memref<16x4xf32>, memref<16x4xf32>, memref<16x4xf32> loc("model.layers.0.mlp")
  return
}

// Every call is an opaque call of the runtime function of its name: results first, then attributes.
// CHECK-LABEL: emitc.func @forward
// CHECK-SAME: !emitc.ptr<!emitc.opaque<"const peft_context_t">> {emitc.name = "context"}
// CHECK: emitc.call_opaque "rt::embedding"(%{{.*}}, %{{.*}}, %{{.*}})
// CHECK: emitc.call_opaque "rt::forEachLayer"()
//      CPP:static void forward(const peft_context_t *context, const peft_batch_t *arguments, const float **logits_out) {
// CPP-NEXT:  const peft_context_t &ctx = *context;
// CPP-NEXT:  const peft_batch_t &batch = *arguments;
// CPP-NEXT:  const Tensor<const int32_t> input_ids = rt::input(batch.input_ids, {2, 8});
// CPP-NEXT:  const Tensor<float> table = rt::tensor<float>(ctx, W(0), {9, 4});
// CPP-NEXT:  const Tensor<float> x = rt::tensor<float>(ctx, 256, {16, 4});
// CPP-NEXT:  const Tensor<float> y = rt::tensor<float>(ctx, 768, {2, 9});
// CPP-NEXT:  // model.embed_tokens
// CPP-NEXT:  rt::embedding<float>(ctx, x, input_ids, table);
// CPP-NEXT:  rt::forEachLayer(ctx, batch, layer, layer_places);
// CPP-NEXT:  // lm_head
// CPP-NEXT:  rt::linear<float>(ctx, y, x, table, {}, false, 0.5);
// CPP-NEXT:  *logits_out = y.data;
// CPP-NEXT:}
func.func @forward() {
  %ids = exec.argument "input_ids" : memref<2x8xi32>
  %t = exec.parameter @table : memref<9x4xf32>
  %x = exec.buffer "x" at 256 : memref<16x4xf32>
  %z = exec.buffer "only_in_the_table" at 512 : memref<16x4xf32>
  %y = exec.buffer "y" at 768 : memref<2x9xf32>
  exec.embedding %x, %ids, %t : memref<16x4xf32>, memref<2x8xi32>, memref<9x4xf32> loc("model.embed_tokens")
  exec.call @layer(%x) : memref<16x4xf32>
  exec.call @layer(%z) : memref<16x4xf32>
  exec.linear %y, %x, %t {alpha = 0.5 : f64, transposed = false} : memref<2x9xf32>, memref<16x4xf32>, memref<9x4xf32> loc("lm_head")
  exec.output "logits", %y : memref<2x9xf32>
  return
}

// A frozen weight that is mapped has no offset; a trained one has one, and one for its gradient.
//      CPP:static const peft_parameter_t parameters[] = {
// CPP-NEXT:    {"table", "table", PEFT_F32, PEFT_DENSE, 0, 0, 2, {9, 4, 1, 1}, 0, 0, PEFT_INIT_CHECKPOINT, 0.0, nullptr, PEFT_MAPPED, 144, 0},
// CPP-NEXT:    {"a", nullptr, PEFT_F32, PEFT_DENSE, 0, 0, 1, {4, 1, 1, 1}, 0, 1, PEFT_INIT_NORMAL, 0.02, nullptr, 0, 16, 64},
// CPP-NEXT:};
//      CPP:static const peft_memory_t memory[] = {
// CPP-NEXT:    {"temporaries", 256},
// CPP-NEXT:};
//      CPP:    "{\n"
// CPP-NEXT:    "  \"r\": 4\n"
// CPP-NEXT:    "}",
//      CPP:extern "C" const peft_program_t *peft_program_query(uint32_t max_version) {
}
