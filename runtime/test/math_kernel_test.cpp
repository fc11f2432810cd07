//===- math_kernel_test.cpp - scalar functions, map, dropout --------------===//

#include "kernel_testing.h"
#include "peft/runtime/map.h"
#include "peft/runtime/philox.h"

#include <limits>

namespace peft::rt {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
const float nan = std::numeric_limits<float>::quiet_NaN();

/// The largest error over [from, to], in units in the last place of the result.
double worstUlps(float (*f)(float), double (*exact)(double), double from, double to) {
  double worst = 0;
  for (int i = 0; i <= 200000; ++i) {
    const float x = float(from + (to - from) * i / 200000);
    const double want = exact(x);
    const float nearest = float(want);
    const double ulp = double(std::nextafter(std::abs(nearest), infinity)) - std::abs(nearest);
    worst = std::max(worst, std::abs(f(x) - want) / ulp);
  }
  return worst;
}

double worstError(float (*f)(float), double (*exact)(double), double from, double to) {
  double worst = 0;
  for (int i = 0; i <= 200000; ++i) {
    const float x = float(from + (to - from) * i / 200000);
    worst = std::max(worst, std::abs(f(x) - exact(x)));
  }
  return worst;
}

double exactSigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double exactSilu(double x) { return x * exactSigmoid(x); }
double exactGeluErf(double x) { return 0.5 * x * (1 + std::erf(x * std::sqrt(0.5))); }
double exactGeluTanh(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

TEST(MathKernel, Accuracy) {
  EXPECT_LT(worstUlps(exp_, std::exp, -86.5, 88.7), 1.5);
  EXPECT_LT(worstUlps(exp_, std::exp, -1, 1), 1.5);
  EXPECT_LT(worstUlps(expm1_, std::expm1, -2, 2), 2);
  EXPECT_LT(worstUlps(tanh_, std::tanh, -12, 12), 2.5);
  EXPECT_LT(worstUlps(tanh_, std::tanh, -1e-3, 1e-3), 2);
  EXPECT_LT(worstUlps(sigmoid, exactSigmoid, -80, 80), 3);
  EXPECT_LT(worstUlps(silu, exactSilu, -80, 80), 4);
  EXPECT_LT(worstError(erf_, std::erf, -6, 6), 1.5e-7);
  EXPECT_LT(worstError(gelu_erf, exactGeluErf, -8, 8), 6e-7);
  EXPECT_LT(worstError(gelu_tanh, exactGeluTanh, -8, 8), 6e-7);
}

TEST(MathKernel, Edges) {
  EXPECT_EQ(exp_(-infinity), 0);
  EXPECT_EQ(exp_(-1000), 0);
  EXPECT_EQ(exp_(0), 1);
  EXPECT_EQ(exp_(89), infinity);
  EXPECT_EQ(exp_(infinity), infinity);
  EXPECT_TRUE(std::isfinite(exp_(88.72f)));
  EXPECT_EQ(tanh_(100), 1);
  EXPECT_EQ(tanh_(-infinity), -1);
  EXPECT_EQ(sigmoid(200), 1);
  EXPECT_EQ(sigmoid(-200), 0);
  EXPECT_EQ(erf_(10), 1);
  EXPECT_EQ(relu(-2), 0);
  EXPECT_EQ(relu(3), 3);
  EXPECT_EQ(silu(-200), 0);
  for (auto f : {exp_, expm1_, tanh_, sigmoid, erf_, relu, silu, gelu_erf, gelu_tanh})
    EXPECT_TRUE(std::isnan(f(nan)));
}

TEST(MathKernel, GradientsAreThoseOfFiniteDifferences) {
  struct {
    float (*gradient)(float, float);
    double (*exact)(double);
  } functions[] = {{tanh_grad, std::tanh},
                   {silu_grad, exactSilu},
                   {gelu_erf_grad, exactGeluErf},
                   {gelu_tanh_grad, exactGeluTanh},
                   {relu_grad, [](double x) { return x > 0 ? x : 0; }}};
  for (auto f : functions)
    for (double x = -6.03; x < 6; x += 0.07)
      EXPECT_NEAR(f.gradient(1.5f, float(x)),
                  1.5 * (f.exact(double(float(x)) + 1e-5) - f.exact(double(float(x)) - 1e-5)) / 2e-5, 2e-6)
          << x;
}

PEFT_HD float gated(float a, float b) { return a * silu(b); }
PEFT_HD float fused(float a, float b, float c) { return a * b + c; }
PEFT_HD float half(float a) { return 0.5f * a; }

/// `below`: what the relative error may grow by for each unit below 0.
template <auto Body> void expectFunction(double (*exact)(double), double tolerance, double below = 0) {
  Doubles x, want;
  for (double value = -86; value < 88; value += 0.0371) {
    x.push_back(float(value));
    want.push_back(exact(x.back()));
  }
  Owned<float> xs({int64_t(x.size())}, x), y({int64_t(x.size())});
  map<Body>(context, y.tensor(), xs.tensor());
  Doubles got = y.doubles();
  for (size_t i = 0; i < x.size(); ++i)
    ASSERT_NEAR(got[i], want[i], (tolerance + below * std::max(0.0, -x[i])) * std::abs(want[i]) + 1e-37)
        << x[i];
}

// The device may have functions of its own.
TEST(MapKernel, FunctionsOnTheDevice) {
  expectFunction<exp_>(std::exp, 2.5e-7);
  expectFunction<sigmoid>([](double x) { return 1 / (1 + std::exp(-x)); }, 5e-7, 0x1p-24);
  expectFunction<silu>(exactSilu, 6e-7, 0x1p-24);
  expectFunction<tanh_>(std::tanh, 3e-7);
}

template <class T> class MapKernel : public ::testing::Test {};
TYPED_TEST_SUITE(MapKernel, ElementTypes);

TYPED_TEST(MapKernel, AppliesItsBody) {
  for (int64_t n : {1, 7, 1024, 1025, 20000}) {
    Doubles a = randomValues(n, 1), b = randomValues(n, 2, 4), want(n);
    for (int64_t i = 0; i < n; ++i)
      want[i] = a[i] * exactSilu(b[i]);
    Owned<TypeParam> as({n}, a), bs({n}, b), y({n});
    map<gated>(context, y.tensor(), as.tensor(), Tensor<const TypeParam>(bs));
    expectClose<TypeParam>(y.doubles(), want, 1e-6);
    map<gated>(context, as.tensor(), as.tensor(), bs.tensor()); // in place
    EXPECT_EQ(as.doubles(), y.doubles());
  }
}

TYPED_TEST(MapKernel, BroadcastsRowsAndScalars) {
  for (int64_t rows : {1, 3, 30})
    for (int64_t cols : {1, 5, 1500}) {
      Doubles a = randomValues(rows * cols, 3), row = randomValues(cols, 4), want(rows * cols);
      const double scalar = 0.75;
      for (int64_t i = 0; i < rows * cols; ++i)
        want[i] = a[i] * row[i % cols] + scalar;
      Owned<TypeParam> as({rows, cols}, a), rowT({cols}, row);
      Owned<float> scalars({1}, {scalar}), y({rows, cols});
      map<fused>(context, y.tensor(), as.tensor(), rowT.tensor(), scalars.tensor());
      expectClose<float>(y.doubles(), want);
    }
}

/// h = silu(gate) * up, of which dh is the cotangent: what the backward pass wants of it.
PEFT_HD Floats<3> gatedGrad(float gate, float up, float dh) {
  return floats(silu(gate) * up, dh * silu(gate), silu_grad(dh * up, gate));
}

TYPED_TEST(MapKernel, HasSeveralResults) {
  for (int64_t n : {1, 7, 1024, 1025, 20003}) {
    Doubles gate = randomValues(n, 6, 4), up = randomValues(n, 7), dh = randomValues(n, 8), want[3];
    for (int64_t i = 0; i < n; ++i) {
      const double s = 1 / (1 + std::exp(-gate[i]));
      want[0].push_back(gate[i] * s * up[i]);
      want[1].push_back(dh[i] * gate[i] * s);
      want[2].push_back(dh[i] * up[i] * (s + gate[i] * s * (1 - s)));
    }
    Owned<TypeParam> gates({n}, gate), ups({n}, up), dhs({n}, dh), h({n}), dUp({n}), dGate({n});
    map<gatedGrad>(context, h.tensor(), dUp.tensor(), dGate.tensor(), gates.tensor(), ups.tensor(),
                   dhs.tensor());
    expectClose<TypeParam>(h.doubles(), want[0], 1e-6);
    expectClose<TypeParam>(dUp.doubles(), want[1], 1e-6);
    expectClose<TypeParam>(dGate.doubles(), want[2], 1e-6);
    // In place, each result with another operand.
    map<gatedGrad>(context, dhs.tensor(), ups.tensor(), gates.tensor(), gates.tensor(), ups.tensor(),
                   dhs.tensor());
    EXPECT_EQ(dhs.doubles(), h.doubles());
    EXPECT_EQ(ups.doubles(), dUp.doubles());
    EXPECT_EQ(gates.doubles(), dGate.doubles());
  }
}

PEFT_HD Floats<2> scaledAndShifted(float a, float row, float scalar) { return floats(a * row, a + scalar); }

TYPED_TEST(MapKernel, BroadcastsToSeveralResults) {
  for (int64_t cols : {1, 5, 1500}) {
    const int64_t rows = 11;
    Doubles a = randomValues(rows * cols, 9), row = randomValues(cols, 10), product, sum;
    for (int64_t i = 0; i < rows * cols; ++i) {
      product.push_back(a[i] * row[i % cols]);
      sum.push_back(a[i] + 0.75);
    }
    Owned<TypeParam> as({rows, cols}, a), rowT({cols}, row);
    Owned<float> scalar({1}, {0.75}), products({rows, cols}), sums({rows, cols});
    map<scaledAndShifted>(context, products.tensor(), sums.tensor(), as.tensor(), rowT.tensor(),
                          scalar.tensor());
    expectClose<float>(products.doubles(), product);
    expectClose<float>(sums.doubles(), sum);
  }
}

TYPED_TEST(MapKernel, RowsMayLieApart) {
  for (int64_t rows : {1, 3, 70})
    for (int64_t cols : {1, 5, 48, 1500, 2064})
      for (auto [before, behind] : besides) {
        const int64_t n = rows * cols;
        const std::initializer_list<int64_t> shape = {rows, cols};
        const Doubles gate = randomValues(n, 6, 4), up = randomValues(n, 7), dh = randomValues(n, 8);
        Owned<TypeParam> denseGate(shape, gate), denseUp(shape, up), denseDh(shape, dh), h(shape), dUp(shape),
            dGate(shape);
        map<gatedGrad>(context, h.tensor(), dUp.tensor(), dGate.tensor(), denseGate.tensor(),
                       denseUp.tensor(), denseDh.tensor());
        Columns<TypeParam> gates(shape, gate, before, behind), ups(shape, up, behind, before),
            results[] = {{shape, before, behind}, {shape, behind, behind}, {shape, 2 * before, behind}};
        // Results here and operands there, dense ones among them.
        map<gatedGrad>(context, results[0].tensor(), results[1].tensor(), results[2].tensor(), gates.tensor(),
                       ups.tensor(), denseDh.tensor());
        expectClose<TypeParam>(results[0].doubles(), h.doubles(), 1e-6);
        expectClose<TypeParam>(results[1].doubles(), dUp.doubles(), 1e-6);
        expectClose<TypeParam>(results[2].doubles(), dGate.doubles(), 1e-6);
        EXPECT_EQ(gates.doubles(), gate);
        map<gatedGrad>(context, denseDh.tensor(), ups.tensor(), gates.tensor(), gates.tensor(), ups.tensor(),
                       denseDh.tensor()); // in place
        EXPECT_EQ(denseDh.doubles(), results[0].doubles());
        EXPECT_EQ(ups.doubles(), results[1].doubles());
        EXPECT_EQ(gates.doubles(), results[2].doubles());
      }
}

TYPED_TEST(MapKernel, BroadcastsToRowsApart) {
  for (int64_t rows : {1, 3, 30})
    for (int64_t cols : {1, 5, 48, 1500})
      for (auto [before, behind] : besides) {
        const Doubles a = randomValues(rows * cols, 3), row = randomValues(cols, 4);
        Doubles want(rows * cols);
        for (int64_t i = 0; i < rows * cols; ++i)
          want[i] = a[i] * row[i % cols] + 0.75;
        Columns<TypeParam> as({rows, cols}, a, before, behind);
        Owned<TypeParam> rowT({cols}, row);
        Owned<float> scalar({1}, {0.75}), dense({rows, cols});
        Columns<float> y({rows, cols}, behind, before);
        map<fused>(context, y.tensor(), as.tensor(), rowT.tensor(), scalar.tensor());
        expectClose<float>(y.doubles(), want);
        map<fused>(context, dense.tensor(), as.tensor(), rowT.tensor(), scalar.tensor());
        expectClose<float>(dense.doubles(), want);
      }
}

TEST(MapKernel, RoundsToNearestEven) {
  Owned<bf16> y({4});
  // Of 2, the last places of bf16 are 2^-6 apart; half of the inputs lie between.
  Owned<float> x({4}, {4 + 1.0 / 64, 4 + 3.0 / 64, 4 + 1.0 / 32, -(4 + 3.0 / 64)});
  map<half>(context, y.tensor(), x.tensor());
  EXPECT_EQ(y.doubles(), (Doubles{2, 2 + 1.0 / 32, 2 + 1.0 / 64, -(2 + 1.0 / 32)}));
}

TEST(Philox, KnownAnswers) { // published with Random123
  auto words = [](Philox p) { return std::vector<uint32_t>(p.word, p.word + 4); };
  EXPECT_EQ(words(philox4x32(0, 0, 0, 0, 0, 0)),
            (std::vector<uint32_t>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(words(philox4x32(~0u, ~0u, ~0u, ~0u, ~0u, ~0u)),
            (std::vector<uint32_t>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(words(philox4x32(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0)),
            (std::vector<uint32_t>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TYPED_TEST(MapKernel, DropoutKeepsWhatPhiloxSays) {
  for (int64_t n : {1, 6, 129, 20001})
    for (float p : {0.0f, 0.1f, 0.5f, 0.999f, 1.0f}) {
      const Shared<uint64_t> seed(0x123456789abcdef0u);
      Doubles x = randomValues(n, 5), want(n);
      for (int64_t i = 0; i < n; ++i) {
        const double unit = dropoutWords(uint64_t(i) / 4, seed, 77).word[i % 4] * std::ldexp(1.0, -32);
        want[i] = unit >= double(p) ? x[i] / (1 - double(p)) : 0;
      }
      Owned<TypeParam> xs({n}, x), y({n});
      dropout<TypeParam>(context, y, xs, seed, p, 77);
      expectClose<TypeParam>(y.doubles(), want, 1e-6);
      dropout<TypeParam>(context, xs, xs, seed, p, 77); // in place, the same mask
      EXPECT_EQ(xs.doubles(), y.doubles());
    }
}

TYPED_TEST(MapKernel, DropoutOfRowsApartCountsOwnElements) {
  for (int64_t rows : {1, 9, 301})
    for (int64_t cols : {1, 5, 48, 128, 1003})
      for (auto [before, behind] : besides)
        for (float p : {0.0f, 0.25f, 1.0f}) {
          const Shared<uint64_t> seed(0x123456789abcdef0u);
          const Doubles x = randomValues(rows * cols, 5);
          Owned<TypeParam> dense({rows, cols}, x), want({rows, cols});
          Columns<TypeParam> xs({rows, cols}, x, before, behind), y({rows, cols}, behind, before);
          dropout<TypeParam>(context, want, dense, seed, p, 77);
          dropout<TypeParam>(context, y, xs, seed, p, 77);
          EXPECT_EQ(y.doubles(), want.doubles());
          EXPECT_EQ(xs.doubles(), x);
          dropout<TypeParam>(context, dense, xs, seed, p, 77);
          EXPECT_EQ(dense.doubles(), want.doubles());
          dropout<TypeParam>(context, xs, xs, seed, p, 77); // in place
          EXPECT_EQ(xs.doubles(), want.doubles());
        }
}

TEST(DropoutKernel, SeedAndSaltChangeTheMask) {
  const int64_t n = 4096;
  Owned<float> ones({n}, Doubles(n, 1.0)), a({n}), b({n}), c({n}), d({n});
  dropout<float>(context, a, ones, Shared<uint64_t>(1), 0.5f, 1);
  dropout<float>(context, b, ones, Shared<uint64_t>(2), 0.5f, 1);
  dropout<float>(context, c, ones, Shared<uint64_t>(1), 0.5f, 2);
  dropout<float>(context, d, ones, Shared<uint64_t>(1 + (uint64_t(1) << 32)), 0.5f, 1);
  EXPECT_NE(a.doubles(), b.doubles());
  EXPECT_NE(a.doubles(), c.doubles());
  EXPECT_NE(a.doubles(), d.doubles());
  double kept = 0;
  for (double value : a.doubles())
    kept += value / 2;
  EXPECT_NEAR(kept / n, 0.5, 0.03);
}

} // namespace
} // namespace peft::rt
