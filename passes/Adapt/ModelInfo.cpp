//===- ModelInfo.cpp - the model's modules, read from the IR --------------===//
//
// Modules are what PyTorch would list: the owners of parameters, the modules that
// ops name, and everything around them.
//
//===----------------------------------------------------------------------===//
#include "passes/Adapt/Parameters.h"

#include "llvm/ADT/StringSet.h"

#include <map>

using namespace mlir;
using namespace peft;

ModelInfo adapt::modelInfo(ModuleOp module) {
  ModelInfo info;
  auto text = [&](StringRef key) {
    auto value = module->getAttrOfType<StringAttr>(key);
    return value ? value.getValue().str() : std::string();
  };
  auto number = [&](StringRef key) -> int64_t {
    auto value = module->getAttrOfType<IntegerAttr>(key);
    return value ? value.getInt() : 0;
  };
  info.path = text("nn.path").empty() ? text("nn.name") : text("nn.path");
  info.modelType = text("nn.model_type");
  info.hiddenSize = number("nn.hidden_size");
  info.layers = number("nn.layers");
  info.heads = number("nn.heads");
  info.vocabSize = number("nn.vocab_size");

  std::map<std::string, ModelModule> modules;
  auto add = [&](StringRef name, ModuleKind kind) -> ModelModule & {
    for (StringRef outer = parentName(name); !outer.empty(); outer = parentName(outer))
      modules.try_emplace(outer.str());
    ModelModule &entry = modules[name.str()];
    if (entry.kind == ModuleKind::container)
      entry.kind = kind;
    return entry;
  };
  for (auto parameter : module.getOps<nn::ParameterOp>())
    if (StringRef owner = parentName(parameter.getSymName()); !owner.empty())
      add(owner, ModuleKind::other);

  // Ops say better than keys what a module is.
  llvm::StringSet<> tables;
  module.walk([&](nn::EmbeddingOp op) {
    if (auto get = op.getTable().getDefiningOp<nn::GetOp>())
      tables.insert(get.getParameter());
    if (op.getModule())
      add(*op.getModule(), ModuleKind::embedding).kind = ModuleKind::embedding;
  });
  module.walk([&](nn::LinearOp op) {
    if (!op.getModule())
      return;
    ModelModule &entry = add(*op.getModule(), ModuleKind::linear);
    entry.kind = ModuleKind::linear;
    auto get = op.getWeight().getDefiningOp<nn::GetOp>();
    bool tied = get && tables.contains(get.getParameter());
    entry.outputHead =
        tied || op.getModule()->rsplit('.').second == "lm_head" || *op.getModule() == "lm_head";
    info.tied |= tied;
  });
  for (auto &[name, entry] : modules) {
    entry.name = name;
    info.modules.push_back(entry);
  }
  return info;
}
