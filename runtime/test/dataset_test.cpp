//===- dataset_test.cpp - documents, good and bad -------------------------===//

#include "fake_program.h"
#include "peft/runtime/dataset.h"

#include <gtest/gtest.h>

using namespace peft;
using test::TemporaryFolder;

static const BatchShape shape = {test::fakeBatch, test::fakeSeqLen, test::fakeVocab, 0};

static Status writeRaw(const std::string &path, std::vector<int32_t> ids, std::vector<int32_t> labels,
                       std::vector<int64_t> offsets) {
  return writeSafetensors(path,
                          {{"input_ids", SafetensorsType::I32, {int64_t(ids.size())}, ids.data()},
                           {"labels", SafetensorsType::I32, {int64_t(labels.size())}, labels.data()},
                           {"doc_offsets", SafetensorsType::I64, {int64_t(offsets.size())}, offsets.data()}});
}

static std::string errorOf(std::vector<int32_t> ids, std::vector<int32_t> labels,
                           std::vector<int64_t> offsets) {
  const TemporaryFolder folder;
  EXPECT_TRUE(writeRaw(folder / "d", ids, labels, offsets));
  const auto dataset = Dataset::open(folder / "d", shape);
  return dataset ? "" : dataset.status().message();
}

TEST(Dataset, TruncatesLongDocumentsAndDropsUselessOnes) {
  const TemporaryFolder folder;
  const std::vector<int32_t> longOne = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  test::writeDocuments(folder / "d", {{1, 2, 3}, longOne, {4}, {}, {5, 6}});
  auto dataset = Dataset::open(folder / "d", shape);
  ASSERT_TRUE(dataset) << dataset.status().message();
  EXPECT_EQ(dataset->documentLengths(), (std::vector<int32_t>{3, 8, 2}));
  EXPECT_EQ(dataset->truncated(), 1);
  EXPECT_EQ(dataset->dropped(), 2);
  EXPECT_EQ(dataset->tokens(), 13);
  EXPECT_EQ(dataset->inputIds(2)[1], 6);
}

TEST(Dataset, ASoftPromptPredictsEvenASingleToken) {
  const TemporaryFolder folder;
  test::writeDocuments(folder / "d", {{4}});
  BatchShape prompted = shape;
  prompted.virtualTokens = 3;
  EXPECT_TRUE(Dataset::open(folder / "d", prompted));
  EXPECT_FALSE(Dataset::open(folder / "d", shape));
}

TEST(Dataset, MistakesAreNamed) {
  EXPECT_NE(errorOf({1, 16}, {1, 2}, {0, 2}).find("document 0, token 1: token 16 is outside"),
            std::string::npos);
  EXPECT_NE(errorOf({1, -1}, {1, 2}, {0, 2}).find("token -1"), std::string::npos);
  EXPECT_NE(errorOf({1, 2}, {1, -5}, {0, 2}).find("label -5"), std::string::npos);
  EXPECT_NE(errorOf({1, 2}, {-100, -100}, {0, 2}).find("none of 1 documents has a labelled token"),
            std::string::npos);
  EXPECT_NE(errorOf({1, 2}, {1}, {0, 2}).find("labels: expected 2"), std::string::npos);
  EXPECT_NE(errorOf({1, 2}, {1, 2}, {0, 3}).find("doc_offsets must ascend"), std::string::npos);
  EXPECT_NE(errorOf({1, 2}, {1, 2}, {0, 3, 2}).find("doc_offsets must ascend"), std::string::npos);
  EXPECT_NE(errorOf({}, {}, {0}).find("no documents"), std::string::npos);
  EXPECT_FALSE(Dataset::open("/nowhere/data.safetensors", shape));
}

TEST(Dataset, TheFingerprintFollowsTheTokens) {
  const TemporaryFolder folder;
  test::writeDocuments(folder / "a", {{1, 2, 3}, {4, 5}});
  test::writeDocuments(folder / "b", {{1, 2, 3}, {4, 6}});
  test::writeDocuments(folder / "c", {{1, 2}, {3, 4, 5}});
  const auto of = [&](const char *name) { return Dataset::open(folder / name, shape)->fingerprint(); };
  EXPECT_EQ(of("a"), of("a"));
  EXPECT_NE(of("a"), of("b"));
  EXPECT_NE(of("a"), of("c"));
}
