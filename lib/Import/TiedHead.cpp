//===- TiedHead.cpp - whether the head's matrix is the embedding ----------===//
#include "TiedHead.h"

using namespace peft;

Result<TiedHead> peft::findTiedHead(const Checkpoint &checkpoint, const ModelConfig &config) {
  if (!checkpoint.hasWeights())
    return TiedHead{config.tiedHead, nullptr, ""};
  const CheckpointTensor *head = checkpoint.find("lm_head.weight");
  if (!head) {
    TiedHead result{true, nullptr, ""};
    if (config.tiedHeadGiven && !config.tiedHead)
      result.warning = "'" + checkpoint.path() +
                       "': tie_word_embeddings is false, but there is no lm_head.weight: "
                       "model.embed_tokens.weight is the head too";
    return result;
  }
  const CheckpointTensor *embedding = checkpoint.find("model.embed_tokens.weight");
  // What is missing or of another shape is reported when the weights are declared.
  if (!config.tiedHead || !embedding || embedding->shape != head->shape || head->shape.size() != 2 ||
      head->shape[0] < 1)
    return TiedHead{false, nullptr, ""};
  Result<bool> same = checkpoint.sameValues(*embedding, *head);
  if (!same)
    return same.status();
  if (*same)
    return TiedHead{true, head, ""};
  return TiedHead{false, nullptr,
                  "'" + checkpoint.path() +
                      "': tie_word_embeddings is true, but lm_head.weight differs from "
                      "model.embed_tokens.weight: the head is not tied"};
}
