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

} // namespace

std::string adapterFileName(const peft_program_t &program) {
  if (!*program.recipe)
    return fileNames[2];
  return strstr(program.recipe, "\"peft_type\"") ? fileNames[0] : fileNames[1];
}

Status writeAdapter(const std::string &directory, const Weights &weights) {
  const peft_program_t &program = weights.program();
  std::vector<SafetensorsOutput> tensors;
  for (const peft_parameter_t *parameter : trainables(program))
    tensors.push_back(
        {parameter->name, SafetensorsType::F32, shapeOf(*parameter), weights.values(*parameter)});
  PEFT_TRY(writeSafetensors(joinPath(directory, adapterFileName(program)), std::move(tensors)));
  if (!*program.recipe)
    return Status::ok();
  return writeFileAtomically(joinPath(directory, "adapter_config.json"), program.recipe);
}

Status readAdapter(const std::string &path, const Weights &weights) {
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
    if (!keys.count(tensor.name))
      return Status::error(*name + ": " + tensor.name + " is no trainable parameter of this program" +
                           didYouMean(nearestNames(tensor.name, known)) +
                           " (compile with this adapter's own recipe)");
  }
  for (const peft_parameter_t *parameter : parameters) {
    auto values = file->floats(parameter->name);
    if (!values)
      return values.status();
    std::copy(values->begin(), values->end(), weights.values(*parameter));
  }
  return Status::ok();
}

Status writeGradients(const std::string &path, const Weights &weights) {
  std::vector<SafetensorsOutput> tensors;
  for (const peft_parameter_t *parameter : trainables(weights.program()))
    tensors.push_back(
        {parameter->name, SafetensorsType::F32, shapeOf(*parameter), weights.gradient(*parameter)});
  return writeSafetensors(path, std::move(tensors));
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
