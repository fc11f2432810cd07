//===- packing_test.cpp - best fit decreasing -----------------------------===//

#include "peft/runtime/packing.h"
#include "peft/runtime/random.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <numeric>

using namespace peft;

static std::vector<int32_t> rowOf(const RowPlan &plan, int64_t row) {
  return {plan.documents.begin() + plan.starts[size_t(row)],
          plan.documents.begin() + plan.starts[size_t(row) + 1]};
}

TEST(Packing, TakesTheFullestRowThatStillHasRoom) {
  // Of 10 each: 7 and 6 open a row; 3 fits both and fills the first; 2 and 1 go to the second.
  const RowPlan plan = packBestFit({2, 7, 3, 6, 1}, {0, 1, 2, 3, 4}, 10);
  ASSERT_EQ(plan.rows(), 2);
  EXPECT_EQ(rowOf(plan, 0), (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(rowOf(plan, 1), (std::vector<int32_t>{3, 0, 4}));
}

TEST(Packing, EveryDocumentOnceAndNoRowTooLong) {
  RandomStream random(7);
  std::vector<int32_t> lengths(500), order(500);
  for (int32_t &length : lengths)
    length = 1 + int32_t(random.nextBelow(64));
  std::iota(order.begin(), order.end(), 0);
  const RowPlan plan = packBestFit(lengths, order, 64);
  std::vector<int32_t> seen = plan.documents;
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, order);
  int64_t total = 0;
  for (int64_t row = 0; row < plan.rows(); ++row) {
    int32_t used = 0;
    for (const int32_t document : rowOf(plan, row))
      used += lengths[size_t(document)];
    EXPECT_LE(used, 64);
    EXPECT_GT(used, 0);
    total += used;
  }
  EXPECT_GT(double(total) / double(plan.rows() * 64), 0.97);
}

TEST(Packing, TheNumberOfRowsDoesNotDependOnTheOrder) {
  RandomStream random(9);
  std::vector<int32_t> lengths(300), order(300);
  for (int32_t &length : lengths)
    length = 1 + int32_t(random.nextBelow(40));
  std::iota(order.begin(), order.end(), 0);
  const int64_t rows = packBestFit(lengths, order, 48).rows();
  for (int i = 0; i < 10; ++i) {
    shuffle(order, random);
    EXPECT_EQ(packBestFit(lengths, order, 48).rows(), rows);
  }
}

TEST(Packing, NothingKeepsTheOrder) {
  const RowPlan plan = packNothing({2, 0, 1});
  ASSERT_EQ(plan.rows(), 3);
  EXPECT_EQ(rowOf(plan, 0), (std::vector<int32_t>{2}));
  EXPECT_EQ(rowOf(plan, 2), (std::vector<int32_t>{1}));
}
