//===- Config.h - config.json, understood -----------------------*- C++ -*-===//
//
// What the decoder block needs of a configuration, checked: sizes are positive and
// fit together, every name is known. Both layouts are read (transformers 4 and 5).
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_LIB_IMPORT_CONFIG_H
#define PEFT_LIB_IMPORT_CONFIG_H

#include "Families.h"
#include "Rope.h"
#include "dialects/NN/NN.h"

#include <optional>

namespace peft {

/// The configuration's quantization by bitsandbytes, for a folder without weights:
/// linears are stored as nf4 unless a name in `dense` is theirs.
struct ConfiguredNF4 {
  int64_t block = 64; ///< bitsandbytes' own, which it doesn't write
  int64_t nested = 0; ///< 256 with double quantization
  std::vector<std::string> dense;

  bool holds(llvm::StringRef module) const;
};

struct ModelConfig {
  const Family *family;
  int64_t vocabSize, hiddenSize, intermediateSize;
  int64_t layers, heads, kvHeads, headDim;
  double normEps;
  nn::ActivationKind activation;
  bool qkvBias, outBias, mlpBias;
  bool tiedHead;                ///< as configured; the files may disagree
  bool tiedHeadGiven;           ///< the configuration has the key
  std::vector<int64_t> windows; ///< of each layer; 0: sees everything before
  Rope rope;
  std::string storedType; ///< "f32", "bf16", ... of weights that aren't there; may be empty
  std::optional<ConfiguredNF4> nf4;
  std::vector<std::string> warnings;
};

/// `where` names the configuration's file in messages.
Result<ModelConfig> readConfig(const nlohmann::json &config, int64_t seqLen, const std::string &where);

} // namespace peft

#endif // PEFT_LIB_IMPORT_CONFIG_H
