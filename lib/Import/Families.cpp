//===- Families.cpp - the table of model families -------------------------===//
#include "Families.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace peft;

static constexpr Family table[] = {
    // model_type, q/k/v bias, o bias, mlp bias, head norms, window, kv heads optional, head_dim, theta
    {"llama", BiasRule::Flag, BiasRule::Flag, BiasRule::Flag, false, WindowRule::None, true, 0, 10000.0},
    {"mistral", BiasRule::Never, BiasRule::Never, BiasRule::Never, false, WindowRule::Everywhere, false, 0,
     0},
    {"qwen2", BiasRule::Always, BiasRule::Never, BiasRule::Never, false, WindowRule::ByLayer, false, 0, 0},
    {"qwen3", BiasRule::Flag, BiasRule::Flag, BiasRule::Never, true, WindowRule::ByLayer, false, 128, 0},
};

llvm::ArrayRef<Family> peft::families() { return table; }

const Family *peft::findFamily(llvm::StringRef modelType) {
  const Family *found =
      llvm::find_if(table, [&](const Family &family) { return family.modelType == modelType; });
  return found == std::end(table) ? nullptr : found;
}

std::string peft::familyNames() {
  return llvm::join(llvm::map_range(table, [](const Family &family) { return family.modelType.str(); }),
                    ", ");
}
