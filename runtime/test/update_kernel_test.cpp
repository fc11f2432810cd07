//===- update_kernel_test.cpp - optimizers, clipping, stored weights ------===//

#include "kernel_testing.h"
#include "peft/runtime/cpu.h"
#include "peft/runtime/quantize.h"

#include <cstring>
#include <limits>
#include <string>

namespace peft::rt {
namespace {

peft_update_t settings() {
  peft_update_t update = {};
  update.learning_rate = 1e-2f;
  update.beta1 = 0.9f;
  update.beta2 = 0.999f;
  update.epsilon = 1e-8f;
  return update;
}

TEST(UpdateKernel, ClipNorm) {
  for (int64_t n : {1, 3, 255, 70001}) {
    Doubles g = randomValues(n, 1);
    double squares = 0;
    for (double value : g)
      squares += value * value;
    const double norm = std::sqrt(squares);
    Shared<peft_update_t> update(settings());
    for (double limit : {0.0, norm * 0.25, norm * 2}) {
      update->max_grad_norm = float(limit);
      Owned<float> gradients({n}, g), got({});
      clip_norm(context, got, gradients, update);
      expectClose<float>(got.doubles(), {norm}, 1e-6);
      const double factor = limit > 0 ? std::min(1.0, limit / (norm + 1e-6)) : 1;
      Doubles want = g;
      for (double &value : want)
        value *= factor;
      expectClose<float>(gradients.doubles(), want, 1e-6);
      if (factor == 1) {
        EXPECT_EQ(gradients.doubles(), g);
      }
    }
  }
}

TEST(UpdateKernel, ClipNormDoesNotHideNan) {
  Shared<peft_update_t> update(settings());
  update->max_grad_norm = 1;
  Owned<float> gradients({3}, {1, std::numeric_limits<double>::quiet_NaN(), 3}), norm({});
  clip_norm(context, norm, gradients, update);
  EXPECT_TRUE(std::isnan(norm.doubles()[0]));
  EXPECT_TRUE(std::isnan(gradients.doubles()[0]));
}

TEST(UpdateKernel, AdamW) {
  for (int64_t n : {1, 37, 20003}) {
    Doubles p = randomValues(n, 2), m(n), v(n);
    p[0] = 0; // padding: stays zero
    Owned<float> ps({n}, p), gs({n}), ms({n}), vs({n});
    Shared<peft_update_t> update(settings());
    update->weight_decay = 0.1f;
    for (int64_t step = 1; step <= 4; ++step) {
      update->step = step;
      Doubles g = randomValues(n, uint32_t(10 + step));
      g[0] = 0;
      gs.assign(g);
      for (int64_t i = 0; i < n; ++i) {
        p[i] *= 1 - double(update->learning_rate) * update->weight_decay;
        m[i] = update->beta1 * m[i] + (1 - double(update->beta1)) * g[i];
        v[i] = update->beta2 * v[i] + (1 - double(update->beta2)) * g[i] * g[i];
        const double mean = m[i] / (1 - std::pow(double(update->beta1), step));
        const double square = v[i] / (1 - std::pow(double(update->beta2), step));
        p[i] -= update->learning_rate * mean / (std::sqrt(square) + update->epsilon);
      }
      adamw(context, ps, gs, ms, vs, update);
      expectClose<float>(ps.doubles(), p, 1e-6);
      EXPECT_EQ(gs.doubles(), Doubles(n));
      EXPECT_EQ(ps.doubles()[0], 0);
    }
    expectClose<float>(ms.doubles(), m, 1e-6);
    expectClose<float>(vs.doubles(), v, 1e-6);
  }
}

TEST(UpdateKernel, AdamWAddsEpsilonAfterBiasCorrection) {
  // One step from zero moments: p -= rate * g / (|g| + eps), whatever the betas.
  Owned<float> p({1}, {1}), g({1}, {0.5}), m({1}), v({1});
  Shared<peft_update_t> update(settings());
  update->epsilon = 0.5f;
  update->step = 1;
  adamw(context, p, g, m, v, update);
  EXPECT_NEAR(p.doubles()[0], 1 - 1e-2 * 0.5, 1e-7);
}

TEST(UpdateKernel, Sgd) {
  const int64_t n = 1003;
  for (double momentum : {0.0, 0.9}) {
    Doubles p = randomValues(n, 3), buffer(n);
    Owned<float> ps({n}, p), gs({n}), buffers({n});
    Shared<peft_update_t> update(settings());
    update->momentum = float(momentum);
    update->weight_decay = 0.01f;
    for (int64_t step = 1; step <= 3; ++step) {
      update->step = step;
      Doubles g = randomValues(n, uint32_t(20 + step));
      gs.assign(g);
      for (int64_t i = 0; i < n; ++i) {
        const double decayed = g[i] + double(update->weight_decay) * p[i];
        buffer[i] = step == 1 ? decayed : double(update->momentum) * buffer[i] + decayed;
        p[i] -= double(update->learning_rate) * buffer[i];
      }
      sgd(context, ps, gs, buffers, update);
      expectClose<float>(ps.doubles(), p, 1e-6);
      expectClose<float>(buffers.doubles(), buffer, 1e-6);
      EXPECT_EQ(gs.doubles(), Doubles(n));
    }
  }
}

/// Bytes as abi.h lays them out.
class Nf4Bytes {
public:
  void codes(const std::vector<uint8_t> &values) { append(values.data(), values.size()); }
  void floats(const std::vector<float> &values) { append(values.data(), values.size() * sizeof(float)); }
  Owned<uint8_t> onDevice() const {
    return Owned<uint8_t>({int64_t(bytes.size())}, Doubles(bytes.begin(), bytes.end()));
  }

private:
  void append(const void *data, size_t size) {
    const auto *first = static_cast<const uint8_t *>(data);
    bytes.insert(bytes.end(), first, first + size);
    bytes.resize((bytes.size() + 3) / 4 * 4);
  }
  std::vector<uint8_t> bytes;
};

const uint32_t levelBits[16] = {0xBF800000, 0xBF3239B1, 0xBF066B30, 0xBECA32A0, 0xBE91A24D, 0xBE3D353F,
                                0xBDBA7871, 0x00000000, 0x3DA2FAFF, 0x3E24CAE3, 0x3E7C04DD, 0x3EAD033A,
                                0x3EE1A4B8, 0x3F1007AB, 0x3F3913B3, 0x3F800000};
float level(int code) {
  float value;
  memcpy(&value, &levelBits[code], sizeof value);
  return value;
}

template <class T> class Nf4Kernel : public ::testing::Test {};
TYPED_TEST_SUITE(Nf4Kernel, ElementTypes);

TYPED_TEST(Nf4Kernel, DequantizesEveryCodeExactly) {
  const int64_t n = 131, block = 64; // a ragged last block, an odd end
  std::vector<uint8_t> codes;
  for (int64_t i = 0; i < n; i += 2)
    codes.push_back(uint8_t((i * 7 % 16) << 4 | (i + 1) * 7 % 16));
  const std::vector<float> absmax = {0.78125f, 0.0123f, 3.0000002f};
  Nf4Bytes bytes;
  bytes.codes(codes);
  bytes.floats(absmax);
  Owned<TypeParam> y({n});
  dequantize_nf4<TypeParam>(context, y, bytes.onDevice(), block, 0);
  Doubles got = y.doubles();
  for (int64_t i = 0; i < n; ++i)
    EXPECT_EQ(got[i], toFloat(fromFloat<TypeParam>(level(int(i * 7 % 16)) * absmax[i / block]))) << i;
}

TYPED_TEST(Nf4Kernel, NestedAbsmaxRoundsTwice) {
  const int64_t block = 64, nested = 256, blocks = 258, n = blocks * block - 3;
  std::vector<uint8_t> codes((n + 1) / 2, 0xF0), absmaxCodes; // 1, -1, 1, -1, ...
  std::vector<float> map;
  for (int64_t i = 0; i < 256; ++i)
    map.push_back(float(double(i) / 255 * 2 - 1));
  for (int64_t i = 0; i < blocks; ++i)
    absmaxCodes.push_back(uint8_t(i * 37));
  const std::vector<float> groups = {0.0370001f, 0.0291f};
  const float offset = 0.0831234f;
  Nf4Bytes bytes;
  bytes.codes(codes);
  bytes.codes(absmaxCodes);
  bytes.floats(groups);
  bytes.floats(map);
  bytes.floats({offset});
  Owned<TypeParam> y({n});
  dequantize_nf4<TypeParam>(context, y, bytes.onDevice(), block, nested);
  Doubles got = y.doubles();
  for (int64_t i = 0; i < n; ++i) {
    const int64_t b = i / block;
    // The product is rounded before the sum; a double holds it exactly until then.
    const float product = float(double(map[absmaxCodes[b]]) * groups[b / nested]);
    const float absmax = float(double(product) + offset);
    EXPECT_EQ(got[i], toFloat(fromFloat<TypeParam>(i % 2 ? -absmax : absmax))) << i;
  }
}

/// The decoder of the loader, whose bits are known, on enough for a GPU to turn many times.
TYPED_TEST(Nf4Kernel, AgreesWithTheHostsDecoder) {
  const bool onGpu = std::string(device::target()) == "cuda";
  for (int64_t n : {int64_t(5000), onGpu ? (int64_t(1) << 24) + 77 : 40001})
    for (const auto &[block, nested] :
         {std::pair<int64_t, int64_t>{64, 256}, {64, 0}, {32, 256}, {4096, 0}}) {
      const Nf4Layout layout(n, block, nested);
      std::vector<uint8_t> bytes(size_t(layout.bytes));
      uint32_t state = uint32_t(n + block);
      auto next = [&] { return (state = state * 1664525u + 1013904223u) >> 24; };
      for (uint8_t &byte : bytes)
        byte = uint8_t(next());
      auto fill = [&](int64_t at, int64_t end) { // floats of either sign, up to 0.5
        for (; at + 4 <= end; at += 4) {
          const float value = (float(next()) - 127.5f) / 255.0f;
          memcpy(bytes.data() + at, &value, sizeof value);
        }
      };
      fill(nested ? layout.nestedAbsmax : layout.absmax, layout.bytes);
      std::vector<TypeParam> want(static_cast<size_t>(n));
      dequantizeNf4(bytes.data(), n, block, nested, 0, n, want.data());
      Owned<uint8_t> codes({layout.bytes});
      codes.upload(bytes);
      Owned<TypeParam> y({n});
      dequantize_nf4<TypeParam>(context, y, codes, block, nested);
      const std::vector<TypeParam> got = y.values();
      EXPECT_EQ(memcmp(got.data(), want.data(), got.size() * sizeof(TypeParam)), 0)
          << n << " elements, blocks of " << block << ", nested " << nested;
    }
}

TEST(CopyKernel, CopiesAndZeroes) {
  for (int64_t n : {1, 1000, 50001}) {
    Doubles x = randomValues(n, 4);
    Owned<float> xs({n}, x), y({n});
    copy<float>(context, y, xs);
    EXPECT_EQ(y.doubles(), x);
    zero<float>(context, y);
    EXPECT_EQ(y.doubles(), Doubles(n));
    Owned<bf16> halves({n}, x), other({n});
    copy<bf16>(context, other, halves);
    EXPECT_EQ(other.doubles(), x);
  }
}

TEST(Cpu, KnowsItsFeatures) {
  EXPECT_TRUE(cpuSupports(""));
  EXPECT_FALSE(cpuSupports("another machine"));
  if (cpuSupports("avx512_bf16")) {
    EXPECT_TRUE(cpuSupports("avx512"));
  }
  if (cpuSupports("avx512")) {
    EXPECT_TRUE(cpuSupports("avx2"));
  }
}

} // namespace
} // namespace peft::rt
