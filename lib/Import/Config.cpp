//===- Config.cpp - config.json, understood -------------------------------===//
#include "Config.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace peft;
using nlohmann::json;

namespace {
/// Reads one configuration; each function leaves with the first thing that is wrong.
struct Reader {
  const json &config;
  const std::string &where;
  ModelConfig model{};

  Status size(const char *key, int64_t &value, int64_t limit = INT32_MAX);
  Status flag(const char *key, BiasRule rule, bool &value);
  Status identify();
  Status sizes();
  Status block();
  Status windows();
  Status storage();
  Status quantization();

  Status error(const std::string &message) const { return Status::error(where + ": " + message); }
};
} // namespace

/// `limit` keeps a configuration that lies from costing memory or time.
Status Reader::size(const char *key, int64_t &value, int64_t limit) {
  Result<int64_t> read = getInt(config, key, where);
  if (!read)
    return read.status();
  value = *read;
  if (value < 1 || value > limit)
    return error("expected '" + std::string(key) + "' from 1 to " + std::to_string(limit) + ", got " +
                 std::to_string(value));
  return Status::ok();
}

Status Reader::flag(const char *key, BiasRule rule, bool &value) {
  value = rule == BiasRule::Always;
  if (rule != BiasRule::Flag)
    return Status::ok();
  Result<bool> read = getBoolOr(config, key, where, false);
  if (read)
    value = *read;
  return read.status();
}

Status Reader::identify() {
  Result<std::string> modelType = getString(config, "model_type", where);
  if (!modelType)
    return modelType.status();
  model.family = findFamily(*modelType);
  if (!model.family)
    return error("unknown model_type '" + *modelType + "'; supported: " + familyNames());
  // A checkpoint with another head would silently get a language model's.
  if (findField(config, "architectures")) {
    Result<std::vector<std::string>> names = getStrings(config, "architectures", where);
    if (!names)
      return names.status();
    if (!names->empty() &&
        llvm::none_of(*names, [](llvm::StringRef name) { return name.ends_with("ForCausalLM"); }))
      return error("expected a causal language model (…ForCausalLM) in 'architectures', got '" +
                   names->front() + "'");
  }
  return Status::ok();
}

Status Reader::sizes() {
  PEFT_TRY(size("vocab_size", model.vocabSize));
  PEFT_TRY(size("hidden_size", model.hiddenSize));
  PEFT_TRY(size("intermediate_size", model.intermediateSize));
  PEFT_TRY(size("num_hidden_layers", model.layers, 10000));
  PEFT_TRY(size("num_attention_heads", model.heads, 1 << 16));
  model.kvHeads = model.heads;
  if (!model.family->kvHeadsOptional || findField(config, "num_key_value_heads"))
    PEFT_TRY(size("num_key_value_heads", model.kvHeads, 1 << 16));
  if (model.heads % model.kvHeads)
    return error("expected 'num_attention_heads' to be a multiple of 'num_key_value_heads', got " +
                 std::to_string(model.heads) + " and " + std::to_string(model.kvHeads));
  if (findField(config, "head_dim")) {
    PEFT_TRY(size("head_dim", model.headDim, 1 << 16));
  } else if (model.family->defaultHeadDim) {
    model.headDim = model.family->defaultHeadDim;
  } else {
    if (model.hiddenSize % model.heads)
      return error(
          "expected 'hidden_size' to be a multiple of 'num_attention_heads' where there is no 'head_dim', "
          "got " +
          std::to_string(model.hiddenSize) + " and " + std::to_string(model.heads));
    model.headDim = model.hiddenSize / model.heads;
  }
  if (model.headDim % 2)
    return error("expected an even head_dim, got " + std::to_string(model.headDim));
  return Status::ok();
}

Status Reader::block() {
  Result<double> eps = getNumber(config, "rms_norm_eps", where);
  if (!eps)
    return eps.status();
  model.normEps = *eps;
  if (!(model.normEps > 0 && model.normEps < 1))
    return error("expected 'rms_norm_eps' between 0 and 1, got " + printJson(config["rms_norm_eps"]));

  Result<std::string> name = getStringOr(config, "hidden_act", where, "silu");
  if (!name)
    return name.status();
  auto kind = llvm::StringSwitch<std::optional<nn::ActivationKind>>(*name)
                  .Cases("silu", "swish", nn::ActivationKind::silu)
                  .Case("gelu", nn::ActivationKind::gelu_erf)
                  .Cases("gelu_new", "gelu_pytorch_tanh", nn::ActivationKind::gelu_tanh)
                  .Case("relu", nn::ActivationKind::relu)
                  .Default(std::nullopt);
  if (!kind)
    return error("unknown hidden_act '" + *name +
                 "'; supported: silu, gelu, gelu_new, gelu_pytorch_tanh, relu");
  model.activation = *kind;

  Result<double> dropout = getNumberOr(config, "attention_dropout", where, 0);
  if (!dropout)
    return dropout.status();
  if (*dropout != 0)
    model.warnings.push_back(where + ": 'attention_dropout' " + printJson(config["attention_dropout"]) +
                             " is not applied, as transformers would while it trains; a recipe's dropout is");

  PEFT_TRY(flag("attention_bias", model.family->qkvBias, model.qkvBias));
  PEFT_TRY(flag("attention_bias", model.family->outBias, model.outBias));
  PEFT_TRY(flag("mlp_bias", model.family->mlpBias, model.mlpBias));
  model.tiedHeadGiven = findField(config, "tie_word_embeddings");
  return flag("tie_word_embeddings", BiasRule::Flag, model.tiedHead);
}

Status Reader::windows() {
  model.windows.assign(model.layers, 0);
  if (model.family->window == WindowRule::None)
    return Status::ok();
  bool byLayer = model.family->window == WindowRule::ByLayer;
  Result<bool> used = getBoolOr(config, "use_sliding_window", where, !byLayer);
  if (!used)
    return used.status();
  int64_t window = 4096; // what transformers takes where there is no such key; null is none
  if (!*used || (config.contains("sliding_window") && !findField(config, "sliding_window")))
    return Status::ok();
  if (config.contains("sliding_window"))
    PEFT_TRY(size("sliding_window", window));
  if (!byLayer) {
    model.windows.assign(model.layers, window);
    return Status::ok();
  }

  if (!findField(config, "layer_types")) {
    Result<int64_t> first = getInt(config, "max_window_layers", where);
    if (!first)
      return first.status();
    for (int64_t layer = std::max<int64_t>(*first, 0); layer < model.layers; ++layer)
      model.windows[layer] = window;
    return Status::ok();
  }
  Result<std::vector<std::string>> types = getStrings(config, "layer_types", where);
  if (!types)
    return types.status();
  if (int64_t(types->size()) != model.layers)
    return error("expected 'layer_types' to name each of the " + std::to_string(model.layers) +
                 " layers, got " + std::to_string(types->size()) + " names");
  for (auto [type, slot] : llvm::zip_equal(*types, model.windows)) {
    if (type != "full_attention" && type != "sliding_attention")
      return error("unknown layer type '" + type +
                   "' in 'layer_types'; supported: full_attention, sliding_attention");
    slot = type == "sliding_attention" ? window : 0;
  }
  return Status::ok();
}

Status Reader::storage() {
  const char *key = findField(config, "dtype") ? "dtype" : "torch_dtype";
  Result<std::string> name = getStringOr(config, key, where, "");
  if (!name)
    return name.status();
  llvm::StringRef plain = *name;
  plain.consume_front("torch.");
  model.storedType = llvm::StringSwitch<std::string>(plain)
                         .Case("float32", "f32")
                         .Case("float16", "f16")
                         .Case("bfloat16", "bf16")
                         .Default("");
  if (model.storedType.empty() && !plain.empty() && plain != "auto")
    return error("unknown " + std::string(key) + " '" + *name + "'; supported: float32, float16, bfloat16");
  return Status::ok();
}

Status Reader::quantization() {
  const json *fields = findField(config, "quantization_config");
  if (!fields)
    return Status::ok();
  std::string fieldsAre = where + ": quantization_config";
  Result<std::string> method = getStringOr(*fields, "quant_method", fieldsAre, "bitsandbytes");
  if (!method)
    return method.status();
  Result<bool> fourBit = getBoolOr(*fields, "load_in_4bit", fieldsAre, false);
  if (!fourBit)
    return fourBit.status();
  Result<std::string> type =
      getStringOr(*fields, "bnb_4bit_quant_type", fieldsAre, "fp4"); // bitsandbytes' default
  if (!type)
    return type.status();
  if (*method != "bitsandbytes" || !*fourBit || *type != "nf4")
    return error("expected weights quantized as nf4 by bitsandbytes, got " +
                 (*method != "bitsandbytes" ? *method
                  : *fourBit                ? *type
                                            : std::string("its 8-bit format")) +
                 "; the unquantized checkpoint works, with --quantize to store it smaller");
  Result<bool> twice = getBoolOr(*fields, "bnb_4bit_use_double_quant", fieldsAre, false);
  if (!twice)
    return twice.status();
  ConfiguredNF4 nf4;
  nf4.nested = *twice ? 256 : 0;
  nf4.dense = {"lm_head"};
  if (findField(*fields, "llm_int8_skip_modules")) {
    Result<std::vector<std::string>> names = getStrings(*fields, "llm_int8_skip_modules", fieldsAre);
    if (!names)
      return names.status();
    nf4.dense = *names;
  }
  model.nf4 = std::move(nf4);
  return Status::ok();
}

bool ConfiguredNF4::holds(llvm::StringRef module) const {
  return llvm::none_of(dense, [&](llvm::StringRef name) {
    return module.starts_with(name) || module.contains((name + ".").str()) || module.ends_with(name);
  });
}

Result<ModelConfig> peft::readConfig(const json &config, int64_t seqLen, const std::string &where) {
  Reader reader{config, where};
  PEFT_TRY(reader.identify());
  PEFT_TRY(reader.sizes());
  PEFT_TRY(reader.block());
  PEFT_TRY(reader.windows());
  PEFT_TRY(reader.storage());
  PEFT_TRY(reader.quantization());
  ModelConfig &model = reader.model;
  Result<Rope> rope = readRope(config, *model.family, model.headDim, seqLen, where);
  if (!rope)
    return rope.status();
  model.rope = std::move(*rope);
  if (model.rope.thetaAssumed)
    model.warnings.push_back(where + ": no 'rope_theta', as in the first files of this family: taking " +
                             std::to_string(int64_t(model.family->defaultTheta)));

  if (findField(config, "max_position_embeddings")) {
    int64_t limit;
    PEFT_TRY(reader.size("max_position_embeddings", limit));
    if (seqLen > limit)
      model.warnings.push_back(where + ": sequence length " + std::to_string(seqLen) +
                               " is beyond 'max_position_embeddings' " + std::to_string(limit));
  }
  return std::move(model);
}
