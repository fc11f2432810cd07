//===- sampler.h - the next token from its logits -------------------------===//
//
// The order of transformers: temperature, top-k, top-p, then a draw. Equal logits are
// taken in the order of the vocabulary. Free functions; a RandomStream belongs to one
// thread.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_SAMPLER_H
#define PEFT_RUNTIME_SAMPLER_H

#include "peft/runtime/random.h"

namespace peft {

struct Sampling {
  bool draw = false;
  double temperature = 1, topP = 1;
  int64_t topK = 0; ///< 0: all
};

/// REQUIRES: vocabulary > 0
int32_t likeliestToken(const float *logits, int64_t vocabulary);
int32_t sampleToken(const float *logits, int64_t vocabulary, const Sampling &sampling, RandomStream &random);

} // namespace peft

#endif // PEFT_RUNTIME_SAMPLER_H
