//===- DecoderBlock.cpp - one decoder block for all families --------------===//
#include "DecoderBlock.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>

using namespace mlir;
using namespace peft;

static int64_t lastDim(Value x) { return cast<RankedTensorType>(x.getType()).getShape().back(); }

Value Decoder::embedding(Value ids, StringRef module) {
  Value table = weights.read(b, (module + ".weight").str(), {config.vocabSize, config.hiddenSize});
  return b.create<nn::EmbeddingOp>(nameLoc(b, module), ids, table, b.getStringAttr(module));
}

Value Decoder::norm(Value x, const Twine &module, int64_t width) {
  Value weight = weights.read(b, (module + ".weight").str(), {width});
  return b.create<nn::RMSNormOp>(nameLoc(b, module), x, weight, b.getF64FloatAttr(config.normEps));
}

Value Decoder::apply(Value x, Value weight, Value bias, StringRef module) {
  return b.create<nn::LinearOp>(nameLoc(b, module), x, weight, bias, /*transposed=*/UnitAttr(),
                                b.getF64FloatAttr(1.0), b.getStringAttr(module));
}

Value Decoder::linear(Value x, const Twine &name, int64_t outputs, bool hasBias) {
  std::string module = name.str();
  Value weight = weights.read(b, module + ".weight", {outputs, lastDim(x)}, /*quantizable=*/true);
  Value bias = hasBias ? weights.read(b, module + ".bias", {outputs}) : Value();
  return apply(x, weight, bias, module);
}

Value Decoder::tiedLinear(Value x, StringRef module, StringRef key, int64_t outputs) {
  return apply(x, weights.read(b, key, {outputs, lastDim(x)}), Value(), module);
}

Value Decoder::attention(Value x, const std::string &module, int64_t window) {
  int64_t queries = config.heads * config.headDim, keys = config.kvHeads * config.headDim;
  Value q = linear(x, module + ".q_proj", queries, config.qkvBias);
  Value k = linear(x, module + ".k_proj", keys, config.qkvBias);
  Value v = linear(x, module + ".v_proj", keys, config.qkvBias);
  if (config.family->headNorms) {
    q = norm(q, module + ".q_norm", config.headDim);
    k = norm(k, module + ".k_norm", config.headDim);
  }
  Location loc = nameLoc(b, module);
  auto rope = [&](Value heads) -> Value {
    return b.create<nn::RopeOp>(loc, heads, positions, b.getDenseF32ArrayAttr(config.rope.inverseFrequencies),
                                b.getI64IntegerAttr(config.headDim), b.getF64FloatAttr(config.rope.scale),
                                /*inverse=*/UnitAttr());
  };
  q = rope(q);
  k = rope(k);
  auto out = b.create<nn::AttentionOp>(loc, q, k, v, segments, b.getI64IntegerAttr(config.headDim),
                                       b.getF64FloatAttr(1.0 / std::sqrt(double(config.headDim))),
                                       b.getI64IntegerAttr(window));
  return linear(out.getOut(), module + ".o_proj", config.hiddenSize, config.outBias);
}

Value Decoder::feedForward(Value x, const std::string &module) {
  Value gate = linear(x, module + ".gate_proj", config.intermediateSize, config.mlpBias);
  Value up = linear(x, module + ".up_proj", config.intermediateSize, config.mlpBias);
  Location loc = nameLoc(b, module);
  Value active = b.create<nn::ActivationOp>(loc, gate.getType(), config.activation, gate);
  Value product = b.create<arith::MulFOp>(loc, active, up);
  return linear(product, module + ".down_proj", config.hiddenSize, config.mlpBias);
}

Value Decoder::block(Value x, int64_t index) {
  std::string layer = "model.layers." + std::to_string(index);
  auto join = [&](Value branch, const std::string &module) -> Value {
    return b.create<nn::ResidualOp>(nameLoc(b, module), x.getType(), x, branch, b.getStringAttr(module));
  };
  Value normed = norm(x, layer + ".input_layernorm", config.hiddenSize);
  x = join(attention(normed, layer + ".self_attn", config.windows[index]), layer + ".self_attn");
  normed = norm(x, layer + ".post_attention_layernorm", config.hiddenSize);
  return join(feedForward(normed, layer + ".mlp"), layer + ".mlp");
}
