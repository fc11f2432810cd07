//===- json_fuzz.cpp - any bytes as JSON, printed and read again ----------===//

#include "peft/runtime/json.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto value = peft::parseJson({reinterpret_cast<const char *>(data), size}, "input");
  if (!value)
    return 0;
  auto again = peft::parseJson(peft::printJson(*value), "printed");
  if (!again || *again != *value)
    std::abort();
  for (const char *key : {"a", "shape"}) {
    (void)peft::getInt(*value, key, "input").isOk();
    (void)peft::getNumbers(*value, key, "input").isOk();
    (void)peft::getStrings(*value, key, "input").isOk();
  }
  return 0;
}
