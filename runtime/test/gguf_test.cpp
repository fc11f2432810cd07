//===- gguf_test.cpp - reading and refusing .gguf -------------------------===//

#include "peft/runtime/gguf.h"
#include "peft/runtime/safetensors.h"
#include "reader_test_util.h"

using namespace peft;
using namespace peft::test;

static Result<GgufFile> parse(const std::string &bytes) {
  static std::vector<char> held;
  held.assign(bytes.begin(), bytes.end());
  held.shrink_to_fit();
  return GgufFile::parse(MappedFile::borrow("t", held.data(), held.size()));
}

// blocks.gguf was written by the gguf package from random blocks of every type, and
// blocks.safetensors holds what that package makes of them.
TEST(Gguf, DequantizesEveryTypeBitForBit) {
  auto file = GgufFile::open(dataFile("blocks.gguf"));
  ASSERT_TRUE(file) << file.status().message();
  auto expected = SafetensorsFile::open(dataFile("blocks.safetensors"));
  ASSERT_TRUE(expected) << expected.status().message();
  ASSERT_EQ(file->tensors().size(), 11u);
  for (const GgufTensor &tensor : file->tensors()) {
    ASSERT_TRUE(expected->find(tensor.name)) << tensor.name;
    EXPECT_EQ(tensor.name, toString(tensor.type));
    EXPECT_EQ(tensor.shape, expected->find(tensor.name)->shape) << tensor.name;
    std::vector<float> values(size_t(tensor.elements())), wanted = *expected->floats(tensor.name);
    ASSERT_EQ(values.size(), wanted.size());
    dequantizeRow(tensor.type, tensor.data, values.data(), tensor.elements());
    for (size_t i = 0; i < values.size(); ++i)
      EXPECT_EQ(values[i], wanted[i]) << tensor.name << " " << i;
  }
}

TEST(Gguf, ReadsKeysOfEveryKind) {
  auto file = GgufFile::open(dataFile("blocks.gguf"));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->version(), 3u);
  EXPECT_EQ(*file->getString("general.architecture"), "none");
  EXPECT_EQ(*file->getStrings("test.words"), (std::vector<std::string>{"a", "", "längre"}));
  EXPECT_EQ(*file->getInts("test.counts"), (std::vector<int64_t>{3, 3, 3}));
  EXPECT_EQ(*file->getInt("test.counts"), 3);
  EXPECT_EQ(*file->getNumber("test.eps"), 1e-5);
  EXPECT_EQ(*file->getBool("test.yes"), true);
  EXPECT_EQ(*file->getInt("test.big"), int64_t(1) << 40);
  EXPECT_EQ(*file->getInt("test.negative"), -7);
  expectError(file->getInt("test.words"), "key 'test.words' expected an integer");
  expectError(file->getString("none"), "key 'none' is missing");
}

static GgufBuilder small() {
  GgufBuilder file;
  file.string("general.architecture", "x").u32("n", 3);
  file.key("words", 9,
           bytesOf(uint32_t(8)) + bytesOf(uint64_t(2)) + GgufBuilder::text("a") + GgufBuilder::text("bc"));
  file.key("nested", 9,
           bytesOf(uint32_t(9)) + bytesOf(uint64_t(1)) + bytesOf(uint32_t(4)) + bytesOf(uint64_t(1)) +
               bytesOf(uint32_t(5)));
  file.floats("t", {3, 2}, {1, 2, 3, 4, 5, 6}).floats("u", {1}, {7});
  return file;
}

TEST(Gguf, ShapesAreReversed) {
  GgufBuilder builder = small();
  builder.version = 2;
  auto file = parse(builder.build());
  ASSERT_TRUE(file) << file.status().message();
  EXPECT_EQ(file->findTensor("t")->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(file->findTensor("t")->rows(), 2);
  float last;
  std::memcpy(&last, file->findTensor("u")->data, 4);
  EXPECT_EQ(last, 7);
}

TEST(Gguf, EveryTruncationIsRefused) {
  std::string good = small().build();
  ASSERT_TRUE(parse(good));
  for (size_t size = 0; size + 28 < good.size(); ++size) // the last tensor's padding may be absent
    EXPECT_FALSE(parse(good.substr(0, size))) << size;
}

TEST(Gguf, HugeCountsAreRefusedWithoutAllocating) {
  // Under a sanitizer or a memory limit any of these would show as an allocation failure.
  const uint64_t huge[] = {UINT64_MAX, UINT64_MAX / 4, uint64_t(1) << 40};
  for (uint64_t count : huge) {
    GgufBuilder tensors = small(), keys = small();
    tensors.tensorCount = count;
    keys.keyCount = count;
    EXPECT_FALSE(parse(tensors.build()));
    EXPECT_FALSE(parse(keys.build()));
    for (uint32_t kind = 0; kind <= 12; ++kind)
      EXPECT_FALSE(parse(GgufBuilder().key("a", 9, bytesOf(kind) + bytesOf(count)).build())) << kind;
    EXPECT_FALSE(parse(GgufBuilder().key("a", 8, bytesOf(count)).build()));
    EXPECT_FALSE(parse(GgufBuilder().floats("t", {count, count}, {}).build()));
    EXPECT_FALSE(parse(GgufBuilder().floats("t", {count}, {}).build()));
  }
}

TEST(Gguf, LiesAreNamed) {
  expectError(parse("GGML    "), "not a GGUF file");
  GgufBuilder old = small();
  old.version = 1;
  expectError(parse(old.build()), "version expected 2 or 3, got 1");
  old.version = 0x03000000u;
  expectError(parse(old.build()), "big-endian");
  expectError(parse(small().tensor("q", {32}, 17, "").build()),
              "'q': type IQ2_XS is not supported; supported are F32");
  expectError(parse(small().tensor("q", {33}, 8, "").build()), "no multiple of q8_0's block of 32");
  expectError(parse(small().tensor("q", {64}, 8, std::string(34, 'x')).build()), "truncated");
  expectError(parse(small().tensor("q", {1, 1, 1, 1, 1}, 0, "xxxx").build()), "5 dimensions");
  expectError(parse(small().floats("z", {0, uint64_t(1) << 59}, {}).build()), "one of its extents is 0");
  expectError(parse(small().floats("t", {1}, {1}).build()), "tensor 't' appears twice");
  expectError(parse(small().u32("n", 1).build()), "key 'n' appears twice");
  expectError(parse(small().u32("general.alignment", 3).build()), "expected a power of two, got 3");
  expectError(parse(small().u32("general.alignment", 64).build()),
              "expected 64"); // the builder's data lie at 32
  expectError(parse(small().key("k", 13, "").build()), "malformed");
  std::string deep;
  for (int i = 0; i < 100; ++i)
    deep += bytesOf(uint32_t(9)) + bytesOf(uint64_t(1));
  expectError(parse(small().key("deep", 9, deep + bytesOf(uint32_t(0)) + bytesOf(uint64_t(0))).build()),
              "malformed");
}
