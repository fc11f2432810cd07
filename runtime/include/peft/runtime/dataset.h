//===- dataset.h - the flat documents that peft-data writes ---------------===//
//
// A safetensors file with input_ids I32 [T], labels I32 [T] (-100 is ignored) and
// doc_offsets I64 [D + 1]: document d is [doc_offsets[d], doc_offsets[d + 1]). The
// tokens stay mapped. A document longer than a row is cut at its end, one without a
// labelled token left is dropped; both are counted. Const methods may be called from
// several threads at once.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_DATASET_H
#define PEFT_RUNTIME_DATASET_H

#include "peft/runtime/safetensors.h"

namespace peft {

/// What a program takes.
struct BatchShape {
  int64_t batch, seqLen, vocabSize;
  int64_t virtualTokens; ///< with some, a row's first token is predicted too
};

class Dataset {
public:
  /// Everything is checked here: ranges, order, that something is left to learn from.
  static Result<Dataset> open(const std::string &path, const BatchShape &shape);

  const std::string &path() const { return file.path(); }
  int64_t documents() const { return int64_t(lengths.size()); }
  /// After truncation.
  const std::vector<int32_t> &documentLengths() const { return lengths; }
  const int32_t *inputIds(int64_t document) const { return ids + starts[size_t(document)]; }
  const int32_t *labels(int64_t document) const { return targets + starts[size_t(document)]; }

  int64_t tokens() const { return tokenCount; }
  int64_t truncated() const { return truncatedCount; }
  int64_t dropped() const { return droppedCount; }
  const std::map<std::string, std::string> &metadata() const { return file.metadata(); }
  /// Of the documents as they will be used.
  uint64_t fingerprint() const { return hash; }

private:
  Status mapTokens(const char *name, std::vector<int32_t> &copy, const int32_t *&place, int64_t &count);
  Status addDocument(int64_t number, int64_t begin, int64_t end, const BatchShape &shape);

  SafetensorsFile file;
  std::vector<int32_t> copiedIds, copiedLabels; // only where the file's are misaligned or not I32
  const int32_t *ids = nullptr, *targets = nullptr;
  std::vector<int64_t> starts;
  std::vector<int32_t> lengths;
  int64_t tokenCount = 0, truncatedCount = 0, droppedCount = 0;
  uint64_t hash = 0;
};

/// doc_offsets of a file: ascending from 0 to `tokens`.
Result<std::vector<int64_t>> readDocumentOffsets(const SafetensorsFile &file, int64_t tokens);

} // namespace peft

#endif // PEFT_RUNTIME_DATASET_H
