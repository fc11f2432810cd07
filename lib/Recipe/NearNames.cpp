//===- NearNames.cpp - what a name that matches nothing may have meant ----===//
#include "peft/Recipe/Matching.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

#include <map>

using namespace llvm;
using namespace peft;

/// The last `count` components of a dotted name.
static StringRef tail(StringRef name, size_t count) {
  size_t at = name.size();
  while (count > 0 && at != StringRef::npos) {
    at = name.rfind('.', at);
    --count;
  }
  return at == StringRef::npos ? name : name.substr(at + 1);
}

std::string peft::nearNames(StringRef name, const ModelInfo &model) {
  size_t components = name.count('.') + 1;
  std::map<StringRef, unsigned> distances;
  for (const ModelModule &module : model.modules)
    if (module.kind == ModuleKind::linear || module.kind == ModuleKind::embedding) {
      StringRef candidate = tail(module.name, components);
      distances.emplace(candidate, name.lower() == candidate.lower() ? 0 : name.edit_distance(candidate));
    }
  if (distances.empty())
    return "";

  unsigned limit = std::max<unsigned>(2, name.size() / 3);
  std::vector<std::pair<unsigned, StringRef>> near;
  for (auto [candidate, distance] : distances)
    if (distance <= limit)
      near.emplace_back(distance, candidate);
  llvm::sort(near);
  if (near.size() > 3)
    near.resize(3);
  if (!near.empty()) {
    SmallVector<StringRef> names;
    for (auto &entry : near)
      names.push_back(entry.second);
    return ", did you mean " + join(names, " or ") + "?";
  }

  std::map<StringRef, unsigned> kinds;
  for (const ModelModule &module : model.modules)
    if (module.kind == ModuleKind::linear || module.kind == ModuleKind::embedding)
      kinds.emplace(tail(module.name, 1), 0);
  SmallVector<StringRef> names;
  for (auto &entry : kinds)
    names.push_back(entry.first);
  return "; the model has " + join(names, ", ");
}
