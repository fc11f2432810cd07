//===- AdapterFile.h - what a trained file does to its base -----*- C++ -*-===//
//
// Reads what a training leaves: PEFT's adapter_model.safetensors, AdapterHub's
// adapter.safetensors, or the bare tensors of full, bias and regex training. Its
// tensors are grouped into updates, each of one tensor of the base model. Used by
// one thread at a time.
//
//===----------------------------------------------------------------------===//
#ifndef PEFT_TOOLS_ADAPTER_ADAPTERFILE_H
#define PEFT_TOOLS_ADAPTER_ADAPTERFILE_H

#include "peft/Recipe/Recipe.h"
#include "peft/runtime/safetensors.h"

namespace peft {

/// One thing that a file does to one tensor of the base.
struct Update {
  enum class Kind {
    whole,         ///< {value}: takes its place
    base,          ///< {value}: the base's own, which PEFT saves with an adapter on an embedding
    lora,          ///< {A, B}: W + scale * B A
    embeddingLora, ///< {A, B}: W + scale * (B A)^T
    loraBias,      ///< {bias of B}: b + scale * bias
    tokens,        ///< {rows}: takes the place of `rows`
    unmergeable,   ///< soft prompts and bottlenecks
  } kind;
  std::string target; ///< the tensor's key in the checkpoint; the key in the file if it's unmergeable
  std::vector<const SafetensorsTensor *> tensors;
  double scale = 1.0;
  std::vector<int32_t> rows;

  /// "lora", "embedding lora", ...
  const char *method() const;
};

class AdapterFile {
public:
  /// `path` is a file, or a folder that holds one.
  static Result<AdapterFile> open(const std::string &path);

  const SafetensorsFile &tensors() const { return file; }
  /// The folder of the file.
  const std::string &folder() const { return directory; }
  /// Reads the recipe beside the file, if there is one, and sorts the tensors into updates.
  Status describe();
  /// Absent where whole tensors were trained.
  const std::optional<Recipe> &recipe() const { return config; }
  /// Sorted by target, layers by number.
  const std::vector<Update> &updates() const { return parts; }

private:
  explicit AdapterFile(SafetensorsFile file) : file(std::move(file)) {}
  Status describeLora(const LoraRecipe &lora);

  SafetensorsFile file;
  std::string directory;
  std::optional<Recipe> config;
  std::vector<Update> parts;
};

/// [4, 64]
std::string shapeText(const std::vector<int64_t> &shape);

} // namespace peft

#endif // PEFT_TOOLS_ADAPTER_ADAPTERFILE_H
