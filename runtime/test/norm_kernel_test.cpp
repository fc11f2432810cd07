//===- norm_kernel_test.cpp - rms_norm and rope ---------------------------===//

#include "kernel_testing.h"

namespace peft::rt {
namespace {

constexpr double eps = 1e-5;

Doubles rmsNorm(const Doubles &x, const Doubles &w) {
  const size_t n = w.size();
  Doubles y(x.size());
  for (size_t first = 0; first < x.size(); first += n) {
    double squares = 0;
    for (size_t c = 0; c < n; ++c)
      squares += x[first + c] * x[first + c];
    for (size_t c = 0; c < n; ++c)
      y[first + c] = w[c] * x[first + c] / std::sqrt(squares / double(n) + eps);
  }
  return y;
}

template <class T> class NormKernel : public ::testing::Test {};
TYPED_TEST_SUITE(NormKernel, ElementTypes);

TYPED_TEST(NormKernel, ForwardAndGradients) {
  // The last has two groups in a row, as the norm over heads has.
  struct {
    int64_t rows, cols, n;
  } cases[] = {{1, 2, 2}, {3, 5, 5}, {4, 19, 19}, {2, 34, 17}};
  for (auto c : cases) {
    Doubles x = randomValues(c.rows * c.cols, 1), w = randomValues(c.n, 2),
            dy = randomValues(c.rows * c.cols, 3), start = randomValues(c.n, 4);
    Owned<TypeParam> xs({c.rows, c.cols}, x), ws({c.n}, w), dys({c.rows, c.cols}, dy), y({c.rows, c.cols}),
        dx({c.rows, c.cols});
    rms_norm<TypeParam>(context, y, xs, ws, eps);
    expectClose<TypeParam>(y.doubles(), rmsNorm(x, w));
    rms_norm_grad<TypeParam>(context, dx, dys, xs, ws, {}, eps);
    const Doubles gradient = numericGradient([&](const Doubles &v) { return rmsNorm(v, w); }, x, dy);
    expectClose<TypeParam>(dx.doubles(), gradient, 1e-5);
    const Doubles residual = randomValues(c.rows * c.cols, 7);
    Owned<TypeParam> stream({c.rows, c.cols}, residual);
    rms_norm_grad<TypeParam>(context, dx, dys, xs, ws, stream, eps);
    expectClose<TypeParam>(dx.doubles(), plus(residual, gradient), 1e-5);
    rms_norm_grad<TypeParam>(context, stream, dys, xs, ws, stream, eps); // in place
    EXPECT_EQ(stream.doubles(), dx.doubles());
    Owned<float> sum({c.n}, start);
    rms_norm_weight_grad<TypeParam>(context, sum, dys, xs, eps);
    expectClose<float>(sum.doubles(),
                       plus(start, numericGradient([&](const Doubles &v) { return rmsNorm(x, v); }, w, dy)),
                       1e-5);
  }
}

TYPED_TEST(NormKernel, ManyRowsRunInParallel) {
  const int64_t rows = 301, cols = 129;
  Doubles x = randomValues(rows * cols, 5), w = randomValues(cols, 6);
  Owned<TypeParam> xs({rows, cols}, x), ws({cols}, w), y({rows, cols});
  rms_norm<TypeParam>(context, y, xs, ws, eps);
  expectClose<TypeParam>(y.doubles(), rmsNorm(x, w));
  // dy = y of unit weights makes dw the sum of squares.
  Doubles want(cols), unit = rmsNorm(x, Doubles(cols, 1.0));
  for (size_t i = 0; i < unit.size(); ++i)
    want[i % cols] += x[i] * unit[i];
  Owned<float> sum({cols});
  rms_norm_weight_grad<TypeParam>(context, sum, xs, xs, eps);
  expectClose<float>(sum.doubles(), want, 1e-5);
}

TYPED_TEST(NormKernel, RowsMayLieApart) {
  struct {
    int64_t rows, cols, n;
  } cases[] = {{3, 5, 5}, {2, 34, 17}, {7, 64, 64}, {37, 96, 32}, {130, 640, 640}, {9, 1032, 1032}};
  for (auto c : cases)
    for (auto [before, behind] : besides) {
      const std::initializer_list<int64_t> shape = {c.rows, c.cols};
      const int64_t size = c.rows * c.cols;
      const Doubles x = randomValues(size, 1), dy = randomValues(size, 2), residual = randomValues(size, 3);
      Owned<TypeParam> ws({c.n}, randomValues(c.n, 4)), denseX(shape, x), denseDy(shape, dy),
          denseResidual(shape, residual), want(shape);
      Columns<TypeParam> xs(shape, x, before, behind), dys(shape, dy, behind, before),
          stream(shape, residual, 2 * before, behind), got(shape, before, 2 * behind);
      rms_norm<TypeParam>(context, want, denseX, ws, eps);
      rms_norm<TypeParam>(context, got, xs, ws, eps);
      expectClose<TypeParam>(got.doubles(), want.doubles(), 2e-6, 2);
      rms_norm<TypeParam>(context, got, denseX, ws, eps); // the one may be dense, the other not
      expectClose<TypeParam>(got.doubles(), want.doubles(), 2e-6, 2);

      rms_norm_grad<TypeParam>(context, want, denseDy, denseX, ws, {}, eps);
      rms_norm_grad<TypeParam>(context, got, dys, xs, ws, {}, eps);
      expectClose<TypeParam>(got.doubles(), want.doubles(), 1e-5, 2);
      rms_norm_grad<TypeParam>(context, want, denseDy, denseX, ws, denseResidual, eps);
      rms_norm_grad<TypeParam>(context, got, dys, xs, ws, stream, eps);
      expectClose<TypeParam>(got.doubles(), want.doubles(), 1e-5, 2);
      rms_norm_grad<TypeParam>(context, stream, dys, xs, ws, stream, eps); // in place
      EXPECT_EQ(stream.doubles(), got.doubles());
      EXPECT_EQ(xs.doubles(), x);

      Owned<float> wantSum({c.n}, Doubles(size_t(c.n))), sum({c.n}, Doubles(size_t(c.n)));
      rms_norm_weight_grad<TypeParam>(context, wantSum, denseDy, denseX, eps);
      rms_norm_weight_grad<TypeParam>(context, sum, dys, xs, eps);
      expectClose<float>(sum.doubles(), wantSum.doubles(), 1e-5);
    }
}

struct RopeCase {
  int64_t batch, seq, heads, dim, pairs;
  double scale;
  std::vector<float> frequencies;
  Ints positions;
};

RopeCase ropeCase(int64_t dim, int64_t pairs, double scale, int32_t firstPosition) {
  RopeCase c{2, 5, 3, dim, pairs, scale, {}, {}};
  for (int64_t p = 0; p < pairs; ++p)
    c.frequencies.push_back(float(std::pow(10000.0, -double(p) / double(pairs))));
  for (int32_t i = 0; i < 10; ++i)
    c.positions.push_back(firstPosition + 3 * i);
  return c;
}

Doubles rotated(const RopeCase &c, const Doubles &x) {
  Doubles y = x;
  for (int64_t row = 0; row < c.batch * c.seq; ++row)
    for (int64_t h = 0; h < c.heads; ++h)
      for (int64_t p = 0; p < c.pairs; ++p) {
        const int64_t low = (row * c.heads + h) * c.dim + p, high = low + c.pairs;
        const double angle = float(c.positions[row]) * c.frequencies[p]; // the product is rounded to float
        y[low] = c.scale * (x[low] * std::cos(angle) - x[high] * std::sin(angle));
        y[high] = c.scale * (x[high] * std::cos(angle) + x[low] * std::sin(angle));
      }
  return y;
}

TYPED_TEST(NormKernel, Rope) {
  const RopeCase cases[] = {ropeCase(6, 3, 1, 0), ropeCase(64, 32, 1, 0), ropeCase(20, 5, 1.25, 7),
                            ropeCase(16, 8, 1, 130000)};
  for (const RopeCase &c : cases) {
    const int64_t cols = c.heads * c.dim;
    Doubles x = randomValues(10 * cols, 7), dy = randomValues(10 * cols, 8);
    Owned<TypeParam> xs({2, 5, cols}, x), y({2, 5, cols}), dys({2, 5, cols}, dy);
    const auto positions = ints(c.positions, {2, 5});
    const Owned<float> frequencies({c.pairs}, Doubles(c.frequencies.begin(), c.frequencies.end()));
    rope<TypeParam>(context, y, xs, positions, frequencies.data(), c.pairs, c.dim, float(c.scale), false);
    expectClose<TypeParam>(y.doubles(), rotated(c, x), 5e-7);
    // In place, and the gradient: the inverse rotation with the same scale.
    rope<TypeParam>(context, dys, dys, positions, frequencies.data(), c.pairs, c.dim, float(c.scale), true);
    expectClose<TypeParam>(dys.doubles(),
                           numericGradient([&](const Doubles &v) { return rotated(c, v); }, x, dy), 1e-6);
  }
}

TYPED_TEST(NormKernel, RopeOfRowsApart) {
  for (const RopeCase &c :
       {ropeCase(6, 3, 1, 0), ropeCase(64, 32, 1, 5), ropeCase(20, 5, 1.25, 7), ropeCase(128, 64, 1, 900)})
    for (auto [before, behind] : besides) {
      const int64_t cols = c.heads * c.dim;
      const Doubles x = randomValues(10 * cols, 9);
      Columns<TypeParam> xs({2, 5, cols}, x, before, behind), y({2, 5, cols}, behind, before);
      const auto positions = ints(c.positions, {2, 5});
      const Owned<float> frequencies({c.pairs}, Doubles(c.frequencies.begin(), c.frequencies.end()));
      auto rotate = [&](Tensor<TypeParam> to, Tensor<const TypeParam> from) {
        rope<TypeParam>(context, to, from, positions, frequencies.data(), c.pairs, c.dim, float(c.scale),
                        false);
      };
      rotate(y, xs);
      expectClose<TypeParam>(y.doubles(), rotated(c, x), 5e-7);
      EXPECT_EQ(xs.doubles(), x);
      rotate(xs, xs); // in place
      EXPECT_EQ(xs.doubles(), y.doubles());
    }
}

} // namespace
} // namespace peft::rt
