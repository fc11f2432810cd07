//===- quant_parity_test.cpp - NF4 against bitsandbytes' own bits ---------===//
//
// The folder holds tensors that bitsandbytes quantized on CUDA, with what it made of
// them: NAME.packed, .absmax, nested constants and .dequantized for each case of the JSON.
//
//===----------------------------------------------------------------------===//

#include "peft/runtime/json.h"
#include "peft/runtime/quantize.h"
#include "peft/runtime/safetensors.h"
#include "reader_test_util.h"

#include <cmath>

using namespace peft;
using namespace peft::test;

namespace {

class QuantParity : public ::testing::Test {
protected:
  void SetUp() override {
    const char *given = std::getenv("PEFT_QUANT_PARITY");
    std::string folder = given ? given : PEFT_QUANT_PARITY;
    auto description = parseJsonFile(joinPath(folder, "four-bit.json"));
    ASSERT_TRUE(description) << description.status().message();
    cases = *description;
    auto tensors = SafetensorsFile::open(joinPath(folder, "four-bit.safetensors"));
    ASSERT_TRUE(tensors) << tensors.status().message();
    file = std::move(*tensors);
  }

  std::vector<float> floats(const std::string &name) {
    auto values = file.floats(name);
    EXPECT_TRUE(values) << values.status().message();
    return values ? *values : std::vector<float>();
  }
  void copyTo(uint8_t *dst, const std::string &name) {
    auto tensor = file.get(name);
    ASSERT_TRUE(tensor) << tensor.status().message();
    std::memcpy(dst, (*tensor)->data, (*tensor)->bytes);
  }
  /// bitsandbytes' parts in our layout.
  std::vector<uint8_t> stored(const std::string &name, int64_t n, int64_t block, int64_t nested) {
    Nf4Layout layout(n, block, nested);
    std::vector<uint8_t> bytes(size_t(layout.bytes), 0);
    copyTo(&bytes[0], name + ".packed");
    copyTo(&bytes[size_t(layout.absmax)], name + ".absmax");
    if (nested) {
      copyTo(&bytes[size_t(layout.nestedAbsmax)], name + ".nested_absmax");
      copyTo(&bytes[size_t(layout.nestedMap)], name + ".nested_code");
      copyTo(&bytes[size_t(layout.offset)], name + ".offset");
    }
    return bytes;
  }

  nlohmann::json cases;
  SafetensorsFile file;
};

/// Calls f(name, input, block, nested) for each nf4 case and returns their number.
template <class F> int eachCase(const nlohmann::json &cases, F f) {
  int count = 0;
  for (const auto &item : cases.items()) {
    if (*getString(item.value(), "quant_type", item.key()) != "nf4")
      continue;
    std::string input = item.key().substr(0, item.key().find(".nf4.")) + ".input";
    int64_t nested = *getBool(item.value(), "double", item.key())
                         ? *getInt(item.value(), "nested_blocksize", item.key())
                         : 0;
    f(item.key(), input, *getInt(item.value(), "blocksize", item.key()), nested);
    ++count;
  }
  return count;
}

void expectClose(float got, float expected, const std::string &what) {
  EXPECT_LE(std::fabs(got - expected), 1e-7f * std::fabs(expected)) << what;
}

} // namespace

TEST_F(QuantParity, StoredBitsDequantizeBitForBit) {
  int count =
      eachCase(cases, [&](const std::string &name, const std::string &, int64_t block, int64_t nested) {
        auto expected = file.get(name + ".dequantized");
        ASSERT_TRUE(expected) << expected.status().message();
        int64_t n = (*expected)->elements();
        std::vector<uint8_t> bytes = stored(name, n, block, nested);
        int64_t wrong = 0;
        if ((*expected)->type == SafetensorsType::F32) {
          std::vector<float> values((size_t(n)));
          dequantizeNf4(bytes.data(), n, block, nested, 0, n, values.data());
          wrong = std::memcmp(values.data(), (*expected)->data, size_t(n) * 4);
        } else if ((*expected)->type == SafetensorsType::BF16) {
          std::vector<bf16> values((size_t(n)));
          dequantizeNf4(bytes.data(), n, block, nested, 0, n, values.data());
          wrong = std::memcmp(values.data(), (*expected)->data, size_t(n) * 2);
        } else {
          // F16 is no result type of ours: the float must round to the stored half.
          std::vector<float> values((size_t(n))), halves = floats(name + ".dequantized");
          dequantizeNf4(bytes.data(), n, block, nested, 0, n, values.data());
          for (size_t i = 0; i < values.size(); ++i)
            wrong += !(std::fabs(values[i] - halves[i]) <= std::fabs(halves[i]) * 0x1p-11f + 0x1p-25f);
        }
        EXPECT_EQ(wrong, 0) << name;
      });
  EXPECT_GT(count, 0);
}

TEST_F(QuantParity, QuantizesToTheSameCodesAndConstants) {
  int count =
      eachCase(cases, [&](const std::string &name, const std::string &input, int64_t block, int64_t nested) {
        std::vector<float> x = floats(input);
        int64_t n = int64_t(x.size());
        ASSERT_GT(n, 0);
        Nf4Layout layout(n, block, nested);
        std::vector<uint8_t> theirs = stored(name, n, block, nested), ours(theirs.size());
        quantizeNf4(x.data(), n, block, nested, ours.data());

        // Codes depend on the unrounded absmax, with or without nesting.
        std::vector<uint8_t> single(size_t(nf4Bytes(n, block, 0)));
        quantizeNf4(x.data(), n, block, 0, single.data());
        std::vector<float> absmax(size_t(layout.blocks));
        nf4Absmax(single.data(), n, block, 0, absmax.data());
        for (int64_t i = 0; i < n; ++i) {
          int shift = i % 2 ? 0 : 4, code = ours[size_t(i / 2)] >> shift & 15,
              other = theirs[size_t(i / 2)] >> shift & 15;
          if (code == other)
            continue;
          // Allowed where the value is all but on the threshold between neighbours.
          float z = x[size_t(i)] / absmax[size_t(i / block)];
          float threshold = (nf4Levels[code] + nf4Levels[other]) / 2;
          EXPECT_EQ(std::abs(code - other), 1) << name << " " << i;
          EXPECT_LE(std::fabs(z - threshold), 1e-6f) << name << " " << i;
        }

        auto constant = [](const std::vector<uint8_t> &bytes, int64_t at) {
          float value;
          std::memcpy(&value, &bytes[size_t(at)], 4);
          return value;
        };
        if (!nested) {
          for (int64_t b = 0; b < layout.blocks; ++b)
            expectClose(absmax[size_t(b)], constant(theirs, layout.absmax + 4 * b), name);
          return;
        }
        // The offset is a mean, whose order of summation is free; what hangs on it follows.
        float offset = constant(theirs, layout.offset);
        EXPECT_LE(std::fabs(constant(ours, layout.offset) - offset), 4e-7f * std::fabs(offset)) << name;
        for (int64_t g = 0; g < layout.groups; ++g)
          EXPECT_LE(std::fabs(constant(ours, layout.nestedAbsmax + 4 * g) -
                              constant(theirs, layout.nestedAbsmax + 4 * g)),
                    4e-7f * std::fabs(offset))
              << name;
        for (int64_t b = 0; b < layout.blocks; ++b)
          EXPECT_LE(std::abs(ours[size_t(layout.absmax + b)] - theirs[size_t(layout.absmax + b)]), 1) << name;
        for (int64_t i = 0; i < 256; ++i) // the last bits of a map depend on the machine that made it
          EXPECT_LE(std::fabs(dynamicMap[i] - constant(theirs, layout.nestedMap + 4 * i)),
                    2.5e-7f * std::fabs(dynamicMap[i]));
      });
  EXPECT_GT(count, 0);
}
