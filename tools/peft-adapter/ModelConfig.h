//===- ModelConfig.h - config.json of a merged model ------------*- C++ -*-===//
#ifndef PEFT_TOOLS_ADAPTER_MODELCONFIG_H
#define PEFT_TOOLS_ADAPTER_MODELCONFIG_H

#include "peft/runtime/checkpoint.h"
#include "peft/runtime/json.h"
#include "peft/runtime/safetensors.h"

namespace peft {

/// The type in which config.json says that the model is kept; F32 where it doesn't.
SafetensorsType configuredType(const nlohmann::json &config);

/// The base's config.json for dense weights: no quantization, `dtype` if it changes, `untied` heads. What a
/// GGUF says in its own terms is put into Hugging Face's.
Result<nlohmann::json> mergedConfig(const Checkpoint &base, SafetensorsType dtype, bool dtypeChanges,
                                    bool untied);

/// generation_config.json of a GGUF: the special tokens that it names. A folder has its own: empty.
nlohmann::json generationConfig(const Checkpoint &base);

} // namespace peft

#endif // PEFT_TOOLS_ADAPTER_MODELCONFIG_H
