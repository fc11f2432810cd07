//===- ModelWriter.h - model.safetensors, in shards if large ----*- C++ -*-===//
#ifndef PEFT_TOOLS_ADAPTER_MODELWRITER_H
#define PEFT_TOOLS_ADAPTER_MODELWRITER_H

#include "MergedTensor.h"

namespace peft {

/// model.safetensors into `folder`, or shards of at most `shardBytes` (a larger tensor has one to itself)
/// and model.safetensors.index.json, as transformers names them.
Status writeModel(const std::string &folder, const std::vector<MergedTensor> &tensors, uint64_t shardBytes,
                  TensorMerger &merger);

} // namespace peft

#endif // PEFT_TOOLS_ADAPTER_MODELWRITER_H
