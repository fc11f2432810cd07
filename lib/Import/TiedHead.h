//===- TiedHead.h - whether the head's matrix is the embedding --*- C++ -*-===//
#ifndef PEFT_LIB_IMPORT_TIEDHEAD_H
#define PEFT_LIB_IMPORT_TIEDHEAD_H

#include "Config.h"
#include "peft/runtime/checkpoint.h"

namespace peft {

struct TiedHead {
  bool tied;
  const CheckpointTensor *duplicate; ///< the embedding's copy under the head's name
  std::string warning;
};

/// What tie_word_embeddings says, unless the files contradict it: a head that is
/// missing is tied, and one that differs from the embedding is not, as in HF.
Result<TiedHead> findTiedHead(const Checkpoint &checkpoint, const ModelConfig &config);

} // namespace peft

#endif // PEFT_LIB_IMPORT_TIEDHEAD_H
