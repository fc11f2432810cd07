//===- NearNames.cpp - what a name that matches nothing may have meant ----===//
#include "peft/Recipe/Matching.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

#include <set>

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

std::string peft::didYouMean(StringRef name, ArrayRef<StringRef> candidates) {
  unsigned limit = std::max<unsigned>(2, name.size() / 3);
  std::set<std::pair<unsigned, StringRef>> near;
  for (StringRef candidate : candidates) {
    unsigned distance = name.equals_insensitive(candidate) ? 0 : name.edit_distance(candidate);
    if (distance <= limit)
      near.emplace(distance, candidate);
  }
  SmallVector<StringRef> names;
  for (auto [distance, candidate] : near)
    if (names.size() < 3)
      names.push_back(candidate);
  return names.empty() ? "" : ", did you mean " + join(names, " or ") + "?";
}

std::string peft::nearNames(StringRef name, const ModelInfo &model) {
  size_t components = name.count('.') + 1;
  SmallVector<StringRef> candidates;
  std::set<StringRef> kinds;
  for (const ModelModule &module : model.modules)
    if (module.kind == ModuleKind::linear || module.kind == ModuleKind::embedding) {
      candidates.push_back(tail(module.name, components));
      kinds.insert(tail(module.name, 1));
    }
  std::string near = didYouMean(name, candidates);
  return kinds.empty() || !near.empty() ? near : "; the model has " + join(kinds, ", ");
}
