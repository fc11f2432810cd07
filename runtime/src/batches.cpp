//===- batches.cpp - documents into rows ----------------------------------===//

#include "peft/runtime/batches.h"
#include "peft/runtime/random.h"

#include <algorithm>
#include <numeric>

namespace peft {

BatchShape batchShape(const peft_program_t &program) {
  return {program.batch, program.seq_len, program.vocab_size, program.virtual_tokens};
}

void MicroBatch::clear(const BatchShape &shape) {
  const size_t size = size_t(shape.batch * shape.seqLen);
  inputIds.assign(size, 0);
  labels.assign(size, -100);
  positions.assign(size, 0);
  segments.assign(size, 0);
  labelled = tokens = samples = 0;
}

void MicroBatch::count(const BatchShape &shape) {
  labelled = tokens = samples = 0;
  for (int64_t row = 0; row < shape.batch; ++row) {
    const int32_t *segment = segments.data() + row * shape.seqLen;
    const int32_t *label = labels.data() + row * shape.seqLen;
    int64_t used = 0;
    for (int64_t s = 0; s < shape.seqLen; ++s) {
      const bool predicted = s > 0 ? segment[s] == segment[s - 1] : shape.virtualTokens > 0;
      used += segment[s] != 0;
      labelled += predicted && segment[s] != 0 && label[s] != -100;
    }
    tokens += used;
    samples += used > 0;
  }
}

namespace {

class DocumentBatches : public BatchSource {
public:
  DocumentBatches(const Dataset &dataset, const BatchShape &shape, bool packed, bool shuffled, uint64_t seed)
      : dataset(dataset), shape(shape), packed(packed), shuffled(shuffled), seed(seed) {
    order(0);
  }

  int64_t size() const override { return (plan.rows() + shape.batch - 1) / shape.batch; }

  uint64_t fingerprint() const override {
    const uint64_t form = mixSeeds(uint64_t(shape.batch), uint64_t(shape.seqLen) * 4 + packed * 2 + shuffled);
    return mixSeeds(mixSeeds(dataset.fingerprint(), form), seed);
  }

  Status fill(int64_t epoch, int64_t number, MicroBatch &batch) override {
    order(epoch);
    batch.clear(shape);
    const int64_t first = number * shape.batch;
    for (int64_t row = 0; row < shape.batch && first + row < plan.rows(); ++row)
      fillRow(rowOrder[size_t(first + row)], row * shape.seqLen, batch);
    batch.count(shape);
    return Status::ok();
  }

private:
  /// The rows of an epoch and their order.
  void order(int64_t epoch) {
    if (epoch == ordered || (ordered >= 0 && !shuffled))
      return;
    RandomStream random(mixSeeds(seed, uint64_t(epoch)));
    std::vector<int32_t> documents(size_t(dataset.documents()));
    std::iota(documents.begin(), documents.end(), 0);
    if (shuffled)
      shuffle(documents, random);
    plan = packed ? packBestFit(dataset.documentLengths(), documents, int32_t(shape.seqLen))
                  : packNothing(documents);
    rowOrder.resize(size_t(plan.rows()));
    std::iota(rowOrder.begin(), rowOrder.end(), 0);
    if (shuffled && packed)
      shuffle(rowOrder, random);
    ordered = epoch;
  }

  void fillRow(int64_t row, int64_t at, MicroBatch &batch) const {
    int32_t segment = 0;
    for (int64_t i = plan.starts[size_t(row)]; i < plan.starts[size_t(row) + 1]; ++i) {
      const int32_t document = plan.documents[size_t(i)];
      const int32_t length = dataset.documentLengths()[size_t(document)];
      std::copy_n(dataset.inputIds(document), length, batch.inputIds.begin() + at);
      std::copy_n(dataset.labels(document), length, batch.labels.begin() + at);
      std::iota(batch.positions.begin() + at, batch.positions.begin() + at + length, 0);
      std::fill_n(batch.segments.begin() + at, length, ++segment);
      at += length;
    }
  }

  const Dataset &dataset;
  const BatchShape shape;
  const bool packed, shuffled;
  const uint64_t seed;
  RowPlan plan;
  std::vector<int32_t> rowOrder;
  int64_t ordered = -1;
};

class RandomBatches : public BatchSource {
public:
  RandomBatches(const BatchShape &shape, int64_t count, uint64_t seed)
      : shape(shape), batches(count), seed(seed) {}
  int64_t size() const override { return batches; }
  uint64_t fingerprint() const override { return mixSeeds(seed, uint64_t(batches)); }

  Status fill(int64_t epoch, int64_t number, MicroBatch &batch) override {
    batch.clear(shape);
    RandomStream random(mixSeeds(seed, uint64_t(epoch * batches + number)));
    for (size_t i = 0; i < batch.inputIds.size(); ++i) {
      batch.inputIds[i] = int32_t(random.nextBelow(uint32_t(shape.vocabSize)));
      batch.labels[i] = batch.inputIds[i];
      batch.positions[i] = int32_t(int64_t(i) % shape.seqLen);
      batch.segments[i] = 1;
    }
    batch.count(shape);
    return Status::ok();
  }

private:
  const BatchShape shape;
  const int64_t batches;
  const uint64_t seed;
};

} // namespace

std::unique_ptr<BatchSource> documentBatches(const Dataset &dataset, const BatchShape &shape, bool packed,
                                             bool shuffled, uint64_t seed) {
  return std::make_unique<DocumentBatches>(dataset, shape, packed, shuffled, seed);
}

std::unique_ptr<BatchSource> randomBatches(const BatchShape &shape, int64_t count, uint64_t seed) {
  return std::make_unique<RandomBatches>(shape, count, seed);
}

} // namespace peft
