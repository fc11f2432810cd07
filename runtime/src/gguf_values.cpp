//===- gguf_values.cpp - the values of a .gguf file's keys ----------------===//

#include "peft/runtime/gguf.h"

#include "convert.h"

#include <charconv>
#include <cstdlib>

namespace peft {

const GgufValue *GgufFile::find(const std::string &key) const {
  auto it = values.find(key);
  return it == values.end() ? nullptr : &it->second;
}

static bool scalarToInt(GgufKind kind, const uint8_t *data, int64_t &result) {
  switch (kind) {
  case GgufKind::U8:
    result = loadAs<uint8_t>(data);
    return true;
  case GgufKind::Bool:
    result = loadAs<uint8_t>(data) != 0;
    return true;
  case GgufKind::I8:
    result = int64_t{loadAs<int8_t>(data)}; // NOLINT(bugprone-signed-char-misuse): a number, not a character
    return true;
  case GgufKind::U16:
    result = loadAs<uint16_t>(data);
    return true;
  case GgufKind::I16:
    result = loadAs<int16_t>(data);
    return true;
  case GgufKind::U32:
    result = loadAs<uint32_t>(data);
    return true;
  case GgufKind::I32:
    result = loadAs<int32_t>(data);
    return true;
  case GgufKind::U64:
  case GgufKind::I64:
    result = loadAs<int64_t>(data);
    return kind == GgufKind::I64 || result >= 0;
  default:
    return false;
  }
}

static bool scalarToNumber(GgufKind kind, const uint8_t *data, double &result) {
  int64_t integer = 0;
  if (kind == GgufKind::F64) {
    result = loadAs<double>(data);
    return true;
  }
  if (kind == GgufKind::F32) {
    float value = loadAs<float>(data);
    char text[32];
    auto end = std::to_chars(text, text + sizeof text - 1, value).ptr;
    *end = '\0';
    result = std::strtod(text, nullptr);
    return true;
  }
  if (kind == GgufKind::Bool || !scalarToInt(kind, data, integer))
    return false;
  result = double(integer);
  return true;
}

static Status wrongKind(const GgufFile &file, const std::string &key, const char *expected) {
  return Status::error("'" + file.path() + "': key '" + key +
                       (file.has(key) ? "' expected " + std::string(expected) : std::string("' is missing")));
}

/// All elements of a scalar array, or the one of a scalar.
template <class T, class Convert>
static bool toVector(const GgufValue *value, std::vector<T> &result, Convert convert) {
  if (!value || !scalarBytes(value->element))
    return false;
  for (uint64_t i = 0; i < value->count; ++i) {
    T element;
    if (!convert(value->element, value->data + i * scalarBytes(value->element), element))
      return false;
    result.push_back(element);
  }
  return true;
}

Result<int64_t> GgufFile::getInt(const std::string &key) const {
  std::vector<int64_t> all;
  bool good = toVector(find(key), all, scalarToInt) && !all.empty();
  for (int64_t each : all)
    good = good && each == all[0];
  if (!good)
    return wrongKind(*this, key, "an integer");
  return all[0];
}

Result<double> GgufFile::getNumber(const std::string &key) const {
  const GgufValue *value = find(key);
  double result;
  if (!value || !scalarToNumber(value->kind, value->data, result))
    return wrongKind(*this, key, "a number");
  return result;
}

Result<bool> GgufFile::getBool(const std::string &key) const {
  const GgufValue *value = find(key);
  if (!value || value->kind != GgufKind::Bool)
    return wrongKind(*this, key, "true or false");
  return loadAs<uint8_t>(value->data) != 0;
}

Result<std::string> GgufFile::getString(const std::string &key) const {
  const GgufValue *value = find(key);
  if (!value || value->kind != GgufKind::String)
    return wrongKind(*this, key, "a string");
  return std::string(reinterpret_cast<const char *>(value->data), size_t(value->count));
}

Result<std::vector<int64_t>> GgufFile::getInts(const std::string &key) const {
  std::vector<int64_t> all;
  if (!toVector(find(key), all, scalarToInt))
    return wrongKind(*this, key, "an array of integers");
  return all;
}

Result<std::vector<double>> GgufFile::getNumbers(const std::string &key) const {
  std::vector<double> all;
  if (!toVector(find(key), all, scalarToNumber))
    return wrongKind(*this, key, "an array of numbers");
  return all;
}

Result<std::vector<std::string>> GgufFile::getStrings(const std::string &key) const {
  const GgufValue *value = find(key);
  if (!value || value->kind != GgufKind::Array || value->element != GgufKind::String)
    return wrongKind(*this, key, "an array of strings");
  std::vector<std::string> all;
  const uint8_t *next = value->data; // its lengths have been checked by parse
  for (uint64_t i = 0; i < value->count; ++i) {
    uint64_t length = loadAs<uint64_t>(next);
    all.emplace_back(reinterpret_cast<const char *>(next + 8), size_t(length));
    next += 8 + length;
  }
  return all;
}

std::vector<std::string> GgufFile::keys() const { return order; }

} // namespace peft
