//===- AdapterFile.cpp - what a trained file does to its base -------------===//

#include "AdapterFile.h"

#include "peft/Recipe/Matching.h"

#include "llvm/ADT/STLExtras.h"

#include <map>

using namespace llvm;
using namespace peft;

const char *Update::method() const {
  switch (kind) {
  case Kind::whole:
    return "whole tensor";
  case Kind::base:
    return "base values";
  case Kind::lora:
    return "lora";
  case Kind::embeddingLora:
    return "embedding lora";
  case Kind::loraBias:
    return "lora bias";
  case Kind::tokens:
    return "token rows";
  case Kind::unmergeable:
    return "own module";
  }
  return "";
}

std::string peft::shapeText(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

Result<AdapterFile> AdapterFile::open(const std::string &path) {
  static const char *const names[] = {"adapter_model.safetensors", "adapter.safetensors",
                                      "trained_parameters.safetensors", "model.safetensors"};
  std::string name = path;
  if (isDirectory(path)) {
    const auto *found =
        find_if(names, [&](const char *candidate) { return isFile(joinPath(path, candidate)); });
    if (found == std::end(names) && isFile(joinPath(path, "adapter_model.bin")))
      return Status::error(path + ": the adapter is a pickle; save it with safe_serialization=True");
    if (found == std::end(names))
      return Status::error(path + ": expected adapter_model.safetensors, adapter.safetensors or "
                                  "trained_parameters.safetensors in this folder");
    name = joinPath(path, *found);
  }
  Result<SafetensorsFile> file = SafetensorsFile::open(name);
  if (!file)
    return file.status();
  AdapterFile adapter(std::move(*file));
  size_t slash = name.rfind('/');
  adapter.directory = slash == std::string::npos ? "." : name.substr(0, slash);
  return adapter;
}

/// The key without what PEFT puts around the model and its modules.
static std::string checkpointKey(StringRef name) {
  name.consume_front("base_model.model.");
  std::string key = name.str();
  for (StringRef wrapper : {"base_layer.", "original_module.", "modules_to_save.default."})
    if (size_t at = key.find("." + wrapper.str()); at != std::string::npos)
      key.erase(at + 1, wrapper.size());
  return key;
}

/// r and scale of each module by the recipe's own rules: the file says which modules those are.
static Expected<std::vector<LoraTarget>> scales(LoraRecipe lora, const std::vector<ModelModule> &modules) {
  if (modules.empty())
    return std::vector<LoraTarget>();
  LoraRecipe exact;
  exact.r = lora.r;
  exact.alpha = lora.alpha;
  exact.rslora = lora.rslora;
  exact.rankPattern = std::move(lora.rankPattern);
  exact.alphaPattern = std::move(lora.alphaPattern);
  exact.targets.kind = ModulePattern::Kind::list;
  ModelInfo model;
  model.modules = modules;
  for (const ModelModule &module : modules)
    exact.targets.names.push_back(module.name);
  Expected<LoraMatch> match = matchLora(exact, model);
  if (!match)
    return match.takeError();
  return std::move(match->targets);
}

Status AdapterFile::describeLora(const LoraRecipe &lora) {
  struct Parts {
    const SafetensorsTensor *a = nullptr, *b = nullptr, *bias = nullptr;
  };
  std::map<std::string, Parts> linears, embeddings;
  for (const SafetensorsTensor &tensor : file.tensors()) {
    std::string key = checkpointKey(tensor.name);
    StringRef name = key;
    if (name.contains("lora_magnitude_vector"))
      return Status::error(file.path() + ": " + tensor.name + ": DoRA is not supported yet");
    if (name.consume_back(".lora_A.weight"))
      linears[name.str()].a = &tensor;
    else if (name.consume_back(".lora_B.weight"))
      linears[name.str()].b = &tensor;
    else if (name.consume_back(".lora_B.bias"))
      linears[name.str()].bias = &tensor;
    else if (name.consume_back(".lora_embedding_A"))
      embeddings[name.str()].a = &tensor;
    else if (name.consume_back(".lora_embedding_B"))
      embeddings[name.str()].b = &tensor;
    else if (name.consume_back(".token_adapter.trainable_tokens_delta")) {
      auto tokens = find_if(lora.trainableTokens, [&](auto &entry) { return name.ends_with(entry.first); });
      if (tokens == lora.trainableTokens.end() || tensor.shape.size() != 2 ||
          tensor.shape[0] != int64_t(tokens->second.size()))
        return Status::error(file.path() + ": " + tensor.name + " is " + shapeText(tensor.shape) +
                             ", but trainable_token_indices of adapter_config.json names other rows");
      parts.push_back({Update::Kind::tokens, (name + ".weight").str(), {&tensor}, 1.0, tokens->second});
    } else if (name.contains(".lora_")) {
      return Status::error(file.path() + ": " + tensor.name + ": unknown kind of LoRA tensor");
    } else {
      const bool base = StringRef(tensor.name).ends_with(".base_layer.weight");
      parts.push_back({base ? Update::Kind::base : Update::Kind::whole, key, {&tensor}, 1.0, {}});
    }
  }

  std::vector<ModelModule> modules;
  for (auto *map : {&linears, &embeddings})
    for (auto &[name, part] : *map) {
      if (!part.a || !part.b)
        return Status::error(file.path() + ": " + name + " has lora_" + (part.a ? "A" : "B") +
                             " without lora_" + (part.a ? "B" : "A"));
      const auto &a = part.a->shape, &b = part.b->shape;
      if (a.size() != 2 || b.size() != 2 || a[0] != b[1])
        return Status::error(file.path() + ": " + name + ": expected A [r, in] and B [out, r], got " +
                             shapeText(a) + " and " + shapeText(b));
      modules.push_back({name, map == &linears ? ModuleKind::linear : ModuleKind::embedding, false});
    }
  Expected<std::vector<LoraTarget>> targets = scales(lora, modules);
  if (!targets)
    return Status::error(directory + "/adapter_config.json: " + toString(targets.takeError()));
  for (const LoraTarget &target : *targets) {
    bool linear = target.kind == ModuleKind::linear;
    const Parts &part = (linear ? linears : embeddings)[target.module];
    if (part.a->shape[0] != target.r)
      return Status::error(file.path() + ": " + target.module + " has rank " +
                           std::to_string(part.a->shape[0]) + ", but adapter_config.json says " +
                           std::to_string(target.r));
    parts.push_back({linear ? Update::Kind::lora : Update::Kind::embeddingLora,
                     target.module + ".weight",
                     {part.a, part.b},
                     target.scale,
                     {}});
    if (part.bias)
      parts.push_back({Update::Kind::loraBias, target.module + ".bias", {part.bias}, target.scale, {}});
  }
  return Status::ok();
}

Status AdapterFile::describe() {
  if (isFile(joinPath(directory, "adapter_config.json"))) {
    Expected<Recipe> parsed = parseRecipeFile(joinPath(directory, "adapter_config.json"));
    if (!parsed)
      return Status::error(toString(parsed.takeError()));
    config = std::move(*parsed);
  }
  if (config && config->lora) {
    PEFT_TRY(describeLora(*config->lora));
  } else {
    for (const SafetensorsTensor &tensor : file.tensors()) {
      if (!config && StringRef(tensor.name).contains("lora_"))
        return Status::error(directory +
                             ": expected adapter_config.json beside an adapter, which tells its scale");
      parts.push_back(
          {config ? Update::Kind::unmergeable : Update::Kind::whole, tensor.name, {&tensor}, 1.0, {}});
    }
  }
  // What replaces a tensor comes before what adds to it.
  llvm::sort(parts, [](const Update &a, const Update &b) {
    int order = StringRef(a.target).compare_numeric(b.target);
    return order ? order < 0 : a.kind < b.kind;
  });
  return Status::ok();
}
