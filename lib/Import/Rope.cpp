//===- Rope.cpp - rotary frequencies from config.json ---------------------===//
#include "Rope.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace peft;
using nlohmann::json;

namespace {
/// What the types of scaling are computed from.
struct Inputs {
  const json &config;
  const json &fields;    ///< rope_parameters or rope_scaling
  std::string where;     ///< the file
  std::string fieldsAre; ///< the file and the key of `fields`
  double theta;
  int64_t dim;
  int64_t seqLen;
  double share; ///< partial_rotary_factor: of the head's dimensions, those that are rotated

  Result<double> number(const char *key) const { return getNumber(fields, key, fieldsAre); }
  Result<double> numberOr(const char *key, double fallback) const {
    return getNumberOr(fields, key, fieldsAre, fallback);
  }
  Result<int64_t> maxPositions() const { return getInt(config, "max_position_embeddings", where); }
  /// The length of pretraining: config.json's own key goes before that of the fields.
  Result<double> originalMaxPositions() const {
    const char *key = "original_max_position_embeddings";
    if (findField(config, key))
      return getNumber(config, key, where);
    if (findField(fields, key))
      return number(key);
    return getNumber(config, "max_position_embeddings", where);
  }
};
} // namespace

#define GET(variable, expression)                                                                            \
  auto variable##Read = (expression);                                                                        \
  if (!variable##Read)                                                                                       \
    return variableStatus(variable##Read);                                                                   \
  auto &variable = *variable##Read

template <class T> static Status variableStatus(const Result<T> &result) { return result.status(); }

/// theta^(2i / dim), rounded to float32 where HF rounds.
static std::vector<float> periods(double theta, int64_t dim) {
  std::vector<float> result;
  for (int64_t i = 0; i < dim; i += 2)
    result.push_back(float(std::pow(double(float(theta)), double(float(i) / float(dim)))));
  return result;
}

static std::vector<float> inverse(std::vector<float> values) {
  for (float &value : values)
    value = 1.0f / value;
  return values;
}

static Result<Rope> plain(const Inputs &in) { return Rope{inverse(periods(in.theta, in.dim))}; }

static Result<Rope> linear(const Inputs &in) {
  GET(factor, in.number("factor"));
  Rope rope{inverse(periods(in.theta, in.dim))};
  for (float &frequency : rope.inverseFrequencies)
    frequency /= float(factor);
  return rope;
}

/// NTK scaling of theta, beyond the length of pretraining only.
static Result<Rope> dynamic(const Inputs &in) {
  GET(factor, in.number("factor"));
  GET(limit, in.maxPositions());
  double length = double(std::max(in.seqLen, limit));
  double stretch = factor * length / double(limit) - (factor - 1);
  return Rope{inverse(periods(in.theta * std::pow(stretch, double(in.dim) / double(in.dim - 2)), in.dim))};
}

static double yarnScale(double factor, double mscale = 1.0) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

/// Low frequencies are interpolated, high ones kept, with a ramp between.
static Result<Rope> yarn(const Inputs &in) {
  GET(original, in.originalMaxPositions());
  GET(factor, in.numberOr("factor", 0));
  if (!findField(in.fields, "factor")) {
    GET(limit, in.maxPositions());
    factor = double(limit) / original;
  }
  GET(mscale, in.numberOr("mscale", 0));
  GET(mscaleAllDim, in.numberOr("mscale_all_dim", 0));
  bool both = mscale != 0 && mscaleAllDim != 0;
  GET(scale,
      in.numberOr("attention_factor",
                  both ? yarnScale(factor, mscale) / yarnScale(factor, mscaleAllDim) : yarnScale(factor)));
  GET(betaFast, in.numberOr("beta_fast", 32));
  GET(betaSlow, in.numberOr("beta_slow", 1));
  GET(truncate, getBoolOr(in.fields, "truncate", in.fieldsAre, true));

  // The dimension whose wave turns `rotations` times within the original length.
  auto correctionDim = [&](double rotations) {
    return double(in.dim) * std::log(original / (rotations * 2 * M_PI)) / (2 * std::log(in.theta));
  };
  double low = correctionDim(betaFast), high = correctionDim(betaSlow);
  if (truncate)
    low = std::floor(low), high = std::ceil(high);
  low = std::max(low, 0.0);
  high = std::min(high, double(in.dim - 1));
  if (low == high)
    high += 0.001;

  Rope rope{periods(in.theta, in.dim), scale};
  for (auto [i, value] : llvm::enumerate(rope.inverseFrequencies)) {
    float ramp = std::clamp((float(i) - float(low)) / float(high - low), 0.0f, 1.0f);
    float keep = 1.0f - ramp;
    value = 1.0f / (float(factor) * value) * (1.0f - keep) + 1.0f / value * keep;
  }
  return rope;
}

/// A factor for each frequency: one list for short rows, one for long ones.
static Result<Rope> longrope(const Inputs &in) {
  GET(original, in.originalMaxPositions());
  const char *key = double(in.seqLen) > original ? "long_factor" : "short_factor";
  GET(factors, getNumbers(in.fields, key, in.fieldsAre));
  if (int64_t(factors.size()) != in.dim / 2)
    return Status::error(in.fieldsAre + ": expected " + std::to_string(in.dim / 2) + " numbers in '" + key +
                         "' (head_dim / 2), got " + std::to_string(factors.size()));
  GET(factor, in.numberOr("factor", 0));
  if (!findField(in.fields, "factor")) {
    GET(limit, in.maxPositions());
    factor = double(limit) / original;
  }
  GET(scale, in.numberOr("attention_factor",
                         factor <= 1 ? 1.0 : std::sqrt(1 + std::log(factor) / std::log(original))));
  Rope rope{periods(in.theta, in.dim), scale};
  for (auto [value, stretch] : llvm::zip_equal(rope.inverseFrequencies, factors))
    value = 1.0f / (float(stretch) * value);
  return rope;
}

/// Llama 3.1: long waves are stretched, short ones kept, with a ramp between.
static Result<Rope> llama3(const Inputs &in) {
  GET(factor, in.number("factor"));
  GET(lowFactor, in.number("low_freq_factor"));
  GET(highFactor, in.number("high_freq_factor"));
  GET(original, in.originalMaxPositions());
  float lowWave = float(original / lowFactor), highWave = float(original / highFactor);
  Rope rope{inverse(periods(in.theta, in.dim))};
  for (float &frequency : rope.inverseFrequencies) {
    float wave = float(2 * M_PI) / frequency;
    float smooth = (float(original) / wave - float(lowFactor)) / float(highFactor - lowFactor);
    if (wave > lowWave)
      frequency /= float(factor);
    else if (wave >= highWave)
      frequency = (1.0f - smooth) * frequency / float(factor) + smooth * frequency;
  }
  return rope;
}

/// Frequencies of the whole head, of which the last are 0: these dimensions stay as they are.
static Result<Rope> proportional(const Inputs &in) {
  GET(factor, in.numberOr("factor", 1));
  if (!(in.share >= 0 && in.share <= 1))
    return Status::error(in.fieldsAre + ": expected 'partial_rotary_factor' from 0 to 1, got " +
                         std::to_string(in.share));
  Rope rope{inverse(periods(in.theta, in.dim))};
  for (auto [i, frequency] : llvm::enumerate(rope.inverseFrequencies))
    frequency = double(i) < std::floor(in.share * double(in.dim) / 2) ? frequency / float(factor) : 0.0f;
  return rope;
}

static constexpr struct {
  llvm::StringLiteral name;
  Result<Rope> (*compute)(const Inputs &);
} types[] = {{"default", plain},   {"linear", linear},
             {"dynamic", dynamic}, {"yarn", yarn},
             {"llama3", llama3},   {"longrope", longrope},
             {"su", longrope},     {"proportional", proportional}}; // su: longrope's first name

/// The theta of the fields, of rope_parameters, of config.json; 0 if none has it.
static Result<double> readTheta(const json &config, const json &fields, const std::string &where) {
  json none;
  const json *parameters = findField(config, "rope_parameters");
  for (const json *object : {&fields, parameters ? parameters : &none, &config})
    if (findField(*object, "rope_theta"))
      return getNumber(*object, "rope_theta", where);
  return 0.0;
}

/// What llama.cpp's converter makes of llama3 scaling: a divisor for each frequency.
static Status divideByGgufFactors(Rope &rope, const json &config, const std::string &where) {
  const json *parameters = findField(config, "rope_parameters");
  if (!parameters || !findField(*parameters, "gguf_freq_factors"))
    return Status::ok();
  GET(factors, getNumbers(*parameters, "gguf_freq_factors", where));
  if (factors.size() != rope.inverseFrequencies.size())
    return Status::error(where + ": expected " + std::to_string(rope.inverseFrequencies.size()) +
                         " values in rope_freqs.weight (head_dim / 2), got " +
                         std::to_string(factors.size()));
  for (auto [frequency, factor] : llvm::zip_equal(rope.inverseFrequencies, factors))
    frequency /= float(factor);
  return Status::ok();
}

Result<Rope> peft::readRope(const json &config, const Family &family, int64_t headDim, int64_t seqLen,
                            const std::string &where) {
  json none = json::object();
  const json *fields = nullptr;
  std::string fieldsAre = where;
  for (const char *key : {"rope_scaling", "rope_parameters"}) // HF lets the older key win
    if (const json *value = findField(config, key); !fields && value && !value->empty()) {
      if (!value->is_object())
        return Status::error(where + ": expected an object for '" + key + "', got " + printJson(*value));
      fields = value;
      fieldsAre = where + ": " + key;
    }
  if (!fields)
    fields = &none;

  GET(oldName, getStringOr(*fields, "type", fieldsAre, "default"));
  GET(name, getStringOr(*fields, "rope_type", fieldsAre, oldName));
  const auto *type = llvm::find_if(types, [&](const auto &entry) { return entry.name == name; });
  if (type == std::end(types))
    return Status::error(fieldsAre + ": unknown rope_type '" + name +
                         "'; supported: default, linear, dynamic, yarn, longrope, llama3, proportional");

  // No family here rotates a part of the head only, but by this type of scaling.
  const json &sharer = findField(*fields, "partial_rotary_factor") ? *fields : config;
  GET(share, getNumberOr(sharer, "partial_rotary_factor", where, 1.0));
  if (share != 1.0 && name != "proportional")
    return Status::error(where + ": expected 'partial_rotary_factor' 1 for " + family.modelType.str() +
                         ", got " + printJson(*findField(sharer, "partial_rotary_factor")) +
                         "; only rope_type 'proportional' takes another");

  // A default where a newer layout was meant would give a plausible but wrong model,
  // hence only files that know neither layout may do without.
  GET(theta, readTheta(config, *fields, where));
  bool assumed = theta == 0 && family.defaultTheta > 0 && !config.contains("rope_parameters") &&
                 !config.contains("rope_theta");
  if (assumed)
    theta = family.defaultTheta;
  if (theta <= 0)
    return Status::error(
        where + ": found no positive 'rope_theta', neither in rope_parameters (transformers 5) nor at "
                "the top level (transformers 4); guessing it would give a wrong model");
  GET(rope, type->compute({config, *fields, where, fieldsAre, theta, headDim, seqLen, share}));
  rope.thetaAssumed = assumed;
  PEFT_TRY(divideByGgufFactors(rope, config, where));
  for (auto [i, frequency] : llvm::enumerate(rope.inverseFrequencies))
    if (!std::isfinite(frequency) || frequency < 0 || (frequency == 0 && name != "proportional"))
      return Status::error(fieldsAre + ": rope_type '" + name + "' with rope_theta " + std::to_string(theta) +
                           " gives the inverse frequency " + std::to_string(frequency) + " at " +
                           std::to_string(i) + "; expected positive finite numbers");
  if (!std::isfinite(rope.scale) || rope.scale <= 0)
    return Status::error(fieldsAre + ": rope_type '" + name + "' gives the factor " +
                         std::to_string(rope.scale) + " of cos and sin; expected a positive finite number");
  return rope;
}
