//===- Names.h - short names of checkpoint keys ----------------------------===//
#ifndef PEFT_SUPPORT_NAMES_H
#define PEFT_SUPPORT_NAMES_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace peft {

/// What a value of a parameter is called in printed IR: "q_proj_weight" of
/// "model.layers.0.self_attn.q_proj.weight".
inline std::string valueName(llvm::StringRef key) {
  auto [rest, last] = key.rsplit('.');
  llvm::StringRef module = rest.rsplit('.').second;
  return last.empty() ? key.str() : (module.empty() ? rest : module).str() + "_" + last.str();
}

} // namespace peft

#endif // PEFT_SUPPORT_NAMES_H
