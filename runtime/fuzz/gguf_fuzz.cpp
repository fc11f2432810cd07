//===- gguf_fuzz.cpp - any bytes as a .gguf file --------------------------===//

#include "peft/runtime/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto file = peft::GgufFile::parse(peft::MappedFile::borrow("input", data, size));
  if (!file)
    return 0;
  size_t sum = 0;
  for (const std::string &key : file->keys())
    sum += file->getInt(key).isOk() + file->getNumber(key).isOk() + file->getBool(key).isOk() +
           file->getString(key).isOk() + file->getInts(key).isOk() + file->getNumbers(key).isOk() +
           file->getStrings(key).isOk();
  for (const peft::GgufTensor &tensor : file->tensors()) {
    std::vector<float> row(size_t(tensor.rowElements()));
    for (int64_t i = 0; i < tensor.rows(); ++i)
      dequantizeRow(tensor.type, tensor.data + uint64_t(i) * (tensor.bytes / uint64_t(tensor.rows())),
                    row.data(), tensor.rowElements());
  }
  return sum == SIZE_MAX ? -1 : 0;
}
