//===- schedule_test.cpp - transformers' formulas -------------------------===//

#include "peft/runtime/schedule.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace peft;

TEST(Schedule, LinearRisesFromZeroAndFallsToZero) {
  const Schedule schedule{ScheduleKind::Linear, 0.01, 2, 6};
  const double expected[] = {0, 0.005, 0.01, 0.0075, 0.005, 0.0025, 0};
  for (int64_t step = 0; step <= 6; ++step)
    EXPECT_DOUBLE_EQ(schedule.at(step), expected[step]) << step;
}

TEST(Schedule, LinearWithoutWarmupStartsAtThePeak) {
  const Schedule schedule{ScheduleKind::Linear, 5e-5, 0, 4};
  EXPECT_DOUBLE_EQ(schedule.at(0), 5e-5);
  EXPECT_DOUBLE_EQ(schedule.at(3), 1.25e-5);
}

TEST(Schedule, CosineIsHalfwayInTheMiddle) {
  const Schedule schedule{ScheduleKind::Cosine, 0.02, 2, 10};
  EXPECT_DOUBLE_EQ(schedule.at(0), 0);
  EXPECT_DOUBLE_EQ(schedule.at(1), 0.01);
  EXPECT_DOUBLE_EQ(schedule.at(2), 0.02);
  EXPECT_NEAR(schedule.at(6), 0.01, 1e-15);
  EXPECT_NEAR(schedule.at(4), 0.01 * (1 + std::sqrt(0.5)), 1e-15);
  EXPECT_NEAR(schedule.at(10), 0, 1e-15);
}

TEST(Schedule, ConstantIgnoresWarmupAndTheOtherDoesNot) {
  EXPECT_DOUBLE_EQ((Schedule{ScheduleKind::Constant, 1, 5, 10}.at(0)), 1);
  const Schedule schedule{ScheduleKind::ConstantWithWarmup, 1, 4, 10};
  EXPECT_DOUBLE_EQ(schedule.at(1), 0.25);
  EXPECT_DOUBLE_EQ(schedule.at(9), 1);
}

TEST(Schedule, AnUnknownNameListsTheKnown) {
  const auto kind = parseSchedule("cosin");
  ASSERT_FALSE(kind);
  EXPECT_NE(kind.status().message().find("cosine"), std::string::npos);
}
