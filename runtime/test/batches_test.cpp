//===- batches_test.cpp - rows, segments, epochs, replay ------------------===//

#include "fake_program.h"
#include "peft/runtime/batches.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>

using namespace peft;
using test::TemporaryFolder;
using Row = std::vector<int32_t>;

static const BatchShape shape = {2, 8, 16, 0};

static Row rowOf(const std::vector<int32_t> &values, int64_t row) {
  return {values.begin() + row * 8, values.begin() + (row + 1) * 8};
}

TEST(Batches, PacksWithSegmentsAndRestartingPositions) {
  const TemporaryFolder folder;
  test::writeDocuments(folder / "d", {{1, 2, 3}, {4, 5, 6, 7}, {8, 9}}, 1);
  const auto dataset = Dataset::open(folder / "d", shape);
  const auto source = documentBatches(*dataset, shape, true, false, 0);
  ASSERT_EQ(source->size(), 1);
  MicroBatch batch;
  ASSERT_TRUE(source->fill(0, 0, batch));
  EXPECT_EQ(rowOf(batch.inputIds, 0), (Row{4, 5, 6, 7, 1, 2, 3, 0}));
  EXPECT_EQ(rowOf(batch.labels, 0), (Row{-100, 5, 6, 7, -100, 2, 3, -100}));
  EXPECT_EQ(rowOf(batch.positions, 0), (Row{0, 1, 2, 3, 0, 1, 2, 0}));
  EXPECT_EQ(rowOf(batch.segments, 0), (Row{1, 1, 1, 1, 2, 2, 2, 0}));
  EXPECT_EQ(rowOf(batch.segments, 1), (Row{1, 1, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(batch.labelled, 6);
  EXPECT_EQ(batch.tokens, 9);
  EXPECT_EQ(batch.samples, 2);
}

TEST(Batches, WithoutPackingEveryDocumentHasItsRow) {
  const TemporaryFolder folder;
  test::writeDocuments(folder / "d", {{1, 2, 3}, {4, 5}, {6, 7}});
  const auto dataset = Dataset::open(folder / "d", shape);
  const auto source = documentBatches(*dataset, shape, false, false, 0);
  ASSERT_EQ(source->size(), 2);
  MicroBatch batch;
  ASSERT_TRUE(source->fill(0, 1, batch));
  EXPECT_EQ(rowOf(batch.inputIds, 0), (Row{6, 7, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(batch.samples, 1);
}

TEST(Batches, AFirstTokenCountsOnlyBehindASoftPrompt) {
  MicroBatch batch;
  batch.clear(shape);
  batch.segments = {1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 2, 2, 0, 0, 0, 0};
  batch.labels = {1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, -100, 0, 0, 0, 0};
  batch.count(shape);
  EXPECT_EQ(batch.labelled, 3);
  BatchShape prompted = shape;
  prompted.virtualTokens = 1;
  batch.count(prompted);
  EXPECT_EQ(batch.labelled, 5);
}

TEST(Batches, EpochsDifferCoverAllAndCanBeReadInAnyOrder) {
  const TemporaryFolder folder;
  const auto documents = test::makeDocuments(40, 3);
  test::writeDocuments(folder / "d", documents);
  const auto dataset = Dataset::open(folder / "d", shape);
  size_t tokens = 0;
  for (const auto &document : documents)
    tokens += document.size();
  const auto forwards = documentBatches(*dataset, shape, true, true, 42);
  const auto backwards = documentBatches(*dataset, shape, true, true, 42);
  std::vector<MicroBatch> first(size_t(forwards->size())), second(first.size());
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    size_t seen = 0;
    for (size_t i = 0; i < first.size(); ++i) {
      ASSERT_TRUE(forwards->fill(epoch, int64_t(i), epoch ? second[i] : first[i]));
      seen += size_t((epoch ? second[i] : first[i]).tokens);
    }
    EXPECT_EQ(seen, tokens);
  }
  EXPECT_NE(first[0].inputIds, second[0].inputIds);
  for (size_t i = first.size(); i-- > 0;) {
    MicroBatch batch;
    ASSERT_TRUE(backwards->fill(1, int64_t(i), batch));
    EXPECT_EQ(batch.inputIds, second[i].inputIds);
    EXPECT_EQ(batch.segments, second[i].segments);
  }
  EXPECT_NE(documentBatches(*dataset, shape, true, true, 43)->fingerprint(), forwards->fingerprint());
}

static Status writeReplay(const std::string &path, std::vector<int64_t> dims, std::vector<int64_t> mask) {
  std::vector<int64_t> ids(size_t(dims[0] * dims[1]), 3);
  return writeSafetensors(path, {{"input_ids.0", SafetensorsType::I64, dims, ids.data()},
                                 {"labels.0", SafetensorsType::I64, dims, ids.data()},
                                 {"attention_mask.0", SafetensorsType::I64, dims, mask.data()}});
}

TEST(Batches, ReplayTakesTheMaskAsSegments) {
  const TemporaryFolder folder;
  ASSERT_TRUE(writeReplay(folder / "b", {2, 8}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0}));
  auto source = replayedBatches(folder / "b", shape);
  ASSERT_TRUE(source) << source.status().message();
  EXPECT_EQ((*source)->size(), 1);
  MicroBatch batch;
  ASSERT_TRUE((*source)->fill(0, 0, batch));
  EXPECT_EQ(batch.labelled, 7 + 2);
  EXPECT_EQ(rowOf(batch.positions, 1), (Row{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(Batches, ReplayOfAnotherShapeNamesBoth) {
  const TemporaryFolder folder;
  ASSERT_TRUE(writeReplay(folder / "b", {2, 12}, std::vector<int64_t>(24, 1)));
  const auto source = replayedBatches(folder / "b", shape);
  ASSERT_FALSE(source);
  EXPECT_NE(
      source.status().message().find("input_ids.0 is [2, 12], the program was compiled for [2, 8]; compile "
                                     "with --batch=2 --seq-len=12"),
      std::string::npos)
      << source.status().message();
}
