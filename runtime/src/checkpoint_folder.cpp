//===- checkpoint_folder.cpp - config.json and the safetensors beside it ----===//

#include "checkpoint_state.h"

#include <cctype>

namespace peft {

/// Tables that old versions of transformers saved and new ones compute.
static bool isBuffer(std::string_view name) {
  for (std::string_view end : {"rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias", ".attention.bias",
                               ".attention.masked_bias", "embeddings.position_ids"})
    if (name.size() >= end.size() && name.substr(name.size() - end.size()) == end)
      return true;
  return false;
}

static Storage describeDense(const SafetensorsTensor &tensor) {
  Storage storage;
  storage.data = tensor.data;
  storage.format = Storage::Rows;
  switch (tensor.type) {
  case SafetensorsType::F32:
    storage.type = GgmlType::F32;
    break;
  case SafetensorsType::F16:
    storage.type = GgmlType::F16;
    break;
  case SafetensorsType::BF16:
    storage.type = GgmlType::BF16;
    break;
  case SafetensorsType::F64:
    storage.format = Storage::F64;
    break;
  default:
    storage.format = Storage::Opaque;
  }
  return storage;
}

/// Opens the files of a sharded model and finds each tensor of its map in its file.
static Status openShards(const std::string &folder, const std::string &indexPath,
                         std::vector<SafetensorsFile> &shards, NamedTensors &all) {
  Result<nlohmann::json> parsed = parseJsonFile(indexPath);
  if (!parsed)
    return parsed.status();
  const nlohmann::json *map = findField(*parsed, "weight_map");
  if (!map || !map->is_object())
    return Status::error("'" + indexPath + "': key 'weight_map' expected an object of file names");

  std::map<std::string, size_t> opened;
  for (const auto &item : map->items()) {
    if (!item.value().is_string())
      return Status::error("'" + indexPath + "': tensor '" + item.key() + "' expected a file name");
    const std::string &file = item.value().get_ref<const std::string &>();
    if (file.empty() || file.find('/') != std::string::npos)
      return Status::error("'" + indexPath + "': tensor '" + item.key() +
                           "' expected the name of a file beside it, got '" + file + "'");
    auto [it, isNew] = opened.emplace(file, shards.size());
    if (isNew) {
      Result<SafetensorsFile> shard = SafetensorsFile::open(joinPath(folder, file));
      if (!shard)
        return shard.status();
      shards.push_back(std::move(*shard));
    }
    Result<const SafetensorsTensor *> tensor = shards[it->second].get(item.key());
    if (!tensor)
      return tensor.status();
    all[item.key()] = *tensor;
  }
  return Status::ok();
}

/// An error when the weights are there in a form that is not read.
static Status checkNoPickle(const std::string &folder) {
  Result<std::vector<std::string>> names = listDirectory(folder);
  if (!names)
    return names.status();
  for (const std::string &name : *names)
    if (name.rfind("pytorch_model", 0) == 0)
      return Status::error("'" + joinPath(folder, name) +
                           "' is a pickle, which is not read; save the model again with transformers' "
                           "save_pretrained to get model.safetensors");
  return Status::ok();
}

Status Checkpoint::State::openFolder() {
  Result<nlohmann::json> parsed = parseJsonFile(joinPath(path, "config.json"));
  if (!parsed)
    return parsed.status();
  config = std::move(*parsed);
  if (!config.is_object())
    return Status::error("'" + joinPath(path, "config.json") + "': expected an object");
  Status supported = checkQuantization(config);
  if (!supported)
    return Status::error("'" + joinPath(path, "config.json") + "': " + supported.message());

  NamedTensors all;
  std::string single = joinPath(path, "model.safetensors"), index = single + ".index.json";
  if (isFile(single)) {
    Result<SafetensorsFile> file = SafetensorsFile::open(single);
    if (!file)
      return file.status();
    shards.push_back(std::move(*file));
    for (const SafetensorsTensor &tensor : shards[0].tensors())
      all[tensor.name] = &tensor;
  } else if (isFile(index)) {
    PEFT_TRY(openShards(path, index, shards, all));
  } else {
    return checkNoPickle(path);
  }

  for (const auto &[name, tensor] : all) {
    CheckpointTensor described;
    Storage storage;
    std::string base;
    if (isBuffer(name))
      continue;
    if (isNf4Part(all, name, base)) {
      if (name != base)
        continue;
      Status status = describeNf4(all, base, described, storage);
      if (!status)
        return Status::error("'" + path + "': tensor '" + base + "': " + status.message());
    } else {
      described.name = name;
      for (const char *c = toString(tensor->type); *c; ++c)
        described.type += char(std::tolower(static_cast<unsigned char>(*c)));
      described.shape = tensor->shape;
      described.bytes = tensor->bytes;
      storage = describeDense(*tensor);
    }
    add(std::move(described), storage);
  }
  return Status::ok();
}

} // namespace peft
