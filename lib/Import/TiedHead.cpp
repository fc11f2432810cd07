//===- TiedHead.cpp - whether the head's matrix is the embedding ----------===//
#include "TiedHead.h"

#include <cstring>
#include <numeric>

using namespace peft;

/// Whether two matrices of one shape hold the same values, compared piece by piece.
static Result<bool> sameValues(const Checkpoint &checkpoint, const CheckpointTensor &a,
                               const CheckpointTensor &b) {
  int64_t rows = a.shape[0], width = a.elements() / rows;
  int64_t step = std::max<int64_t>(1, (1 << 20) / std::max<int64_t>(width, 1));
  std::vector<int32_t> indices;
  std::vector<float> left, right;
  for (int64_t row = 0; row < rows; row += step) {
    int64_t count = std::min(step, rows - row);
    indices.resize(count);
    std::iota(indices.begin(), indices.end(), int32_t(row));
    left.resize(count * width);
    right.resize(count * width);
    PEFT_TRY(checkpoint.readRows(a.name, indices.data(), count, left.data()));
    PEFT_TRY(checkpoint.readRows(b.name, indices.data(), count, right.data()));
    if (memcmp(left.data(), right.data(), left.size() * sizeof(float)))
      return false;
  }
  return true;
}

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
  Result<bool> same = sameValues(checkpoint, *embedding, *head);
  if (!same)
    return same.status();
  if (*same)
    return TiedHead{true, head, ""};
  return TiedHead{false, nullptr,
                  "'" + checkpoint.path() +
                      "': tie_word_embeddings is true, but lm_head.weight differs from "
                      "model.embed_tokens.weight: the head is not tied"};
}
