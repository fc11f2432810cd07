//===- ModelConfig.cpp - config.json of a merged model --------------------===//

#include "ModelConfig.h"

#include <cmath>

using namespace peft;

SafetensorsType peft::configuredType(const nlohmann::json &config) {
  for (const char *key : {"dtype", "torch_dtype"})
    if (const nlohmann::json *value = findField(config, key); value && value->is_string())
      return *value == "bfloat16"  ? SafetensorsType::BF16
             : *value == "float16" ? SafetensorsType::F16
                                   : SafetensorsType::F32;
  return SafetensorsType::F32;
}

static const char *torchName(SafetensorsType type) {
  return type == SafetensorsType::BF16 ? "bfloat16" : type == SafetensorsType::F16 ? "float16" : "float32";
}

/// The divisors of inv_freq that rope type llama3 stands for.
static std::vector<double> llama3Factors(double theta, int64_t pairs, double factor, double original) {
  const double low = 1.0, high = 4.0;
  std::vector<double> factors;
  for (int64_t i = 0; i < pairs; ++i) {
    const double wavelength = 2.0 * M_PI * std::pow(theta, double(i) / double(pairs));
    if (wavelength < original / high) {
      factors.push_back(1.0);
    } else if (wavelength > original / low) {
      factors.push_back(factor);
    } else {
      const double smooth = (original / wavelength - low) / (high - low);
      factors.push_back(1.0 / ((1.0 - smooth) / factor + smooth));
    }
  }
  return factors;
}

/// A GGUF holds the divisors themselves (rope_freqs.weight), Hugging Face the four numbers that they come
/// from.
static Status nameFrequencyFactors(nlohmann::json &rope, const std::string &path) {
  std::vector<double> found = rope["gguf_freq_factors"].get<std::vector<double>>();
  rope.erase("gguf_freq_factors");
  const double theta = rope["rope_theta"].get<double>(), factor = found.empty() ? 1.0 : found.back();
  for (double original : {8192.0, 4096.0, 16384.0, 32768.0, 131072.0}) {
    const std::vector<double> expected = llama3Factors(theta, int64_t(found.size()), factor, original);
    bool same = true;
    for (size_t i = 0; i < found.size(); ++i)
      same = same && std::fabs(found[i] - expected[i]) <= 1e-4 * expected[i];
    if (!same)
      continue;
    rope["rope_type"] = "llama3";
    rope["factor"] = factor;
    rope["low_freq_factor"] = 1.0;
    rope["high_freq_factor"] = 4.0;
    rope["original_max_position_embeddings"] = int64_t(original);
    return Status::ok();
  }
  return Status::error(
      path + ": rope_freqs.weight is no scaling of rope type llama3, so config.json can't tell it; train and "
             "generate from the GGUF itself");
}

Result<nlohmann::json> peft::mergedConfig(const Checkpoint &base, SafetensorsType dtype, bool dtypeChanges,
                                          bool untied) {
  nlohmann::json config = base.config();
  config.erase("quantization_config");
  if (dtypeChanges || base.isGguf()) {
    const bool torchKey = config.contains("torch_dtype"); // transformers 4
    if (torchKey || base.isGguf())
      config["torch_dtype"] = torchName(dtype);
    if (!torchKey)
      config["dtype"] = torchName(dtype);
  }
  if (untied)
    config["tie_word_embeddings"] = false;
  if (auto rope = config.find("rope_parameters");
      rope != config.end() && rope->contains("gguf_freq_factors")) {
    PEFT_TRY(nameFrequencyFactors(*rope, base.path()));
    nlohmann::json scaling = *rope; // as transformers 4 reads it
    scaling.erase("rope_theta");
    config["rope_scaling"] = std::move(scaling);
  }
  return config;
}

nlohmann::json peft::generationConfig(const Checkpoint &base) {
  nlohmann::json generation = nlohmann::json::object();
  if (!base.isGguf())
    return generation;
  for (const char *key : {"bos_token_id", "eos_token_id", "pad_token_id"})
    if (const nlohmann::json *id = findField(base.config(), key))
      generation[key] = *id;
  if (!generation.empty())
    generation["_from_model_config"] = true;
  return generation;
}
