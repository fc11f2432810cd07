//===- sampler_test.cpp - temperature, top-k, top-p -----------------------===//

#include "peft/runtime/sampler.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace peft;

static std::vector<int> histogram(const std::vector<float> &logits, const Sampling &sampling,
                                  int draws = 20000) {
  RandomStream random(1);
  std::vector<int> counts(logits.size());
  for (int i = 0; i < draws; ++i)
    ++counts.at(size_t(sampleToken(logits.data(), int64_t(logits.size()), sampling, random)));
  return counts;
}

static const std::vector<float> logits = {std::log(0.1f), std::log(0.5f), std::log(0.25f), std::log(0.15f)};

TEST(Sampler, GreedyTakesTheFirstOfTheLikeliest) {
  RandomStream random(1);
  EXPECT_EQ(sampleToken(logits.data(), 4, {}, random), 1);
  const float equal[] = {1, 2, 2};
  EXPECT_EQ(likeliestToken(equal, 3), 1);
}

TEST(Sampler, DrawsByProbability) {
  const auto counts = histogram(logits, {true, 1, 1, 0});
  EXPECT_NEAR(counts[1], 10000, 300);
  EXPECT_NEAR(counts[0], 2000, 200);
}

TEST(Sampler, TemperatureSharpens) {
  // Squares: .01 .25 .0625 .0225 of .345
  EXPECT_NEAR(histogram(logits, {true, 0.5, 1, 0})[1], 20000 * 0.25 / 0.345, 300);
}

TEST(Sampler, TopKAndTopPCutTheTail) {
  const auto two = histogram(logits, {true, 1, 1, 2});
  EXPECT_EQ(two[0] + two[3], 0);
  EXPECT_NEAR(two[1], 20000 * 2 / 3, 300);
  const auto most = histogram(logits, {true, 1, 0.7, 0});
  EXPECT_EQ(most[0] + most[3], 0);
  EXPECT_GT(most[2], 0);
  EXPECT_EQ(histogram(logits, {true, 1, 0.4, 0})[1], 20000);
}
