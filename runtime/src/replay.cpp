//===- replay.cpp - micro-batches as a file gives them --------------------===//

#include "peft/runtime/batches.h"
#include "peft/runtime/random.h"
#include "peft/runtime/weights.h"

namespace peft {
namespace {

class ReplayedBatches : public BatchSource {
public:
  ReplayedBatches(SafetensorsFile file, const BatchShape &shape) : file(std::move(file)), shape(shape) {}

  Status open() {
    while (file.find("input_ids." + std::to_string(batches)))
      ++batches;
    if (batches == 0)
      return Status::error(file.path() +
                           ": expected tensors input_ids.0, labels.0, attention_mask.0 and so on");
    PEFT_TRY(checkNumbers());
    MicroBatch batch;
    for (int64_t number = 0; number < batches; ++number) {
      PEFT_TRY(fill(0, number, batch));
      if (batch.labelled == 0)
        return Status::error(file.path() + ": labels." + std::to_string(number) + ": all labels are ignored");
      const std::string_view bytes(reinterpret_cast<const char *>(batch.inputIds.data()),
                                   batch.inputIds.size() * 4);
      hash = mixSeeds(hash, hashText(bytes));
    }
    return Status::ok();
  }

  int64_t size() const override { return batches; }
  uint64_t fingerprint() const override { return hash; }

  Status fill(int64_t, int64_t number, MicroBatch &batch) override {
    batch.clear(shape);
    const std::string suffix = "." + std::to_string(number);
    PEFT_TRY(read("input_ids" + suffix, batch.inputIds, 0, shape.vocabSize));
    PEFT_TRY(read("labels" + suffix, batch.labels, -100, shape.vocabSize));
    if (file.find("attention_mask" + suffix))
      PEFT_TRY(read("attention_mask" + suffix, batch.segments, 0, 2));
    else
      batch.segments.assign(batch.segments.size(), 1);
    for (size_t i = 0; i < batch.positions.size(); ++i)
      batch.positions[i] = int32_t(int64_t(i) % shape.seqLen);
    batch.count(shape);
    return Status::ok();
  }

private:
  /// A tensor beyond a gap in the numbers would be left out silently.
  Status checkNumbers() const {
    for (const SafetensorsTensor &tensor : file.tensors())
      for (const std::string kind : {"input_ids.", "labels.", "attention_mask."})
        if (tensor.name.rfind(kind, 0) == 0 &&
            strtoll(tensor.name.c_str() + kind.size(), nullptr, 10) >= batches)
          return Status::error(file.path() + ": " + tensor.name + " stands alone: there is no input_ids." +
                               std::to_string(batches) + "; number the batches 0, 1, 2 and so on");
    return Status::ok();
  }

  /// `low` may be the -100 of a label that is ignored: then nothing lies between it and 0.
  Status read(const std::string &name, std::vector<int32_t> &values, int32_t low, int64_t end) const {
    auto tensor = file.get(name);
    if (!tensor)
      return tensor.status();
    if ((*tensor)->shape != std::vector<int64_t>{shape.batch, shape.seqLen}) {
      const std::vector<int64_t> &found = (*tensor)->shape;
      std::string fix;
      if (found.size() == 2)
        fix = "; compile with --batch=" + std::to_string(found[0]) + " --seq-len=" + std::to_string(found[1]);
      return Status::error(file.path() + ": " + name + " is " + shapeText(found) +
                           ", the program was compiled for " + shapeText({shape.batch, shape.seqLen}) + fix);
    }
    auto read = file.ints(name);
    if (!read)
      return read.status();
    values = std::move(*read);
    for (const int32_t value : values)
      if ((value < 0 && value != low) || value >= end)
        return Status::error(file.path() + ": " + name + ": " + std::to_string(value) +
                             (end == 2 ? " is no mask's value: expected 0 or 1"
                                       : " is outside the model's vocabulary of " + std::to_string(end)));
    return Status::ok();
  }

  SafetensorsFile file;
  const BatchShape shape;
  int64_t batches = 0;
  uint64_t hash = 0;
};

} // namespace

Result<std::unique_ptr<BatchSource>> replayedBatches(const std::string &path, const BatchShape &shape) {
  auto file = SafetensorsFile::open(path);
  if (!file)
    return file.status();
  auto source = std::make_unique<ReplayedBatches>(std::move(*file), shape);
  PEFT_TRY(source->open());
  return std::unique_ptr<BatchSource>(std::move(source));
}

} // namespace peft
