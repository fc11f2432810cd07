//===- adapter.h - the trained parameters as a file -----------------------===//
//
// In the form that loads elsewhere: adapter_model.safetensors for a recipe of HF PEFT,
// adapter.safetensors for one of AdapterHub, trained_parameters.safetensors where
// there is no recipe (full fine-tuning, biases, a regex). Keys are the program's
// parameter names, values float32. Free functions without state.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_ADAPTER_H
#define PEFT_RUNTIME_ADAPTER_H

#include "peft/runtime/weights.h"

namespace peft {

/// The file's name.
std::string adapterFileName(const peft_program_t &program);

/// Writes it, and adapter_config.json if there is a recipe, into a folder that exists.
Status writeAdapter(const std::string &directory, const Weights &weights);

/// Reads a file, or the one in a folder. Keys and shapes must be exactly the program's, but for the base's
/// own values of a target, X.base_layer.weight, which PEFT saves with an adapter on an embedding: they are
/// compared with the base model's, and a text in `warning` says where they differ.
Status readAdapter(const std::string &path, const Weights &weights, std::string *warning = nullptr);

/// Gradients as they stand, under the parameters' names.
Status writeGradients(const std::string &path, const Weights &weights);

/// Whether the initial values leave the base model as it is: error if not.
Status checkInitialIsBase(const peft_program_t &program);

} // namespace peft

#endif // PEFT_RUNTIME_ADAPTER_H
