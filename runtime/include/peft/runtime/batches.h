//===- batches.h - micro-batches by epoch and number ----------------------===//
//
// A BatchSource answers with the same micro-batch for the same (epoch, number),
// whatever was asked before: a resumed run needs no state of it. Not shared between
// threads: it caches the order of the current epoch.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_BATCHES_H
#define PEFT_RUNTIME_BATCHES_H

#include "peft/runtime/abi.h"
#include "peft/runtime/dataset.h"
#include "peft/runtime/packing.h"

#include <memory>

namespace peft {

/// Sizes and formats of a program's batches.
BatchShape batchShape(const peft_program_t &program);

/// One micro-batch, [batch, seqLen] each.
struct MicroBatch {
  std::vector<int32_t> inputIds, labels, positions, segments;
  int64_t labelled = 0; ///< predicted tokens: what the loss is divided by
  int64_t tokens = 0;   ///< without padding
  int64_t samples = 0;  ///< rows that are not all padding

  /// All padding.
  void clear(const BatchShape &shape);
  /// Counts labelled tokens (as the kernel shift_labels will see them), tokens and rows.
  void count(const BatchShape &shape);
};

class BatchSource {
public:
  virtual ~BatchSource() = default;
  /// Micro-batches of an epoch.
  virtual int64_t size() const = 0;
  virtual Status fill(int64_t epoch, int64_t number, MicroBatch &batch) = 0;
  /// Equal for equal data, order and shape.
  virtual uint64_t fingerprint() const = 0;
};

/// Documents, packed or one a row. With `shuffled`, each epoch has its own order of
/// documents and of rows.
std::unique_ptr<BatchSource> documentBatches(const Dataset &dataset, const BatchShape &shape, bool packed,
                                             bool shuffled, uint64_t seed);

/// The batches of a file, in its order: input_ids.N, labels.N and attention_mask.N (1 everywhere if absent).
Result<std::unique_ptr<BatchSource>> replayedBatches(const std::string &path, const BatchShape &shape);

/// Full rows of random tokens, all labelled.
std::unique_ptr<BatchSource> randomBatches(const BatchShape &shape, int64_t count, uint64_t seed);

} // namespace peft

#endif // PEFT_RUNTIME_BATCHES_H
