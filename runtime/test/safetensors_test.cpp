//===- safetensors_test.cpp - reading, writing and refusing .safetensors ----===//

#include "peft/runtime/safetensors.h"
#include "reader_test_util.h"

using namespace peft;
using namespace peft::test;

static Result<SafetensorsFile> parse(const std::string &bytes) {
  // A copy of exactly these bytes, so that a sanitizer sees any read beyond them.
  static std::vector<char> held;
  held.assign(bytes.begin(), bytes.end());
  held.shrink_to_fit();
  return SafetensorsFile::parse(MappedFile::borrow("t", held.data(), held.size()));
}

static std::string entry(const char *type, const char *shape, const char *offsets) {
  return std::string("{\"dtype\":\"") + type + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}

TEST(Safetensors, WritesWhatItReads) {
  TemporaryDirectory dir;
  float floats[] = {1, -2, 3.5f};
  uint16_t halves[] = {0x3c00, 0x3f80};
  int64_t longs[] = {-100, 7};
  double doubles[] = {0.25};
  ASSERT_TRUE(writeSafetensors(dir.file("a"), {{"z", SafetensorsType::F32, {3, 1}, floats},
                                               {"half", SafetensorsType::F16, {1}, halves},
                                               {"brain", SafetensorsType::BF16, {}, halves + 1},
                                               {"ids", SafetensorsType::I64, {2}, longs},
                                               {"none", SafetensorsType::F32, {0, 4}, nullptr},
                                               {"d", SafetensorsType::F64, {1}, doubles}}));
  auto file = SafetensorsFile::open(dir.file("a"));
  ASSERT_TRUE(file) << file.status().message();
  EXPECT_EQ(file->metadata().at("format"), "pt");
  EXPECT_EQ(*file->floats("z"), (std::vector<float>{1, -2, 3.5f}));
  EXPECT_EQ(*file->floats("half"), std::vector<float>{1});
  EXPECT_EQ(*file->floats("brain"), std::vector<float>{1});
  EXPECT_EQ(*file->floats("d"), std::vector<float>{0.25f});
  EXPECT_EQ(*file->ints("ids"), (std::vector<int32_t>{-100, 7}));
  EXPECT_EQ(file->find("z")->shape, (std::vector<int64_t>{3, 1}));
  EXPECT_TRUE(file->floats("none")->empty());
  // Wider types first, then by name.
  std::vector<std::string> names;
  for (const auto &tensor : file->tensors())
    names.push_back(tensor.name);
  EXPECT_EQ(names, (std::vector<std::string>{"ids", "d", "none", "z", "brain", "half"}));
  EXPECT_EQ(uintptr_t(file->tensors()[0].data) % 8, 0u);
  expectError(file->floats("ids"), "expected dtype F32, F16, BF16 or F64, got I64");
  expectError(file->ints("zz"), "tensor 'zz' is missing; did you mean 'z'");
}

TEST(Safetensors, HeaderIsTheReferenceLibrarys) {
  TemporaryDirectory dir;
  float one = 1;
  ASSERT_TRUE(writeSafetensors(dir.file("a"), {{"a\"b", SafetensorsType::F32, {1}, &one}}));
  std::string text = *readWholeFile(dir.file("a"));
  std::string header = "{\"__metadata__\":{\"format\":\"pt\"},"
                       "\"a\\\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
  header.resize((header.size() + 7) / 8 * 8, ' '); // the data begin at a multiple of 8
  EXPECT_EQ(text, bytesOf(uint64_t(header.size())) + header + bytesOf(1.0f));
}

TEST(Safetensors, WriterChecksItsAmounts) {
  TemporaryDirectory dir;
  float one = 1;
  {
    auto writer = SafetensorsWriter::create(dir.file("a"), {{"x", SafetensorsType::F32, {1}}});
    ASSERT_TRUE(writer);
    expectError(writer->finish(), "4 bytes of data are missing");
    ASSERT_TRUE(writer->append(&one, 4));
    expectError(writer->append(&one, 4), "more data than its header");
  }
  EXPECT_TRUE(listDirectory(dir.path)->empty());
  expectError(writeSafetensors(dir.file("a"), {{"x", SafetensorsType::F32, {1}, &one},
                                               {"x", SafetensorsType::F32, {1}, &one}}),
              "tensor 'x' is given twice");
  expectError(writeSafetensors(dir.file("a"), {{"x", SafetensorsType::F32, {INT64_MAX, 3}, &one}}),
              "too large");
  EXPECT_TRUE(listDirectory(dir.path)->empty());
}

TEST(Safetensors, IntegersBeyond32BitsAreRefused) {
  TemporaryDirectory dir;
  int64_t longs[] = {int64_t(1) << 31};
  uint64_t most[] = {UINT64_MAX};
  ASSERT_TRUE(writeSafetensors(
      dir.file("a"), {{"i", SafetensorsType::I64, {1}, longs}, {"u", SafetensorsType::U64, {1}, most}}));
  auto file = SafetensorsFile::open(dir.file("a"));
  expectError(file->ints("i"), "beyond 32 bits");
  expectError(file->ints("u"), "beyond 32 bits");
}

TEST(Safetensors, EveryTruncationIsRefused) {
  std::string good = safetensorsBytes("{\"a\":" + entry("F32", "[2]", "[0,8]") + "}", 8);
  ASSERT_TRUE(parse(good));
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(parse(good.substr(0, size))) << size;
  EXPECT_FALSE(parse(good + "x"));
}

TEST(Safetensors, LiesAreNamed) {
  auto header = [](const std::string &entries, size_t bytes) {
    return parse(safetensorsBytes(entries, bytes));
  };
  expectError(parse("GGUF"), "expected a safetensors file, got 4 bytes");
  expectError(parse(bytesOf(UINT64_MAX) + "{}"), "not a safetensors file");
  expectError(parse(bytesOf(uint64_t(99999999)) + "{}"), "it is truncated");
  expectError(header("[]", 0), "not a JSON object");
  expectError(header("{\"a\":1}", 0), "tensor 'a': expected an object");
  expectError(header("{\"__metadata__\":{\"a\":1}}", 0), "expected a string, got number");
  expectError(header("{\"a\":" + entry("F33", "[1]", "[0,4]") + "}", 4),
              "tensor 'a': dtype 'F33' is not supported");
  expectError(header("{\"a\":" + entry("F32", "[3]", "[0,8]") + "}", 8),
              "take 12 bytes, data_offsets span 8");
  expectError(header("{\"a\":" + entry("F32", "[2]", "[0,8]") + "}", 4),
              "tensor 'a': its data end at byte 8 of 4");
  expectError(header("{\"a\":" + entry("F32", "[-1]", "[0,8]") + "}", 8), "negative or too large");
  expectError(header("{\"a\":" + entry("F32", "[4611686018427387904,4]", "[0,0]") + "}", 0), "too large");
  expectError(header("{\"a\":" + entry("F32", "[1]", "[8,4]") + "}", 8), "data_offsets run from 8 to 4");
  expectError(header("{\"a\":" + entry("F32", "[1]", "[0,4,8]") + "}", 8), "expected 2 numbers, got 3");
  expectError(
      header("{\"a\":" + entry("F32", "[1]", "[0,4]") + ",\"a\":" + entry("F32", "[1]", "[4,8]") + "}", 8),
      "key 'a' appears twice");
  expectError(
      header("{\"a\":" + entry("F32", "[2]", "[0,8]") + ",\"b\":" + entry("F32", "[1]", "[4,8]") + "}", 8),
      "tensor 'b': its data begin at byte 4, expected 8 (tensors overlap)");
  expectError(
      header("{\"a\":" + entry("F32", "[1]", "[0,4]") + ",\"b\":" + entry("F32", "[1]", "[8,12]") + "}", 12),
      "leave a hole");
  expectError(header("{\"a\":" + entry("F32", "[1]", "[0,4]") + "}", 8),
              "its tensors take 4 bytes, the file has 8");
}
