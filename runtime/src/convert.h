//===- convert.h - elements of files to float -----------------------------===//
//
// Loads that need no alignment, and conversions that are exact.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_SRC_CONVERT_H
#define PEFT_RUNTIME_SRC_CONVERT_H

#include "peft/runtime/tensor.h"

#include <cstdint>
#include <cstring>

namespace peft {

template <class T> inline T loadAs(const void *address) {
  T value;
  std::memcpy(&value, address, sizeof value);
  return value;
}

/// IEEE half to float. Exact: the exponent is moved by an integer shift and mended
/// by one multiplication, which also makes subnormals normal.
inline float halfToFloat(uint16_t half) {
  uint32_t sign = uint32_t(half & 0x8000u) << 16;
  uint32_t magnitude = uint32_t(half & 0x7fffu) << 13;
  float value;
  if (magnitude >= 0x0f800000u) { // infinity and NaN
    magnitude |= 0x7f800000u;
    std::memcpy(&value, &magnitude, sizeof value);
  } else {
    std::memcpy(&value, &magnitude, sizeof value);
    value *= 5.192296858534828e+33f; // 2^112
    std::memcpy(&magnitude, &value, sizeof value);
  }
  magnitude |= sign;
  std::memcpy(&value, &magnitude, sizeof value);
  return value;
}

} // namespace peft

#endif // PEFT_RUNTIME_SRC_CONVERT_H
