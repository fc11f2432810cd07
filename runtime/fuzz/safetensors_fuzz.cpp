//===- safetensors_fuzz.cpp - any bytes as a .safetensors file ------------===//

#include "peft/runtime/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto file = peft::SafetensorsFile::parse(peft::MappedFile::borrow("input", data, size));
  if (!file)
    return 0;
  uint64_t sum = 0;
  for (const peft::SafetensorsTensor &tensor : file->tensors()) {
    for (uint64_t i = 0; i < tensor.bytes; ++i) // every byte that a reader may touch
      sum += tensor.data[i];
    sum += file->floats(tensor.name).isOk() + file->ints(tensor.name).isOk();
  }
  return sum == UINT64_MAX ? -1 : 0;
}
