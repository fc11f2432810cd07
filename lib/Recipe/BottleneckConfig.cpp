//===- BottleneckConfig.cpp - AdapterHub's Pfeiffer adapter (seq_bn) ------===//
#include "Fields.h"

using namespace llvm;
using namespace peft;

bool peft::isActivationName(StringRef name) {
  return is_contained({"relu", "gelu", "gelu_new", "swish", "silu", "tanh"}, name);
}

static void expectFlag(Fields &fields, StringRef key, bool expected, bool fallback) {
  if (fields.flag(key, fallback) != expected)
    fields.fail(
        key,
        Twine("expected ") + (expected ? "true" : "false") +
            ": of AdapterHub's bottlenecks only Pfeiffer's (seq_bn with original_ln_before) is supported");
}

Expected<Recipe> peft::parseBottleneckConfig(const json::Object &object, StringRef where) {
  Recipe recipe;
  recipe.origin = where.str();
  BottleneckRecipe &bottleneck = recipe.bottleneck.emplace();

  Fields outer(object, where);
  bottleneck.name = outer.text("name", "default");
  if (bottleneck.name.empty() || bottleneck.name.find('.') != std::string::npos)
    outer.mismatch("name", "a name without a dot");
  const json::Value *config = outer.raw("config");
  if (config && !config->getAsObject())
    outer.mismatch("config", "an object");
  outer.ignore({"hidden_size", "model_class", "model_name", "model_type", "version", "config_id"});
  if (Error error = outer.finish(recipe.warnings))
    return std::move(error);
  if (!config)
    return createStringError(where + ": config: expected an object, got null");

  Fields fields(*config->getAsObject(), (where + ": config").str());
  if (fields.has("architecture"))
    fields.mismatch("architecture", "null (a bottleneck adapter)");
  expectFlag(fields, "mh_adapter", false, false);
  expectFlag(fields, "output_adapter", true, false);
  expectFlag(fields, "original_ln_before", true, false);
  expectFlag(fields, "original_ln_after", true, true);
  expectFlag(fields, "residual_before_ln", true, true);
  if (!fields.has("reduction_factor"))
    fields.fail("reduction_factor", "expected a number above 0, got nothing");
  bottleneck.reduction = fields.number("reduction_factor", 16.0);
  if (!(bottleneck.reduction > 0.0))
    fields.mismatch("reduction_factor", "a number above 0");
  bottleneck.activation = StringRef(fields.text("non_linearity", "relu")).lower();
  if (!isActivationName(bottleneck.activation))
    fields.mismatch("non_linearity", "relu, gelu, gelu_new, swish, silu or tanh");
  bottleneck.scale = fields.number("scaling", 1.0);
  bottleneck.leaveOut = fields.integers("leave_out");
  if (fields.text("init_weights", "bert") != "bert")
    fields.mismatch("init_weights", "\"bert\"");
  fields.refuse({"is_parallel", "ln_before", "ln_after", "use_gating", "adapter_residual_before_ln",
                 "inv_adapter", "phm_layer", "dropout", "stochastic_depth", "cross_adapter",
                 "init_weights_seed"});
  // What only an inverse or a hypercomplex layer would read.
  fields.ignore({"inv_adapter_reduction_factor", "phm_dim", "factorized_phm_W", "shared_W_phm",
                 "shared_phm_rule", "factorized_phm_rule", "phm_c_init", "phm_init_range", "learn_phm",
                 "hypercomplex_nonlinearity", "phm_rank", "phm_bias"});
  if (Error error = fields.finish(recipe.warnings))
    return std::move(error);
  return recipe;
}
