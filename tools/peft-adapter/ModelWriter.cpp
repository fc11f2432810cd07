//===- ModelWriter.cpp - model.safetensors, in shards if large ------------===//

#include "ModelWriter.h"

#include "peft/runtime/json.h"

#include <map>

using namespace peft;

static Status writeShard(const std::string &path, const std::vector<const MergedTensor *> &tensors,
                         TensorMerger &merger) {
  std::vector<SafetensorsOutput> outputs;
  std::map<std::string, const MergedTensor *> byName;
  for (const MergedTensor *tensor : tensors) {
    outputs.push_back({tensor->name, tensor->type, tensor->source->shape});
    byName[tensor->name] = tensor;
  }
  Result<SafetensorsWriter> writer = SafetensorsWriter::create(path, std::move(outputs));
  if (!writer)
    return writer.status();
  for (const SafetensorsOutput &output : writer->order()) {
    const MergedTensor &tensor = *byName[output.name];
    Result<const void *> bytes = merger.merge(tensor);
    if (!bytes)
      return bytes.status();
    PEFT_TRY(writer->append(*bytes, tensor.bytes()));
  }
  return writer->finish();
}

Status peft::writeModel(const std::string &folder, const std::vector<MergedTensor> &tensors,
                        uint64_t shardBytes, TensorMerger &merger) {
  std::vector<std::vector<const MergedTensor *>> shards(1);
  uint64_t total = 0, inShard = 0;
  for (const MergedTensor &tensor : tensors) {
    if (!shards.back().empty() && inShard + tensor.bytes() > shardBytes) {
      shards.emplace_back();
      inShard = 0;
    }
    shards.back().push_back(&tensor);
    inShard += tensor.bytes();
    total += tensor.bytes();
  }
  if (shards.size() == 1)
    return writeShard(joinPath(folder, "model.safetensors"), shards[0], merger);

  nlohmann::json map = nlohmann::json::object();
  for (size_t i = 0; i < shards.size(); ++i) {
    char name[64];
    snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", i + 1, shards.size());
    for (const MergedTensor *tensor : shards[i])
      map[tensor->name] = name;
    PEFT_TRY(writeShard(joinPath(folder, name), shards[i], merger));
  }
  const nlohmann::json index = {{"metadata", {{"total_size", total}}}, {"weight_map", std::move(map)}};
  return writeFileAtomically(joinPath(folder, "model.safetensors.index.json"), printJson(index, 2) + "\n");
}
