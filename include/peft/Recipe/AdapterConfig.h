//===- AdapterConfig.h - the config file beside a trained adapter -*- C++ -*-===//
#ifndef PEFT_RECIPE_ADAPTERCONFIG_H
#define PEFT_RECIPE_ADAPTERCONFIG_H

#include "peft/Recipe/Matching.h"

namespace peft {

/// The text of adapter_config.json, byte for byte in PEFT 0.21's form (every key,
/// sorted, indented by 2, target_modules written out) or in AdapterHub's. Empty
/// for full, bias and regex training, which leave no adapter.
llvm::Expected<std::string> adapterConfigJson(const Recipe &recipe, const ModelInfo &model);

} // namespace peft

#endif // PEFT_RECIPE_ADAPTERCONFIG_H
