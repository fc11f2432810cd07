//===- checkpoint_state.h - what a Checkpoint knows of its tensors --------===//

#ifndef PEFT_RUNTIME_SRC_CHECKPOINT_STATE_H
#define PEFT_RUNTIME_SRC_CHECKPOINT_STATE_H

#include "peft/runtime/checkpoint.h"
#include "peft/runtime/gguf.h"
#include "peft/runtime/json.h"
#include "peft/runtime/safetensors.h"

#include <map>
#include <optional>
#include <unordered_map>

namespace peft {

/// Where and how a tensor's elements lie in a mapped file.
struct Storage {
  enum Format {
    Rows,   ///< of `type`, one after another
    F64,    ///< dense doubles
    Nf4,    ///< packed codes at `data`, constants below
    Opaque, ///< integers and float8: listed, not read
  };
  Format format = Opaque;
  GgmlType type = GgmlType::F32;
  const uint8_t *data = nullptr;
  /// 0, or the rows of one attention head whose two halves GGUF has interleaved.
  int64_t headRows = 0;
  const uint8_t *absmax = nullptr, *nestedAbsmax = nullptr, *nestedMap = nullptr;
  float offset = 0;
};

struct Checkpoint::State {
  std::string path;
  nlohmann::json config;
  bool fromGguf = false;
  std::vector<SafetensorsFile> shards;
  std::optional<GgufFile> gguf;
  std::vector<CheckpointTensor> tensors;
  std::vector<Storage> storages; ///< in the order of tensors
  std::unordered_map<std::string, size_t> index;

  /// Fill config, tensors and storages; `path` is set.
  Status openFolder();
  Status openGguf();
  void add(CheckpointTensor tensor, Storage storage);
  /// Sorts the tensors and fills the index.
  void finish();
};

using NamedTensors = std::map<std::string, const SafetensorsTensor *>;

/// Whether `name` is one of several tensors that make up a bitsandbytes weight; then `base` is that weight's
/// name.
bool isNf4Part(const NamedTensors &all, const std::string &name, std::string &base);
/// The weight `base` of bitsandbytes' parts.
Status describeNf4(const NamedTensors &all, const std::string &base, CheckpointTensor &tensor,
                   Storage &storage);
/// Refuses the quantization schemes of config.json that are not read.
Status checkQuantization(const nlohmann::json &config);

/// HF's config from the keys of a GGUF file.
Result<nlohmann::json> configOfGguf(const GgufFile &file);
/// HF's name of a tensor of arch llama, qwen2 or qwen3; empty when it has none.
std::string nameOfGgufTensor(std::string_view name);

} // namespace peft

#endif // PEFT_RUNTIME_SRC_CHECKPOINT_STATE_H
