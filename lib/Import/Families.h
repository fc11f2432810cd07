//===- Families.h - the table of model families -----------------*- C++ -*-===//
//
// One row says in which knobs a family differs from the others; the decoder block
// is one for all. A new family of this shape is a new row.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_LIB_IMPORT_FAMILIES_H
#define PEFT_LIB_IMPORT_FAMILIES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>

namespace peft {

/// Whether the linears of a group have a bias: the family fixes it, or a flag of
/// config.json (attention_bias, mlp_bias) says so.
enum class BiasRule { Never, Always, Flag };

/// Which layers attend to `sliding_window` tokens only.
enum class WindowRule {
  None,
  Everywhere, ///< wherever sliding_window is set
  ByLayer,    ///< by layer_types, or from max_window_layers on if use_sliding_window
};

struct Family {
  llvm::StringLiteral modelType; ///< config.json's model_type
  BiasRule qkvBias;              ///< of q_proj, k_proj and v_proj
  BiasRule outBias;              ///< of o_proj
  BiasRule mlpBias;              ///< of gate_proj, up_proj and down_proj
  bool headNorms;                ///< q_norm and k_norm over each head, before rope
  WindowRule window;
  bool kvHeadsOptional;   ///< without num_key_value_heads there is one a head
  int64_t defaultHeadDim; ///< without head_dim; 0: hidden_size / num_attention_heads
  double defaultTheta;    ///< of files that are older than the key rope_theta; 0: there are none
};

llvm::ArrayRef<Family> families();
/// Null when there is none.
const Family *findFamily(llvm::StringRef modelType);
/// "llama, mistral, ...", for messages.
std::string familyNames();

} // namespace peft

#endif // PEFT_LIB_IMPORT_FAMILIES_H
