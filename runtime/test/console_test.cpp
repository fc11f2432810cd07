//===- console_test.cpp - log lines and the bar ---------------------------===//

#include "peft/runtime/metrics.h"

#include <gtest/gtest.h>

using namespace peft;

TEST(Console, LinesLookLikeThoseOfTransformers) {
  const LogRow row{10,
                   {{"loss", 1.67894}, {"learning_rate", 4.91e-4}, {"num_tokens", 1234567}, {"epoch", 0.5}}};
  EXPECT_EQ(consoleLine(row),
            "{'loss': 1.6789, 'learning_rate': 4.910e-04, 'num_tokens': 1234567, 'epoch': 0.5}");
}

TEST(Console, LargeRatesAreWrittenOut) {
  EXPECT_EQ(consoleLine({1, {{"train_tokens_per_second", 233360.4}}}), "{'train_tokens_per_second': 233360}");
}

TEST(Console, DurationsHaveHoursWhereNeeded) {
  EXPECT_EQ(durationText(62), "01:02");
  EXPECT_EQ(durationText(3723), "1:02:03");
  EXPECT_EQ(durationText(-1), "00:00");
}

TEST(Console, TheBarFitsItsLine) {
  for (const int width : {20, 60, 80, 200}) {
    const std::string text = progressText(25, 100, 1.5, 1234, 75, width);
    EXPECT_LT(int(text.size()), width) << text;
  }
  for (const int width : {20, 60, 80, 200})
    EXPECT_LT(int(loadingText(int64_t(3) << 30, int64_t(12) << 30, 1.5, width).size()), width);
  const std::string loading = loadingText(int64_t(3) << 30, int64_t(12) << 30, 1.5, 80);
  EXPECT_NE(loading.find(" 25% [###"), std::string::npos) << loading;
  EXPECT_NE(loading.find("] 3.00/12.00 GiB of weights  2.00 GiB/s"), std::string::npos) << loading;
  const std::string text = progressText(25, 100, 1.5, 1234, 75, 80);
  EXPECT_NE(text.find(" 25% ["), std::string::npos) << text;
  EXPECT_NE(text.find("25/100  loss 1.5000  1234 tok/s  01:15 left"), std::string::npos) << text;
}
