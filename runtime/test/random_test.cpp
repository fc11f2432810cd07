//===- random_test.cpp - streams and initial values -----------------------===//

#include "peft/runtime/random.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>

using namespace peft;

TEST(Random, PhiloxGivesTheWordsOfItsAuthors) {
  // Random123's known answer for a counter and a key of zeros.
  EXPECT_EQ(philox(0, 0), (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
}

TEST(Random, BoundsAreKeptAndReached) {
  RandomStream random(3);
  std::vector<int> seen(7);
  for (int i = 0; i < 7000; ++i)
    ++seen.at(random.nextBelow(7));
  for (const int count : seen)
    EXPECT_NEAR(count, 1000, 150);
}

TEST(Random, ShuffleIsAPermutationOfItsSeed) {
  std::vector<int32_t> a(100), b(100), sorted(100);
  std::iota(sorted.begin(), sorted.end(), 0);
  a = b = sorted;
  RandomStream first(5), second(5);
  shuffle(a, first);
  shuffle(b, second);
  EXPECT_EQ(a, b);
  EXPECT_NE(a, sorted);
  std::sort(a.begin(), a.end());
  EXPECT_EQ(a, sorted);
}

TEST(Random, InitialValuesHaveTheirMoments) {
  std::vector<float> values(20001);
  const auto moments = [&] {
    double sum = 0, squares = 0;
    for (const float value : values) {
      sum += value;
      squares += double(value) * value;
    }
    return std::pair(sum / double(values.size()), std::sqrt(squares / double(values.size())));
  };
  fillNormal(values.data(), int64_t(values.size()), 0.02, 11);
  EXPECT_NEAR(moments().first, 0, 5e-4);
  EXPECT_NEAR(moments().second, 0.02, 4e-4);
  fillUniform(values.data(), int64_t(values.size()), 0.5, 11);
  EXPECT_NEAR(moments().first, 0, 0.01);
  EXPECT_NEAR(moments().second, 0.5 / std::sqrt(3.0), 0.01);
  EXPECT_LT(*std::max_element(values.begin(), values.end()), 0.5f);
}

TEST(Random, ShorterFillsArePrefixes) {
  std::vector<float> all(10), part(7);
  fillNormal(all.data(), 10, 1, 4);
  fillNormal(part.data(), 7, 1, 4);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), all.begin()));
}
