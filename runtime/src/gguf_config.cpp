//===- gguf_config.cpp - HF's config.json from the keys of a GGUF file ----===//

#include "checkpoint_state.h"

#include <cmath>

namespace peft {

namespace {

/// Copies keys of one architecture into a config and keeps the first error.
class ConfigMaker {
public:
  ConfigMaker(const GgufFile &file, std::string arch) : file(file), arch(std::move(arch)) {}

  bool has(const char *key) const { return file.has(arch + key); }
  /// The value of a key that must be there.
  int64_t count(const char *key) {
    Result<int64_t> value = file.getInt(arch + key);
    if (!value)
      return fail(value.status()), 1;
    if (*value <= 0 || *value > INT32_MAX)
      return fail(Status::error("'" + file.path() + "': key '" + arch + key +
                                "' expected a positive number, got " + std::to_string(*value))),
             1;
    return *value;
  }
  double number(const char *key, double fallback) {
    if (!has(key))
      return fallback;
    Result<double> value = file.getNumber(arch + key);
    if (!value)
      return fail(value.status()), fallback;
    return *value;
  }
  std::string text(const char *key, const char *fallback) {
    if (!has(key))
      return fallback;
    Result<std::string> value = file.getString(arch + key);
    if (!value)
      return fail(value.status()), fallback;
    return *value;
  }
  void fail(Status why) {
    if (status)
      status = std::move(why);
  }

  const GgufFile &file;
  const std::string arch;
  Status status = Status::ok();
};

} // namespace

/// The scaling of rotary positions, as transformers 5 writes it.
static nlohmann::json makeRope(ConfigMaker &from, int64_t headDim) {
  const GgufFile &file = from.file;
  nlohmann::json rope;
  // 10000 is the format's own default, not a guess.
  rope["rope_theta"] = from.number(".rope.freq_base", 10000.0);
  std::string type = from.text(".rope.scaling.type", "none");
  rope["rope_type"] = type == "none" ? "default" : type;
  if (type == "linear" || type == "yarn") {
    double factor = from.number(".rope.scaling.factor", 1.0);
    rope["factor"] = factor;
    if (type == "yarn") {
      if (from.has(".rope.scaling.original_context_length"))
        rope["original_max_position_embeddings"] = from.count(".rope.scaling.original_context_length");
      // GGUF's factor multiplies what yarn prescribes; HF's replaces it.
      if (from.has(".rope.scaling.attn_factor"))
        rope["attention_factor"] =
            from.number(".rope.scaling.attn_factor", 1.0) * (0.1 * std::log(factor) + 1.0);
      if (from.has(".rope.scaling.yarn_beta_fast"))
        rope["beta_fast"] = from.number(".rope.scaling.yarn_beta_fast", 32.0);
      if (from.has(".rope.scaling.yarn_beta_slow"))
        rope["beta_slow"] = from.number(".rope.scaling.yarn_beta_slow", 1.0);
    }
  } else if (type != "none") {
    from.fail(Status::error("'" + file.path() + "': key '" + from.arch +
                            ".rope.scaling.type' expected none, linear " + "or yarn, got '" + type + "'"));
  }

  if (const GgufTensor *factors = file.findTensor("rope_freqs.weight")) {
    if (factors->type != GgmlType::F32 || factors->elements() != headDim / 2) {
      from.fail(Status::error("'" + file.path() + "': tensor 'rope_freqs.weight' expected " +
                              std::to_string(headDim / 2) + " x f32, got " +
                              std::to_string(factors->elements()) + " x " + toString(factors->type)));
    } else {
      std::vector<float> values(size_t(factors->elements()));
      dequantizeRow(factors->type, factors->data, values.data(), factors->elements());
      rope["gguf_freq_factors"] = values;
    }
  }
  return rope;
}

static void copyTokens(ConfigMaker &from, nlohmann::json &config) {
  static const std::pair<const char *, const char *> keys[] = {
      {"tokenizer.ggml.bos_token_id", "bos_token_id"},
      {"tokenizer.ggml.eos_token_id", "eos_token_id"},
      {"tokenizer.ggml.padding_token_id", "pad_token_id"}};
  for (auto [gguf, hf] : keys)
    if (from.file.has(gguf)) {
      Result<int64_t> id = from.file.getInt(gguf);
      if (!id)
        return from.fail(id.status());
      config[hf] = *id;
    }
}

Result<nlohmann::json> configOfGguf(const GgufFile &file) {
  Result<std::string> arch = file.getString("general.architecture");
  if (!arch)
    return arch.status();
  if (*arch != "llama" && *arch != "qwen2" && *arch != "qwen3")
    return Status::error("'" + file.path() + "': general.architecture '" + *arch +
                         "' is not supported; supported are llama (also mistral), qwen2 and qwen3");
  if (file.has("split.count")) {
    Result<int64_t> parts = file.getInt("split.count");
    if (!parts)
      return parts.status();
    if (*parts > 1)
      return Status::error("'" + file.path() + "' is one of " + std::to_string(*parts) +
                           " parts; join them first with 'llama-gguf-split --merge'");
  }

  ConfigMaker from(file, *arch);
  nlohmann::json config;
  // GGUF calls three families llama: a window makes mistral of it; biases of q, k and v without one of o,
  // which llama's attention_bias can't say, make qwen2.
  bool window = from.has(".attention.sliding_window");
  bool bias = file.findTensor("blk.0.attn_q.bias"), outBias = file.findTensor("blk.0.attn_output.bias");
  std::string type = *arch != "llama" ? *arch : bias && !outBias ? "qwen2" : window ? "mistral" : "llama";
  config["model_type"] = type;
  config["architectures"] = {type == "llama"     ? "LlamaForCausalLM"
                             : type == "mistral" ? "MistralForCausalLM"
                             : type == "qwen2"   ? "Qwen2ForCausalLM"
                                                 : "Qwen3ForCausalLM"};
  config["hidden_act"] = "silu";

  int64_t hidden = from.count(".embedding_length"), heads = from.count(".attention.head_count");
  int64_t headDim = from.has(".attention.key_length") ? from.count(".attention.key_length") : hidden / heads;
  config["hidden_size"] = hidden;
  config["intermediate_size"] = from.count(".feed_forward_length");
  config["num_hidden_layers"] = from.count(".block_count");
  config["num_attention_heads"] = heads;
  config["num_key_value_heads"] =
      from.has(".attention.head_count_kv") ? from.count(".attention.head_count_kv") : heads;
  config["head_dim"] = headDim;
  config["max_position_embeddings"] = from.count(".context_length");
  if (!from.has(".attention.layer_norm_rms_epsilon"))
    from.fail(Status::error("'" + file.path() + "': key '" + *arch +
                            ".attention.layer_norm_rms_epsilon' is missing"));
  config["rms_norm_eps"] = from.number(".attention.layer_norm_rms_epsilon", 0.0);
  if (from.has(".rope.dimension_count") && from.count(".rope.dimension_count") != headDim)
    from.fail(Status::error("'" + file.path() + "': key '" + *arch +
                            ".rope.dimension_count' expected the head size " + std::to_string(headDim) +
                            "; rotating a part of it is not supported"));
  config["rope_parameters"] = makeRope(from, headDim);
  config["rope_theta"] = config["rope_parameters"]["rope_theta"];
  if (window) {
    config["sliding_window"] = from.count(".attention.sliding_window");
    if (type != "mistral") {
      config["use_sliding_window"] = true;
      config["max_window_layers"] = 0;
    }
  }

  const GgufTensor *embedding = file.findTensor("token_embd.weight");
  if (embedding && embedding->shape.size() == 2)
    config["vocab_size"] = embedding->shape[0];
  else
    config["vocab_size"] = from.count(".vocab_size");
  config["tie_word_embeddings"] = !file.findTensor("output.weight");
  if (type == "llama" || type == "qwen3")
    config["attention_bias"] = bias;
  if (type == "llama")
    config["mlp_bias"] = file.findTensor("blk.0.ffn_up.bias") != nullptr;
  copyTokens(from, config);
  if (!from.status)
    return from.status;
  return config;
}

} // namespace peft
