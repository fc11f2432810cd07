//===- quantize_fp8_test.cpp - e4m3 against its definition ----------------===//

#include "peft/runtime/fp8.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

using namespace peft;

/// The value of a code by the format's definition.
static double valueOf(int code) {
  const int exponent = code >> 3 & 15, mantissa = code & 7;
  const double size = exponent ? std::ldexp(8 + mantissa, exponent - 10) : std::ldexp(mantissa, -9);
  return code & 128 ? -size : size;
}

TEST(Fp8, CodesHaveTheirValues) {
  EXPECT_EQ(valueOf(0x7e), e4m3Largest);
  for (int code = 0; code < 256; ++code) {
    const float value = fromE4m3(uint8_t(code));
    if ((code & 127) == 127) {
      EXPECT_TRUE(std::isnan(value)) << code;
      EXPECT_EQ(toE4m3(value) & 127, 127) << code;
      continue;
    }
    EXPECT_EQ(value, valueOf(code)) << code;
    EXPECT_EQ(toE4m3(value), code) << code;
    EXPECT_EQ(toFloat(fromFloat<bf16>(value)), value) << code; // so that CPUs may widen it
  }
}

/// Between neighbours the nearer, in the middle the even one.
TEST(Fp8, RoundsToNearestEven) {
  for (int code = 0; code < 0x7e; ++code) {
    const double low = valueOf(code), high = valueOf(code + 1);
    const float middle = float((low + high) / 2);
    EXPECT_EQ(toE4m3(middle), code % 2 ? code + 1 : code) << code;
    EXPECT_EQ(toE4m3(std::nextafter(middle, 0.0f)), code) << code;
    EXPECT_EQ(toE4m3(std::nextafter(middle, 500.0f)), code + 1) << code;
    EXPECT_EQ(toE4m3(-middle), (code % 2 ? code + 1 : code) | 128) << code;
  }
  EXPECT_EQ(toE4m3(std::nextafter(e4m3Largest, 1000.0f)), 0x7e);
  EXPECT_EQ(toE4m3(-1e30f), 0xfe);
  EXPECT_EQ(toE4m3(-0.0f), 0x80);
}

TEST(Fp8, ARowIsScaledToTheLargestCode) {
  const std::vector<float> x = {0.5f, -2.0f, 0.001f, 0.0f, 3.0e-3f, -3.0e-3f, 1e-8f, 2.9e-3f};
  uint8_t codes[8];
  float scales[2];
  quantizeRows(x.data(), 4, 2, 4, codes, scales);
  EXPECT_EQ(scales[0], 2.0f / 448);
  EXPECT_EQ(scales[1], 3.0e-3f / 448);
  EXPECT_EQ(codes[1], 0xfe);
  EXPECT_EQ(codes[4], 0x7e);
  EXPECT_EQ(codes[5], 0xfe);
  EXPECT_EQ(codes[3], 0);
  EXPECT_EQ(fromE4m3(codes[0]), 112);
  EXPECT_EQ(fromE4m3(codes[2]), 0.21875f); // 0.224 between 0.21875 and 0.234375
}

TEST(Fp8, BothFormsComeFromTheValues) {
  for (auto [rows, cols] : {std::pair<int64_t, int64_t>{16, 16}, {48, 80}, {192, 64}, {16, 272}}) {
    std::vector<float> x(size_t(rows * cols)), transposed(x.size());
    for (size_t i = 0; i < x.size(); ++i)
      x[i] = float((int64_t(i) * 7919 % 2003) - 1001) / 512 * float(1 + i % 3);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < cols; ++c)
        transposed[size_t(c * rows + r)] = x[size_t(r * cols + c)];
    const Fp8Layout layout(rows, cols);
    EXPECT_EQ(layout.bytes, 2 * rows * cols + 4 * (rows + cols));
    std::vector<uint8_t> bytes(size_t(layout.bytes)), codes(x.size());
    quantizeFp8(x.data(), rows, cols, bytes.data());
    std::vector<float> scales(size_t(std::max(rows, cols)));
    quantizeRows(x.data(), cols, rows, cols, codes.data(), scales.data());
    EXPECT_EQ(std::memcmp(bytes.data(), codes.data(), codes.size()), 0);
    EXPECT_EQ(std::memcmp(bytes.data() + layout.scales, scales.data(), size_t(4 * rows)), 0);
    quantizeRows(transposed.data(), rows, cols, rows, codes.data(), scales.data());
    EXPECT_EQ(std::memcmp(bytes.data() + layout.transposed, codes.data(), codes.size()), 0);
    EXPECT_EQ(std::memcmp(bytes.data() + layout.transposedScales, scales.data(), size_t(4 * cols)), 0);
    // Of values that bf16 holds, the same bytes.
    std::vector<bf16> halves(x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      halves[i] = fromFloat<bf16>(x[i]);
      x[i] = toFloat(halves[i]);
    }
    std::vector<uint8_t> ofHalves(bytes.size());
    quantizeFp8(x.data(), rows, cols, bytes.data());
    quantizeFp8(halves.data(), rows, cols, ofHalves.data());
    EXPECT_EQ(bytes, ofHalves);
  }
}
