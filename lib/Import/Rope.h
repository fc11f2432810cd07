//===- Rope.h - rotary frequencies from config.json -------------*- C++ -*-===//
//
// transformers 4 writes rope_theta beside rope_scaling; transformers 5 writes both
// as rope_parameters. Each type of scaling is a function from those keys to inverse
// frequencies and a factor of cos and sin, computed in the float32 steps of HF's
// modeling_rope_utils.py. Two types depend on the sequence length, which is static.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_LIB_IMPORT_ROPE_H
#define PEFT_LIB_IMPORT_ROPE_H

#include "Families.h"
#include "peft/runtime/json.h"

namespace peft {

struct Rope {
  std::vector<float> inverseFrequencies; ///< head_dim / 2 of them
  double scale = 1.0;                    ///< of cos and sin
  bool thetaAssumed = false;             ///< the configuration is older than the key
};

/// `where` names the configuration's file in messages.
Result<Rope> readRope(const nlohmann::json &config, const Family &family, int64_t headDim, int64_t seqLen,
                      const std::string &where);

} // namespace peft

#endif // PEFT_LIB_IMPORT_ROPE_H
