//===- rounded_cpu_test.cpp - many results rounded at once ----------------===//

#include "peft/runtime/rounded.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace peft::rt {
namespace {

/// Floats of all sizes, ties between two bf16 among them; none so small that a processor may make it zero.
std::vector<float> manyFloats(int64_t n) {
  std::mt19937 random(7);
  std::vector<float> values(n);
  for (int64_t i = 0; i < n; ++i) {
    uint32_t bits = random();
    if (i % 3 == 0)
      bits = (bits & 0xffff0000u) | 0x8000u;
    memcpy(&values[i], &bits, sizeof bits);
    if (!std::isnormal(values[i]))
      values[i] = float(i);
  }
  return values;
}

TEST(Rounded, IsFromFloatOfEachElementAndNothingBeyond) {
  for (int64_t n : {0, 1, 15, 16, 31, 32, 33, 64, 95, 1000}) {
    const std::vector<float> from = manyFloats(n);
    std::vector<bf16> to(n + 1, bf16{0x1234});
    roundTo(to.data(), from.data(), n);
    for (int64_t i = 0; i < n; ++i)
      EXPECT_EQ(to[i].bits, fromFloat<bf16>(from[i]).bits) << from[i] << " at " << i << " of " << n;
    EXPECT_EQ(to[n].bits, 0x1234);
  }
}

TEST(Rounded, KeepsWhatIsNotFinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float from[] = {infinity, -infinity, std::numeric_limits<float>::quiet_NaN(), -0.0f};
  bf16 to[4];
  roundTo(to, from, 4);
  EXPECT_EQ(toFloat(to[0]), infinity);
  EXPECT_EQ(toFloat(to[1]), -infinity);
  EXPECT_TRUE(std::isnan(toFloat(to[2])));
  EXPECT_EQ(to[3].bits, 0x8000);
}

TEST(Rounded, FillsInPlaceOverManyBlocks) {
  const int64_t n = 2 * roundedBlock + 77;
  std::vector<bf16> x(n);
  for (int64_t i = 0; i < n; ++i)
    x[i] = fromFloat<bf16>(float(i % 251));
  fillRounded(x.data(), n, [&](int64_t i) { return 2 * toFloat(x[i]) + 1; });
  for (int64_t i = 0; i < n; ++i)
    EXPECT_EQ(x[i].bits, fromFloat<bf16>(2.0f * float(i % 251) + 1).bits);
}

} // namespace
} // namespace peft::rt
