//===- Bytes.cpp - numbers of bytes as people write them ------------------===//
#include "peft/Support/Bytes.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace llvm;

Expected<uint64_t> peft::parseBytes(StringRef text) {
  StringRef number = text.take_while([](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  StringRef unit = text.drop_front(number.size());
  double scale = unit == "GiB" || unit == "G"   ? 1 << 30
                 : unit == "MiB" || unit == "M" ? 1 << 20
                 : unit.empty()                 ? 1
                                                : 0;
  double value = 0;
  bool isFraction = number.contains('.');
  if (number.empty() || scale == 0 || number.getAsDouble(value) || (isFraction && scale == 1))
    return createStringError(
        inconvertibleErrorCode(),
        "'%s' is no number of bytes: expected 24GiB, 800MiB (or G, M) or a whole number of bytes",
        text.str().c_str());
  value *= scale;
  if (!(value >= 1 && value < 0x1p62))
    return createStringError(inconvertibleErrorCode(), "'%s' is no budget: expected 1 byte or more",
                             text.str().c_str());
  return uint64_t(value);
}

std::string peft::printBytes(uint64_t bytes) {
  bool isLarge = bytes >= uint64_t(1) << 30;
  double unit = isLarge ? 1 << 30 : 1 << 20;
  std::string text;
  raw_string_ostream(text) << format("%.2f ", std::ceil(double(bytes) / unit * 100) / 100)
                           << (isLarge ? "GiB" : "MiB");
  return text;
}
