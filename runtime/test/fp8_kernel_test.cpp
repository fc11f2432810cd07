//===- fp8_kernel_test.cpp - matrix products in FP8 -----------------------===//
//
// Rows are quantized to the same bits on every machine. Products are compared with
// double sums over the very codes and scales, so that what is left is the rounding of
// the sums and of the result; how far codes are from the values is quantize_fp8_test's.
//
//===----------------------------------------------------------------------===//

#include "kernel_testing.h"
#include "peft/runtime/fp8.h"

#include <limits>

namespace peft::rt {
namespace {

/// Multiples of 16 where they must be, rows of any number; blocks of the CPU's and widths of the GPU's row
/// cache.
struct Shape {
  int64_t rows, in, out;
};
const Shape shapes[] = {{1, 16, 16},    {3, 48, 80},    {17, 16, 48},
                        {64, 112, 16},  {130, 272, 64}, {5, 2064, 32},
                        {33, 9216, 16}, {515, 80, 144}, {3, 64, 20000 / 16 * 16}};

/// Of the largest result. Tensor cores align the products of 32 codes, and what they are added to, at some 14
/// bits; only the sums of 128 are added in float.
const double sumTolerance = std::string(device::target()) == "cuda" ? 4e-3 : 1e-5;

/// Rows of unlike sizes, so that one scale for all would show.
Doubles unlikeRows(int64_t rows, int64_t cols, uint32_t seed) {
  Doubles values = randomValues(size_t(rows * cols), seed);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t c = 0; c < cols; ++c)
      values[size_t(i * cols + c)] *= std::ldexp(1.0, int(i % 5) - 2);
  return values;
}

/// A matrix [rows, cols] as its codes and scales say.
struct Quantized {
  Doubles codes, scales;
};
Quantized decoded(const uint8_t *codes, const float *scales, int64_t rows, int64_t cols) {
  Quantized result;
  for (int64_t i = 0; i < rows * cols; ++i)
    result.codes.push_back(fromE4m3(codes[i]));
  result.scales.assign(scales, scales + rows);
  return result;
}

/// W [out, in] as the program holds it, and its two forms.
struct Weight {
  Weight(int64_t out, int64_t in, uint32_t seed) : layout(out, in), bytes({layout.bytes}) {
    const Doubles values = unlikeRows(out, in, seed);
    const std::vector<float> dense(values.begin(), values.end());
    std::vector<uint8_t> packed(size_t(layout.bytes));
    quantizeFp8(dense.data(), out, in, packed.data());
    auto floats = [&](int64_t at) { return reinterpret_cast<const float *>(packed.data() + at); };
    byRows = decoded(packed.data(), floats(layout.scales), out, in);
    byColumns = decoded(packed.data() + layout.transposed, floats(layout.transposedScales), in, out);
    bytes.upload(packed);
  }
  Fp8Layout layout;
  Owned<uint8_t> bytes;
  Quantized byRows, byColumns;
};

/// start + alpha * scales of both * sums over codes. w [out, in].
Doubles reference(const Quantized &x, const Quantized &w, int64_t in, double alpha, Doubles y) {
  const size_t out = w.scales.size();
  for (size_t i = 0; i < x.scales.size(); ++i)
    for (size_t o = 0; o < out; ++o) {
      double sum = 0;
      for (int64_t c = 0; c < in; ++c)
        sum += x.codes[i * size_t(in) + size_t(c)] * w.codes[o * size_t(in) + size_t(c)];
      y[i * out + o] += alpha * x.scales[i] * w.scales[o] * sum;
    }
  return y;
}

/// x quantized on the device, and what that gave.
template <class T> struct Rows {
  Rows(int64_t rows, int64_t cols, const Doubles &values) : codes({rows, cols}), scales({rows}) {
    Owned<T> x({rows, cols}, values);
    quantize_rows<T>(context, codes, scales, x);
    result = decoded(codes.values().data(), scales.values().data(), rows, cols);
  }
  Owned<uint8_t> codes;
  Owned<float> scales;
  Quantized result;
};

template <class T> class Fp8Kernel : public ::testing::Test {
  void SetUp() override {
    if (const Status runs = device::multipliesFp8(); !runs)
      GTEST_SKIP() << runs.message();
  }
};
TYPED_TEST_SUITE(Fp8Kernel, ElementTypes);

TYPED_TEST(Fp8Kernel, RowsHaveTheBitsOfTheFormula) {
  for (Shape s : shapes)
    for (int64_t cols : {s.in, s.in + 3}) { // the codes of any row, though products want a multiple of 16
      Doubles values = unlikeRows(s.rows, cols, 1);
      values[0] = 0x1p-30; // below the least step of its row
      const Rows<TypeParam> got(s.rows, cols, values);
      const std::vector<float> floats(values.begin(), values.end());
      std::vector<uint8_t> codes(values.size());
      std::vector<float> scales(size_t(s.rows));
      quantizeRows(floats.data(), cols, s.rows, cols, codes.data(), scales.data());
      EXPECT_EQ(got.codes.values(), codes) << s.rows << " x " << cols;
      EXPECT_EQ(got.scales.values(), scales) << s.rows << " x " << cols;
    }
}

TYPED_TEST(Fp8Kernel, RowsMayLieApart) {
  for (Shape s : shapes)
    for (int64_t cols : {s.in, s.in + 3})
      for (auto [before, behind] : besides) {
        const Doubles values = unlikeRows(s.rows, cols, 1);
        const Rows<TypeParam> want(s.rows, cols, values);
        const Columns<TypeParam> x({s.rows, cols}, values, before, behind);
        Owned<uint8_t> codes({s.rows, cols});
        Owned<float> scales({s.rows});
        quantize_rows<TypeParam>(context, codes, scales, x);
        EXPECT_EQ(codes.values(), want.codes.values()) << s.rows << " x " << cols;
        EXPECT_EQ(scales.values(), want.scales.values()) << s.rows << " x " << cols;
      }
}

TYPED_TEST(Fp8Kernel, RowsOfNothingAndOfNoNumbers) {
  constexpr int64_t cols = 32;
  Doubles values(4 * cols, 0.0);
  values[cols + 5] = -0x1p-120; // no reciprocal of it is finite
  values[2 * cols + 7] = std::numeric_limits<double>::infinity();
  values[3 * cols + 9] = std::numeric_limits<double>::quiet_NaN();
  const Rows<TypeParam> got(4, cols, values);
  Weight w(16, cols, 2);
  Owned<TypeParam> y({4, 16});
  fp8_linear<TypeParam>(context, y, got.codes, got.scales, w.bytes, {}, false, 1);
  const Doubles result = y.doubles();
  for (int64_t i = 0; i < 4; ++i)
    for (int64_t o = 0; o < 16; ++o)
      if (i < 2)
        EXPECT_EQ(result[i * 16 + o], 0) << i;
      else
        EXPECT_FALSE(std::isfinite(result[i * 16 + o])) << i;
}

TYPED_TEST(Fp8Kernel, Linear) {
  for (Shape s : shapes)
    for (bool transposed : {false, true})
      for (bool withBias : {false, true}) {
        const Rows<TypeParam> x(s.rows, s.in, unlikeRows(s.rows, s.in, 3));
        Weight w(transposed ? s.in : s.out, transposed ? s.out : s.in, 4);
        const Doubles bias = randomValues(size_t(s.out), 5);
        Owned<TypeParam> biases({s.out}, bias), y({s.rows, s.out});
        const double alpha = withBias ? -0.5 : 1;
        fp8_linear<TypeParam>(context, y, x.codes, x.scales, w.bytes,
                              withBias ? biases.tensor() : Tensor<const TypeParam>(), transposed,
                              float(alpha));
        Doubles start;
        for (int64_t i = 0; i < s.rows; ++i)
          start.insert(start.end(), bias.begin(), bias.end());
        if (!withBias)
          start.assign(start.size(), 0);
        // A bf16 product may be rounded before its bias is added.
        const double tolerance = sumTolerance + (withBias ? roundingOf<TypeParam>() : 0);
        expectClose<TypeParam>(y.doubles(),
                               reference(x.result, transposed ? w.byColumns : w.byRows, s.in, alpha, start),
                               tolerance);
      }
}

TYPED_TEST(Fp8Kernel, AddKeepsWhatWasThere) {
  for (Shape s : shapes)
    for (bool transposed : {false, true}) {
      const Rows<TypeParam> x(s.rows, s.in, unlikeRows(s.rows, s.in, 6));
      Weight w(transposed ? s.in : s.out, transposed ? s.out : s.in, 7);
      const Doubles start = randomValues(size_t(s.rows * s.out), 8);
      Owned<TypeParam> y({s.rows, s.out}, start);
      Owned<TypeParam> apart({s.rows, s.out}, Doubles(start.size(), NAN));
      fp8_linear_add<TypeParam>(context, apart, y, x.codes, x.scales, w.bytes, transposed, 2);
      EXPECT_EQ(y.doubles(), start);
      fp8_linear_add<TypeParam>(context, y, y, x.codes, x.scales, w.bytes, transposed, 2);
      const Doubles want = reference(x.result, transposed ? w.byColumns : w.byRows, s.in, 2, start);
      for (const Owned<TypeParam> *result : {&y, &apart})
        expectClose<TypeParam>(result->doubles(), want, sumTolerance + roundingOf<TypeParam>());
    }
}

TYPED_TEST(Fp8Kernel, LeadingDimensionsAreRows) {
  const Doubles values = unlikeRows(12, 32, 9);
  Owned<TypeParam> x({2, 6, 32}, values), y({2, 6, 48});
  Owned<uint8_t> codes({2, 6, 32});
  Owned<float> scales({2, 6});
  quantize_rows<TypeParam>(context, codes, scales, x);
  Weight w(48, 32, 10);
  fp8_linear<TypeParam>(context, y, codes, scales, w.bytes, {}, false, 1);
  const Quantized rows = decoded(codes.values().data(), scales.values().data(), 12, 32);
  expectClose<TypeParam>(y.doubles(), reference(rows, w.byRows, 32, 1, Doubles(12 * 48)), sumTolerance);
}

/// dX = dY W by the transposed form is the gradient of the dense product to what eight bits can say.
TYPED_TEST(Fp8Kernel, ForwardAndBackwardAreCloseToTheDenseProduct) {
  const Shape s{40, 256, 192};
  const Doubles x = unlikeRows(s.rows, s.in, 11), dy = unlikeRows(s.rows, s.out, 12),
                w = unlikeRows(s.out, s.in, 13);
  Weight packed(s.out, s.in, 13);
  auto relativeError = [](const Doubles &got, const Doubles &want) {
    double error = 0, size = 0;
    for (size_t i = 0; i < want.size(); ++i)
      error += (got[i] - want[i]) * (got[i] - want[i]), size += want[i] * want[i];
    return std::sqrt(error / size);
  };
  Doubles wantY(size_t(s.rows * s.out)), wantDx(size_t(s.rows * s.in));
  for (int64_t i = 0; i < s.rows; ++i)
    for (int64_t o = 0; o < s.out; ++o)
      for (int64_t c = 0; c < s.in; ++c) {
        wantY[i * s.out + o] += x[i * s.in + c] * w[o * s.in + c];
        wantDx[i * s.in + c] += dy[i * s.out + o] * w[o * s.in + c];
      }
  Owned<TypeParam> y({s.rows, s.out}), dx({s.rows, s.in});
  const Rows<TypeParam> xs(s.rows, s.in, x), dys(s.rows, s.out, dy);
  fp8_linear<TypeParam>(context, y, xs.codes, xs.scales, packed.bytes, {}, false, 1);
  fp8_linear<TypeParam>(context, dx, dys.codes, dys.scales, packed.bytes, {}, true, 1);
  // A code is off by up to 1/16, evenly spread by some 1/45; two operands' errors add up as squares do.
  EXPECT_LT(relativeError(y.doubles(), wantY), 0.045);
  EXPECT_GT(relativeError(y.doubles(), wantY), 0.02);
  EXPECT_LT(relativeError(dx.doubles(), wantDx), 0.045);
  EXPECT_GT(relativeError(dx.doubles(), wantDx), 0.02);
}

TYPED_TEST(Fp8Kernel, TheSameBitsEachTime) {
  const Shape s{2048, 1024, 64};
  const Rows<TypeParam> x(s.rows, s.in, unlikeRows(s.rows, s.in, 14));
  Weight w(s.out, s.in, 15);
  const Doubles start = randomValues(size_t(s.rows * s.out), 16);
  Doubles results[2];
  for (Doubles &result : results) {
    Owned<TypeParam> y({s.rows, s.out}, start);
    for (int again = 0; again < 3; ++again)
      fp8_linear_add<TypeParam>(context, y, y, x.codes, x.scales, w.bytes, false, 0.5);
    result = y.doubles();
  }
  EXPECT_EQ(results[0], results[1]);
}

} // namespace
} // namespace peft::rt
