//===- MergedTensor.h - one tensor of the model to be written ---*- C++ -*-===//
#ifndef PEFT_TOOLS_ADAPTER_MERGEDTENSOR_H
#define PEFT_TOOLS_ADAPTER_MERGEDTENSOR_H

#include "AdapterFile.h"
#include "peft/runtime/checkpoint.h"

namespace peft {

struct MergedTensor {
  std::string name;
  const CheckpointTensor *source; ///< of the base: the embedding for a head that was tied to it
  SafetensorsType type;           ///< F32, BF16 or F16
  std::vector<const Update *> updates;

  uint64_t bytes() const { return uint64_t(source->elements()) * elementBytes(type); }
};

/// Whether the update fits the tensor: shapes, rows.
Status checkUpdate(const Update &update, const CheckpointTensor &tensor);

/// The base's values in float32 with the updates applied, rounded once; or the mapped file's own bytes.
class TensorMerger {
public:
  TensorMerger(const Checkpoint &base, const SafetensorsFile *adapter) : base(base), adapter(adapter) {}
  /// The bytes live until the next call.
  Result<const void *> merge(const MergedTensor &tensor);

private:
  Status apply(const Update &update, const CheckpointTensor &shape);

  const Checkpoint &base;
  const SafetensorsFile *adapter;
  std::vector<float> values;
  std::vector<uint16_t> halves;
};

} // namespace peft

#endif // PEFT_TOOLS_ADAPTER_MERGEDTENSOR_H
