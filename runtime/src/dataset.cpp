//===- dataset.cpp - reading and checking documents -----------------------===//

#include "peft/runtime/dataset.h"
#include "peft/runtime/random.h"

#include <algorithm>
#include <cstring>

namespace peft {

Result<std::vector<int64_t>> readDocumentOffsets(const SafetensorsFile &file, int64_t tokens) {
  auto tensor = file.get("doc_offsets");
  if (!tensor)
    return tensor.status();
  if ((*tensor)->type != SafetensorsType::I64)
    return Status::error(file.path() + ": doc_offsets: expected I64, got " + toString((*tensor)->type));
  std::vector<int64_t> offsets(size_t((*tensor)->elements()));
  if (!offsets.empty())
    memcpy(offsets.data(), (*tensor)->data, offsets.size() * sizeof(int64_t));
  if (offsets.size() < 2)
    return Status::error(file.path() + ": no documents (doc_offsets holds " + std::to_string(offsets.size()) +
                         " numbers)");
  if (offsets.front() != 0 || offsets.back() != tokens || !std::is_sorted(offsets.begin(), offsets.end()))
    return Status::error(file.path() + ": doc_offsets must ascend from 0 to the number of tokens, " +
                         std::to_string(tokens));
  return offsets;
}

Status Dataset::mapTokens(const char *name, std::vector<int32_t> &copy, const int32_t *&place,
                          int64_t &count) {
  auto tensor = file.get(name);
  if (!tensor)
    return Status::error(tensor.status().message() + " (peft-data writes such files)");
  count = (*tensor)->elements();
  if ((*tensor)->type == SafetensorsType::I32 && reinterpret_cast<uintptr_t>((*tensor)->data) % 4 == 0) {
    place = reinterpret_cast<const int32_t *>((*tensor)->data);
    return Status::ok();
  }
  auto values = file.ints(name);
  if (!values)
    return values.status();
  copy = std::move(*values);
  place = copy.data();
  return Status::ok();
}

Status Dataset::addDocument(int64_t number, int64_t begin, int64_t end, const BatchShape &shape) {
  for (int64_t i = begin; i < end; ++i) {
    const bool label = targets[i] != -100 && (targets[i] < 0 || targets[i] >= shape.vocabSize);
    if (!label && ids[i] >= 0 && ids[i] < shape.vocabSize)
      continue;
    return Status::error(path() + ": document " + std::to_string(number) + ", token " +
                         std::to_string(i - begin) + ": " + (label ? "label " : "token ") +
                         std::to_string(label ? targets[i] : ids[i]) +
                         " is outside the model's vocabulary of " + std::to_string(shape.vocabSize) +
                         "; was the file made with another model's tokenizer?");
  }
  const int64_t length = std::min(end - begin, shape.seqLen);
  const int64_t first = shape.virtualTokens > 0 ? 0 : 1; // nothing predicts the first token otherwise
  const bool useful = length > first && std::any_of(targets + begin + first, targets + begin + length,
                                                    [](int32_t label) { return label != -100; });
  if (!useful) {
    ++droppedCount;
    return Status::ok();
  }
  truncatedCount += end - begin > shape.seqLen;
  starts.push_back(begin);
  lengths.push_back(int32_t(length));
  tokenCount += length;
  const auto bytes = [&](const int32_t *values) {
    return std::string_view(reinterpret_cast<const char *>(values + begin), size_t(length) * sizeof(int32_t));
  };
  hash = mixSeeds(hash, hashText(bytes(ids)));
  hash = mixSeeds(hash, hashText(bytes(targets)));
  return Status::ok();
}

Result<Dataset> Dataset::open(const std::string &path, const BatchShape &shape) {
  Dataset dataset;
  auto file = SafetensorsFile::open(path);
  if (!file)
    return file.status();
  dataset.file = std::move(*file);
  int64_t tokens = 0, labels = 0;
  PEFT_TRY(dataset.mapTokens("input_ids", dataset.copiedIds, dataset.ids, tokens));
  PEFT_TRY(dataset.mapTokens("labels", dataset.copiedLabels, dataset.targets, labels));
  if (labels != tokens)
    return Status::error(path + ": labels: expected " + std::to_string(tokens) + " as input_ids has, got " +
                         std::to_string(labels));
  auto offsets = readDocumentOffsets(dataset.file, tokens);
  if (!offsets)
    return offsets.status();
  for (size_t d = 0; d + 1 < offsets->size(); ++d)
    PEFT_TRY(dataset.addDocument(int64_t(d), (*offsets)[d], (*offsets)[d + 1], shape));
  if (dataset.lengths.empty())
    return Status::error(path + ": none of " + std::to_string(offsets->size() - 1) +
                         " documents has a labelled token within the first " + std::to_string(shape.seqLen) +
                         " to learn from; train on the prompt too, or compile for longer rows");
  if (dataset.lengths.size() > size_t(INT32_MAX))
    return Status::error(path + ": more than 2^31 documents");
  return dataset;
}

} // namespace peft
