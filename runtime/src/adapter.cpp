//===- adapter.cpp - the trained parameters as a file ---------------------===//

#include "peft/runtime/adapter.h"
#include "peft/runtime/names.h"
#include "peft/runtime/safetensors.h"

#include <algorithm>
#include <cstring>
#include <set>

namespace peft {
namespace {

const char *const fileNames[] = {"adapter_model.safetensors", "adapter.safetensors",
                                 "trained_parameters.safetensors", "model.safetensors"};

std::vector<const peft_parameter_t *> trainables(const peft_program_t &program) {
  std::vector<const peft_parameter_t *> result;
  for (uint64_t i = 0; i < program.parameter_count; ++i)
    if (program.parameters[i].trainable)
      result.push_back(&program.parameters[i]);
  return result;
}

/// Every trainable tensor of a run under its parameter's name.
Status writeRun(const std::string &path, const peft_program_t &program, const Result<HostRun> &run) {
  if (!run)
    return run.status();
  std::vector<SafetensorsOutput> tensors;
  for (const peft_parameter_t *parameter : trainables(program))
    tensors.push_back({parameter->name, SafetensorsType::F32, shapeOf(*parameter), run->of(*parameter)});
  return writeSafetensors(path, std::move(tensors));
}

Result<std::string> findAdapterFile(const std::string &path, const peft_program_t &program) {
  if (!isDirectory(path))
    return path;
  if (const std::string own = joinPath(path, adapterFileName(program)); isFile(own))
    return own;
  for (const char *name : fileNames)
    if (const std::string file = joinPath(path, name); isFile(file))
      return file;
  if (isFile(joinPath(path, "adapter_model.bin")) || isFile(joinPath(path, "pytorch_adapter.bin")))
    return Status::error(path + ": the adapter is a pickle; save it with safe_serialization=True");
  return Status::error(path + ": no " + adapterFileName(program) + " in this folder");
}

constexpr std::string_view baseLayer = ".base_layer.weight";

/// The model's key of a tensor X.base_layer.weight where X has an adapter in the program; else empty.
std::string baseKeyOf(const std::string &name, const std::vector<std::string> &known) {
  constexpr std::string_view prefix = "base_model.model.";
  if (name.rfind(prefix, 0) != 0 || name.size() < prefix.size() + baseLayer.size() ||
      name.compare(name.size() - baseLayer.size(), baseLayer.size(), baseLayer) != 0)
    return "";
  const std::string module = name.substr(0, name.size() - baseLayer.size());
  const bool targeted = std::any_of(known.begin(), known.end(), [&](const std::string &key) {
    return key.rfind(module + ".lora_", 0) == 0;
  });
  return targeted ? module.substr(prefix.size()) + ".weight" : "";
}

/// Empty, or that the base's values in the file are not the model's.
Result<std::string> compareBase(const SafetensorsFile &file, const std::string &name, const Checkpoint &base,
                                std::string key) {
  if (!base.find(key)) // a tied head has no tensor of its own
    key = "model.embed_tokens.weight";
  auto tensor = base.get(key);
  if (!tensor)
    return tensor.status();
  if ((*tensor)->shape != (*file.get(name))->shape)
    return Status::error(file.path() + ": " + name + " is " + shapeText((*file.get(name))->shape) +
                         ", the model's is " + shapeText((*tensor)->shape) +
                         "; compile for the model that the adapter was trained on");
  auto saved = file.floats(name);
  if (!saved)
    return saved.status();
  auto same = base.holdsValues(**tensor, *saved);
  if (!same)
    return same.status();
  if (!*same)
    return file.path() + ": " + name + " differs from " + base.path() +
           ", whose values are used; the adapter was trained on another base";
  return std::string();
}

} // namespace

std::string adapterFileName(const peft_program_t &program) {
  if (!*program.recipe)
    return fileNames[2];
  return strstr(program.recipe, "\"peft_type\"") ? fileNames[0] : fileNames[1];
}

Status writeAdapter(const std::string &directory, const Weights &weights) {
  const peft_program_t &program = weights.program();
  PEFT_TRY(writeRun(joinPath(directory, adapterFileName(program)), program, weights.values()));
  if (!*program.recipe)
    return Status::ok();
  return writeFileAtomically(joinPath(directory, "adapter_config.json"), program.recipe);
}

Status readAdapter(const std::string &path, const Weights &weights, std::string *warning) {
  const peft_program_t &program = weights.program();
  auto name = findAdapterFile(path, program);
  if (!name)
    return name.status();
  auto file = SafetensorsFile::open(*name);
  if (!file)
    return file.status();
  const auto parameters = trainables(program);

  // Everything is checked before anything is changed.
  std::vector<std::string> known;
  for (const peft_parameter_t *parameter : parameters) {
    known.push_back(parameter->name);
    auto tensor = file->get(parameter->name);
    if (!tensor)
      return tensor.status();
    if ((*tensor)->shape != shapeOf(*parameter))
      return Status::error(*name + ": " + parameter->name + ": expected shape " +
                           shapeText(shapeOf(*parameter)) + ", got " + shapeText((*tensor)->shape) +
                           "; compile with this adapter's own recipe");
  }
  const std::set<std::string> keys(known.begin(), known.end());
  for (const SafetensorsTensor &tensor : file->tensors()) {
    if (keys.count(tensor.name))
      continue;
    if (const std::string key = baseKeyOf(tensor.name, known); !key.empty()) {
      auto difference = compareBase(*file, tensor.name, weights.base(), key);
      if (!difference)
        return difference.status();
      if (warning && !difference->empty())
        *warning = *difference;
      continue;
    }
    return Status::error(*name + ": " + tensor.name + " is no trainable parameter of this program" +
                         didYouMean(nearestNames(tensor.name, known)) +
                         " (compile with this adapter's own recipe)");
  }
  auto run = weights.values();
  if (!run)
    return run.status();
  for (const peft_parameter_t *parameter : parameters) {
    auto values = file->floats(parameter->name);
    if (!values)
      return values.status();
    std::copy(values->begin(), values->end(), run->of(*parameter));
  }
  return run->store();
}

Status writeGradients(const std::string &path, const Weights &weights) {
  return writeRun(path, weights.program(), weights.gradients());
}

Status checkInitialIsBase(const peft_program_t &program) {
  bool zeros = false;
  const char *drawn = nullptr;
  for (const peft_parameter_t *parameter : trainables(program)) {
    zeros = zeros || parameter->init == PEFT_INIT_ZEROS;
    if (parameter->init == PEFT_INIT_NORMAL || parameter->init == PEFT_INIT_UNIFORM)
      drawn = parameter->name;
  }
  if (!drawn || zeros)
    return Status::ok();
  return Status::error(
      std::string("--adapter off: ") + drawn +
      " starts at random values, so that this program is never the base model; compile one with a "
      "recipe that starts as the identity (LoRA does)");
}

} // namespace peft
