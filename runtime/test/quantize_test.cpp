//===- quantize_test.cpp - NF4 against known bits -------------------------===//

#include "peft/runtime/quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

using namespace peft;

static std::string hex(const uint8_t *bytes, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i)
    text += {"0123456789abcdef"[bytes[i] >> 4], "0123456789abcdef"[bytes[i] & 15]};
  return text;
}

static uint32_t bits(float x) {
  uint32_t result;
  std::memcpy(&result, &x, 4);
  return result;
}

/// 70 values, so that the second block is short.
static std::vector<float> ragged() {
  std::vector<float> x(70);
  for (int i = 0; i < 70; ++i)
    x[size_t(i)] = float((37 * i) % 101 - 50) / 64.0f;
  return x;
}

TEST(Quantize, LevelsAndMapHaveTheirBits) {
  EXPECT_EQ(bits(nf4Levels[1]), 0xBF3239B1u);
  EXPECT_EQ(bits(nf4Levels[2]), 0xBF066B30u);
  EXPECT_EQ(bits(nf4Levels[6]), 0xBDBA7871u);
  EXPECT_EQ(bits(nf4Levels[10]), 0x3E7C04DDu);
  EXPECT_EQ(bits(nf4Levels[14]), 0x3F3913B3u);
  EXPECT_EQ(bits(dynamicMap[0]), 0xBF7E3333u);
  EXPECT_EQ(dynamicMap[127], 0.0f);
  EXPECT_EQ(bits(dynamicMap[128]), 0x3513A3B7u);
  EXPECT_EQ(dynamicMap[255], 1.0f);
  for (int k = 0; k < 127; ++k)
    EXPECT_EQ(dynamicMap[126 - k], -dynamicMap[128 + k]) << k;
}

TEST(Quantize, KnownCodes) {
  std::vector<float> x = ragged(), y(70);
  std::vector<uint8_t> bytes(size_t(nf4Bytes(70, 64, 0)));
  ASSERT_EQ(bytes.size(), 36u + 2 * 4);
  quantizeNf4(x.data(), 70, 64, 0, bytes.data());
  EXPECT_EQ(hex(bytes.data(), 35), "04c16e29f3b05d17e29f3c05d18e2af4c16e18e3b05d17e29f3b05d18e2af4c16e18f2");
  float absmax[2];
  nf4Absmax(bytes.data(), 70, 64, 0, absmax);
  EXPECT_EQ(absmax[0], 0.78125f);
  EXPECT_EQ(absmax[1], 0.65625f);
  dequantizeNf4(bytes.data(), 70, 64, 0, 0, 70, y.data());
  EXPECT_EQ(y[0], -0.78125f);
  EXPECT_EQ(y[1], -0.2222198247909546f);
  EXPECT_EQ(y[2], 0.34430456161499023f);
  EXPECT_EQ(y[3], -0.5439006090164185f);
  EXPECT_EQ(y[69], -0.34457919001579285f);
}

TEST(Quantize, ReadsFromTheMiddle) {
  std::vector<float> x = ragged(), whole(70), part(11);
  std::vector<uint8_t> bytes(size_t(nf4Bytes(70, 32, 256)));
  quantizeNf4(x.data(), 70, 32, 256, bytes.data());
  dequantizeNf4(bytes.data(), 70, 32, 256, 0, 70, whole.data());
  for (int64_t first : {0, 1, 25, 31, 32, 59}) {
    dequantizeNf4(bytes.data(), 70, 32, 256, first, 11, part.data());
    for (size_t i = 0; i < 11; ++i)
      EXPECT_EQ(part[i], whole[size_t(first) + i]) << first << " " << i;
  }
  std::vector<bf16> narrow(70);
  dequantizeNf4(bytes.data(), 70, 32, 256, 0, 70, narrow.data());
  for (size_t i = 0; i < 70; ++i)
    EXPECT_EQ(narrow[i].bits, fromFloat<bf16>(whole[i]).bits);
}

TEST(Quantize, EdgesOfBlocks) {
  // A block of zeros has code 0 everywhere; an odd end is filled with a zero's code.
  std::vector<float> x(67, 0.0f);
  x[64] = 1, x[65] = -1, x[66] = NAN;
  std::vector<uint8_t> bytes(size_t(nf4Bytes(67, 64, 0)));
  quantizeNf4(x.data(), 67, 64, 0, bytes.data());
  EXPECT_EQ(hex(bytes.data(), 34), std::string(64, '0') + "f007");
  std::vector<float> y(67);
  dequantizeNf4(bytes.data(), 67, 64, 0, 0, 67, y.data());
  EXPECT_EQ(y[0], 0.0f);
  EXPECT_TRUE(std::signbit(y[0]));
}

TEST(Quantize, NestedConstants) {
  // 300 blocks of 32 elements whose largest magnitudes are known.
  std::vector<float> x(300 * 32, 0.0f);
  for (int i = 0; i < 300; ++i)
    x[size_t(32 * i)] = float(0.05 + 0.001 * ((29 * i) % 97));
  int64_t n = int64_t(x.size());
  Nf4Layout layout(n, 32, 256);
  EXPECT_EQ(layout.blocks, 300);
  EXPECT_EQ(layout.groups, 2);
  EXPECT_EQ(layout.bytes, n / 2 + 300 + 2 * 4 + 256 * 4 + 4);
  std::vector<uint8_t> bytes(size_t(layout.bytes));
  quantizeNf4(x.data(), n, 32, 256, bytes.data());
  EXPECT_EQ(hex(&bytes[size_t(layout.absmax)], 16), "002bc6f11c95e20d38d4ff29c5f01b5d");
  uint32_t sum = 0; // of all codes, so that each counts
  for (int i = 0; i < 300; ++i)
    sum = sum * 31 + bytes[size_t(layout.absmax + i)];
  EXPECT_EQ(sum, 808984418u);
  float constants[3];
  std::memcpy(constants, &bytes[size_t(layout.nestedAbsmax)], 8);
  std::memcpy(constants + 2, &bytes[size_t(layout.offset)], 4);
  EXPECT_EQ(bits(constants[0]), 0x3D4585D4u);
  EXPECT_EQ(bits(constants[1]), 0x3D43B177u);
  EXPECT_EQ(bits(constants[2]), 0x3DC83F22u);
  std::vector<float> absmax(300);
  nf4Absmax(bytes.data(), n, 32, 256, absmax.data());
  for (int i = 0; i < 300; ++i)
    EXPECT_NEAR(absmax[size_t(i)], x[size_t(32 * i)], 0.0008);
}

TEST(Quantize, NearestCodeAndItsTies) {
  EXPECT_EQ(nearestCode(dynamicMap, -1.0f), 0);
  EXPECT_EQ(nearestCode(dynamicMap, 1.0f), 255);
  EXPECT_EQ(nearestCode(dynamicMap, 0.0f), 127);
  EXPECT_EQ(nearestCode(dynamicMap, NAN), 0);
  for (int i = 0; i < 255; ++i) {
    float middle = (dynamicMap[i] + dynamicMap[i + 1]) * 0.5f;
    EXPECT_EQ(nearestCode(dynamicMap, dynamicMap[i]), i);
    EXPECT_EQ(nearestCode(dynamicMap, middle) % 2, 0) << i;
    EXPECT_EQ(nearestCode(dynamicMap, std::nextafter(middle, 2.0f)), i + 1);
    EXPECT_EQ(nearestCode(dynamicMap, std::nextafter(middle, -2.0f)), i);
  }
}

TEST(Quantize, SizesAreChecked) {
  EXPECT_TRUE(checkNf4(64, 256));
  EXPECT_TRUE(checkNf4(4096, 0));
  EXPECT_FALSE(checkNf4(48, 0));
  EXPECT_FALSE(checkNf4(16, 0));
  EXPECT_FALSE(checkNf4(64, 128));
}
