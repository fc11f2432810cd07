//===- checkpoint_gguf.cpp - a .gguf file in HF's terms -------------------===//

#include "checkpoint_state.h"

namespace peft {

/// Tensors that are computed or read elsewhere.
static bool isTable(std::string_view name) {
  return name == "rope_freqs.weight" || name.find(".attn_rot_embd") != std::string_view::npos;
}

/// Rows of a head, if the converter interleaved its halves, which it does for the
/// query and key projections of arch llama (not of the family that it is in HF's terms).
static int64_t interleavedHeadRows(const std::string &name, const std::string &arch,
                                   const nlohmann::json &config) {
  bool query = name.find(".self_attn.q_proj.") != std::string::npos;
  bool key = name.find(".self_attn.k_proj.") != std::string::npos;
  if ((!query && !key) || arch != "llama")
    return 0;
  return config["head_dim"].get<int64_t>();
}

Status Checkpoint::State::openGguf() {
  fromGguf = true;
  Result<GgufFile> file = GgufFile::open(path);
  if (!file)
    return file.status();
  gguf.emplace(std::move(*file));
  Result<nlohmann::json> made = configOfGguf(*gguf);
  if (!made)
    return made.status();
  config = std::move(*made);
  const std::string arch = *gguf->getString("general.architecture"); // configOfGguf has read it

  for (const GgufTensor &tensor : gguf->tensors()) {
    if (isTable(tensor.name))
      continue;
    CheckpointTensor described;
    described.name = nameOfGgufTensor(tensor.name);
    if (described.name.empty())
      return Status::error("'" + path + "': tensor '" + tensor.name + "' is unknown to architecture '" +
                           arch + "'");
    described.type = toString(tensor.type);
    described.shape = tensor.shape;
    described.bytes = tensor.bytes;
    Storage storage;
    storage.format = Storage::Rows;
    storage.type = tensor.type;
    storage.data = tensor.data;
    storage.headRows = interleavedHeadRows(described.name, arch, config);
    if (storage.headRows) {
      bool flatBlocks = tensor.shape.size() < 2 && blockOf(tensor.type).elements > 1;
      if (tensor.shape.empty() || flatBlocks || storage.headRows % 2 || tensor.shape[0] % storage.headRows)
        return Status::error("'" + path + "': tensor '" + tensor.name + "' expected rows in heads of " +
                             std::to_string(storage.headRows) + ", got " +
                             std::to_string(tensor.shape.empty() ? 0 : tensor.shape[0]) + " rows of " +
                             toString(tensor.type));
    }
    add(std::move(described), storage);
  }
  return Status::ok();
}

} // namespace peft
