//===- reader_test_util.h - files for the tests of the readers ------------===//

#ifndef PEFT_RUNTIME_TEST_READER_TEST_UTIL_H
#define PEFT_RUNTIME_TEST_READER_TEST_UTIL_H

#include "peft/runtime/file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <numeric>
#include <unistd.h>
#include <vector>

namespace peft::test {

/// A directory that is gone after the test.
class TemporaryDirectory {
public:
  TemporaryDirectory() {
    char pattern[] = "/tmp/peft-test-XXXXXX";
    path = ::mkdtemp(pattern);
  }
  ~TemporaryDirectory() { (void)removePath(path).isOk(); }
  std::string file(std::string_view name) const { return joinPath(path, name); }
  std::string write(std::string_view name, std::string_view bytes) const {
    EXPECT_TRUE(writeFileAtomically(file(name), bytes));
    return file(name);
  }
  std::string path;
};

/// 0, 1, 2, ...
inline std::vector<float> ramp(size_t n) {
  std::vector<float> values(n);
  std::iota(values.begin(), values.end(), 0.0f);
  return values;
}

/// A file of runtime/test/data.
inline std::string dataFile(std::string_view name) { return joinPath(PEFT_TEST_DATA, name); }

template <class T> std::string bytesOf(T value) {
  return std::string(reinterpret_cast<const char *>(&value), sizeof value);
}

/// A safetensors file of this header and `dataBytes` zeros.
inline std::string safetensorsBytes(const std::string &header, size_t dataBytes) {
  return bytesOf(uint64_t(header.size())) + header + std::string(dataBytes, '\0');
}

/// Builds a GGUF file key by key.
class GgufBuilder {
public:
  static std::string text(std::string_view s) { return bytesOf(uint64_t(s.size())) + std::string(s); }

  GgufBuilder &key(std::string_view name, uint32_t kind, const std::string &value) {
    keys += text(name) + bytesOf(kind) + value;
    ++keyCount;
    return *this;
  }
  GgufBuilder &u32(std::string_view name, uint32_t value) { return key(name, 4, bytesOf(value)); }
  GgufBuilder &f32(std::string_view name, float value) { return key(name, 6, bytesOf(value)); }
  GgufBuilder &string(std::string_view name, std::string_view value) { return key(name, 8, text(value)); }

  /// `extents` in GGUF's order, the contiguous one first; `type` is GGUF's number.
  GgufBuilder &tensor(std::string_view name, const std::vector<uint64_t> &extents, uint32_t type,
                      const std::string &bytes) {
    infos += text(name) + bytesOf(uint32_t(extents.size()));
    for (uint64_t extent : extents)
      infos += bytesOf(extent);
    infos += bytesOf(type) + bytesOf(uint64_t(data.size()));
    data += bytes;
    data.resize((data.size() + 31) / 32 * 32, '\0');
    ++tensorCount;
    return *this;
  }
  GgufBuilder &floats(std::string_view name, const std::vector<uint64_t> &extents,
                      const std::vector<float> &values) {
    return tensor(name, extents, 0,
                  std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float)));
  }

  std::string header() const {
    return "GGUF" + bytesOf(version) + bytesOf(tensorCount) + bytesOf(keyCount) + keys + infos;
  }
  std::string build() const {
    std::string all = header();
    all.resize((all.size() + 31) / 32 * 32, '\0');
    return all + data;
  }

  uint32_t version = 3;
  uint64_t tensorCount = 0, keyCount = 0;

private:
  std::string keys, infos, data;
};

/// Expects failure with `part` in a message of one line.
template <class R> void expectError(const R &result, std::string_view part) {
  ASSERT_FALSE(result.isOk());
  const std::string &message = result.status().message();
  EXPECT_NE(message.find(part), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}
inline void expectError(const Status &status, std::string_view part) {
  ASSERT_FALSE(status.isOk());
  EXPECT_NE(status.message().find(part), std::string::npos) << status.message();
}

} // namespace peft::test

#endif // PEFT_RUNTIME_TEST_READER_TEST_UTIL_H
