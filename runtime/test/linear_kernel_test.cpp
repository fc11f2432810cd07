//===- linear_kernel_test.cpp - matrix products ---------------------------===//

#include "kernel_testing.h"

namespace peft::rt {
namespace {

struct Shape {
  int64_t rows, in, out;
};
const Shape shapes[] = {{1, 1, 1},     {3, 5, 7},     {17, 16, 33}, {64, 48, 16},
                        {130, 16, 65}, {2, 24, 7000}, {515, 8, 67}};

/// alpha * x W^T + bias, W stored [out, in] or, transposed, [in, out].
Doubles reference(Shape s, const Doubles &x, const Doubles &w, bool transposed, double alpha,
                  const Doubles &start) {
  Doubles y = start;
  for (int64_t i = 0; i < s.rows; ++i)
    for (int64_t o = 0; o < s.out; ++o)
      for (int64_t c = 0; c < s.in; ++c)
        y[i * s.out + o] += alpha * x[i * s.in + c] * w[transposed ? c * s.out + o : o * s.in + c];
  return y;
}

/// Bias in every row.
Doubles rowsOf(const Doubles &bias, int64_t rows) {
  Doubles y;
  for (int64_t i = 0; i < rows; ++i)
    y.insert(y.end(), bias.begin(), bias.end());
  return y;
}

template <class T> class LinearKernel : public ::testing::Test {};
TYPED_TEST_SUITE(LinearKernel, ElementTypes);

TYPED_TEST(LinearKernel, Forward) {
  for (Shape s : shapes)
    for (bool transposed : {false, true})
      for (bool withBias : {false, true})
        for (double alpha : {1.0, -0.5}) {
          Doubles x = randomValues(s.rows * s.in, 1), w = randomValues(s.in * s.out, 2),
                  bias = randomValues(s.out, 3);
          Owned<TypeParam> xs({s.rows, s.in}, x), ws({s.out, s.in}, w), biases({s.out}, bias),
              y({s.rows, s.out});
          linear<TypeParam>(context, y, xs, ws, withBias ? biases.tensor() : Tensor<const TypeParam>(),
                            transposed, float(alpha));
          Doubles start = withBias ? rowsOf(bias, s.rows) : Doubles(s.rows * s.out);
          // A scaled bf16 product may be rounded once more before its bias is added.
          const double tolerance = withBias && alpha != 1 ? roundingOf<TypeParam>() + 4e-6 : 4e-6;
          expectClose<TypeParam>(y.doubles(), reference(s, x, w, transposed, alpha, start), tolerance);
        }
}

TYPED_TEST(LinearKernel, AddKeepsWhatWasThere) {
  for (Shape s : shapes)
    for (bool transposed : {false, true}) {
      Doubles x = randomValues(s.rows * s.in, 4), w = randomValues(s.in * s.out, 5),
              start = randomValues(s.rows * s.out, 6);
      Owned<TypeParam> xs({s.rows, s.in}, x), ws({s.out, s.in}, w), y({s.rows, s.out}, start);
      linear_add<TypeParam>(context, y, xs, ws, transposed, 2);
      expectClose<TypeParam>(y.doubles(), reference(s, x, w, transposed, 2, start), 4e-6);
    }
}

TYPED_TEST(LinearKernel, GradientsAreThoseOfFiniteDifferences) {
  const Shape s{5, 7, 9};
  const double alpha = 0.75;
  Doubles x = randomValues(s.rows * s.in, 7), w = randomValues(s.in * s.out, 8),
          dy = randomValues(s.rows * s.out, 9), start = randomValues(s.out * s.in, 10), none(s.rows * s.out);
  Owned<TypeParam> xs({s.rows, s.in}, x), ws({s.out, s.in}, w), dys({s.rows, s.out}, dy), dx({s.rows, s.in});
  // dx of y = x W^T is dy W: the transposed product.
  linear<TypeParam>(context, dx, dys, ws, {}, true, float(alpha));
  auto ofX = [&](const Doubles &v) { return reference(s, v, w, false, alpha, none); };
  expectClose<TypeParam>(dx.doubles(), numericGradient(ofX, x, dy), 4e-6);

  Owned<float> sum({s.out, s.in}, start);
  linear_weight_grad<TypeParam>(context, sum, dys, xs, float(alpha));
  auto ofW = [&](const Doubles &v) { return reference(s, x, v, false, alpha, none); };
  expectClose<float>(sum.doubles(), plus(start, numericGradient(ofW, w, dy)), 4e-6);
}

TYPED_TEST(LinearKernel, WeightGradientOfManyRows) {
  for (Shape s : {Shape{300, 16, 65}, Shape{1024, 40, 16}}) {
    Doubles x = randomValues(s.rows * s.in, 11), dy = randomValues(s.rows * s.out, 12),
            want(s.out * s.in, 1.0);
    for (int64_t i = 0; i < s.rows; ++i)
      for (int64_t o = 0; o < s.out; ++o)
        for (int64_t c = 0; c < s.in; ++c)
          want[o * s.in + c] += dy[i * s.out + o] * x[i * s.in + c];
    Owned<TypeParam> xs({s.rows, s.in}, x), dys({s.rows, s.out}, dy);
    Owned<float> sum({s.out, s.in}, Doubles(s.out * s.in, 1.0));
    linear_weight_grad<TypeParam>(context, sum, dys, xs, 1);
    expectClose<float>(sum.doubles(), want, 1e-5);
  }
}

TYPED_TEST(LinearKernel, SumOfRows) {
  for (Shape s : {Shape{1, 1, 1}, Shape{37, 0, 19}, Shape{500, 0, 70}}) {
    Doubles dy = randomValues(s.rows * s.out, 13), want(s.out, 2.0);
    for (int64_t i = 0; i < s.rows; ++i)
      for (int64_t o = 0; o < s.out; ++o)
        want[o] += dy[i * s.out + o];
    Owned<TypeParam> dys({s.rows, s.out}, dy);
    Owned<float> sum({s.out}, Doubles(s.out, 2.0));
    sum_rows<TypeParam>(context, sum, dys);
    expectClose<float>(sum.doubles(), want, 5e-6);
  }
}

} // namespace
} // namespace peft::rt
