//===- linear_kernel_test.cpp - matrix products ---------------------------===//

#include "kernel_testing.h"

namespace peft::rt {
namespace {

struct Shape {
  int64_t rows, in, out;
};
const Shape shapes[] = {{1, 1, 1},
                        {3, 5, 7},
                        {17, 16, 33},
                        {64, 48, 16},
                        {130, 16, 65},
                        {2, 24, 7000},
                        {515, 8, 67},
                        {256, 1, 9},
                        {1, 40, 64},
                        {64, 32, 1},
                        // More than one block of rows, of k, and rows that are a multiple of 4 KiB apart.
                        {1030, 40, 70},
                        {48, 2100, 33},
                        {64, 2048, 32}};

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

/// cuBLASLt rounds a bf16 product before it adds where operands lie unaligned.
const bool roundsTwice = std::string(device::target()) == "cuda";

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
          const double tolerance =
              withBias && (alpha != 1 || roundsTwice) ? roundingOf<TypeParam>() + 4e-6 : 4e-6;
          expectClose<TypeParam>(y.doubles(), reference(s, x, w, transposed, alpha, start), tolerance);
        }
}

TYPED_TEST(LinearKernel, AddKeepsWhatWasThere) {
  for (Shape s : shapes)
    for (bool transposed : {false, true}) {
      Doubles x = randomValues(s.rows * s.in, 4), w = randomValues(s.in * s.out, 5),
              start = randomValues(s.rows * s.out, 6);
      Owned<TypeParam> xs({s.rows, s.in}, x), ws({s.out, s.in}, w), y({s.rows, s.out}, start);
      Owned<TypeParam> apart({s.rows, s.out}, Doubles(s.rows * s.out, NAN));
      linear_add<TypeParam>(context, apart, y, xs, ws, transposed, 2);
      EXPECT_EQ(y.doubles(), start);
      linear_add<TypeParam>(context, y, y, xs, ws, transposed, 2);
      const double tolerance = roundsTwice ? roundingOf<TypeParam>() + 4e-6 : 4e-6;
      const Doubles want = reference(s, x, w, transposed, 2, start);
      expectClose<TypeParam>(y.doubles(), want, tolerance);
      expectClose<TypeParam>(apart.doubles(), want, tolerance);
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

TYPED_TEST(LinearKernel, OperandsNeedNoAlignment) {
  const Shape s{37, 24, 40};
  Doubles x = randomValues(s.rows * s.in + 1, 14), w = randomValues(s.in * s.out + 1, 15),
          start = randomValues(s.rows * s.out + 1, 16);
  auto behindFirst = [](const Doubles &values) { return Doubles(values.begin() + 1, values.end()); };
  Owned<TypeParam> xs({s.rows * s.in + 1}, x), ws({s.in * s.out + 1}, w), y({s.rows * s.out + 1}, start);
  const Tensor<TypeParam> from1(y.tensor().data + 1, {s.rows, s.out});
  linear_add<TypeParam>(context, from1, from1, Tensor<TypeParam>(xs.tensor().data + 1, {s.rows, s.in}),
                        Tensor<TypeParam>(ws.tensor().data + 1, {s.out, s.in}), false, 1);
  Doubles want = reference(s, behindFirst(x), behindFirst(w), false, 1, behindFirst(start));
  want.insert(want.begin(), start[0]);
  expectClose<TypeParam>(y.doubles(), want, 4e-6);
}

/// Of a size at which a GPU splits sums among blocks: the choice of how may not show in the bits.
TYPED_TEST(LinearKernel, TheSameBitsEachTime) {
  const Shape s{4096, 16, 512};
  Doubles dy = randomValues(s.rows * s.out, 17), s16 = randomValues(s.rows * s.in, 18),
          wide = randomValues(s.rows * s.out, 19), b = randomValues(s.out * s.in, 20);
  Owned<TypeParam> dys({s.rows, s.out}, dy), xs({s.rows, s.in}, s16), bs({s.out, s.in}, b);
  Doubles sums[2], ds[2], ys[2], columns[2];
  for (int i = 0; i < 2; ++i) {
    Owned<float> sum({s.out, s.in}, Doubles(s.out * s.in, 0.5)), column({s.out}, Doubles(s.out, 0.5));
    Owned<TypeParam> back({s.rows, s.in}), y({s.rows, s.out}, wide);
    for (int again = 0; again < 3; ++again) {
      linear_weight_grad<TypeParam>(context, sum, dys, xs, 0.5);
      linear<TypeParam>(context, back, dys, bs, {}, true, 1);
      linear_add<TypeParam>(context, y, y, xs, bs, false, 0.5);
      sum_rows<TypeParam>(context, column, dys);
    }
    sums[i] = sum.doubles(), ds[i] = back.doubles(), ys[i] = y.doubles(), columns[i] = column.doubles();
  }
  EXPECT_EQ(sums[0], sums[1]);
  EXPECT_EQ(ds[0], ds[1]);
  EXPECT_EQ(ys[0], ys[1]);
  EXPECT_EQ(columns[0], columns[1]);
}

TYPED_TEST(LinearKernel, LeadingDimensionsAreRows) {
  const Shape s{12, 24, 33};
  Doubles x = randomValues(s.rows * s.in, 21), w = randomValues(s.in * s.out, 22);
  Owned<TypeParam> xs({2, 6, s.in}, x), ws({s.out, s.in}, w), y({2, 6, s.out});
  linear<TypeParam>(context, y, xs, ws, {}, false, 1);
  expectClose<TypeParam>(y.doubles(), reference(s, x, w, false, 1, Doubles(s.rows * s.out)), 4e-6);
}

TYPED_TEST(LinearKernel, OperandsAndResultsMayBeColumns) {
  using T = TypeParam;
  const double rounding = roundsTwice ? roundingOf<T>() + 4e-6 : 4e-6;
  for (Shape s : {Shape{3, 5, 7}, Shape{17, 16, 33}, Shape{130, 16, 65}, Shape{64, 48, 16}, Shape{515, 8, 67},
                  Shape{1030, 40, 70}, Shape{2049, 16, 24}, Shape{256, 576, 48}, Shape{2, 64, 48}})
    for (int64_t side : {1, 16}) {
      const Doubles x = randomValues(s.rows * s.in, 31), before = randomValues(s.rows * s.out, 32),
                    w = randomValues(s.in * s.out, 33);
      Columns<T> xs({s.rows, s.in}, x, side, 2 * side), ys({s.rows, s.out}, before, 2 * side, side),
          apart({s.rows, s.out}, side, 3 * side), ws({s.out, s.in}, w, 0, side),
          transposedWs({s.in, s.out}, w, side, 2 * side);
      const Doubles want = reference(s, x, w, false, 2, before);
      linear_add<T>(context, apart, ys, xs, ws, false, 2);
      expectClose<T>(apart.doubles(), want, rounding);
      linear_add<T>(context, ys, ys, xs, ws, false, 2);
      expectClose<T>(ys.doubles(), want, rounding);

      for (bool transposed : {false, true}) {
        linear<T>(context, ys, xs, transposed ? transposedWs : ws, {}, transposed, 0.5);
        expectClose<T>(ys.doubles(), reference(s, x, w, transposed, 0.5, Doubles(s.rows * s.out)), 4e-6);
      }
      EXPECT_EQ(ws.doubles(), w);
      EXPECT_EQ(transposedWs.doubles(), w);

      const Doubles dy = ys.doubles();
      Owned<float> sum({s.out, s.in}, Doubles(s.out * s.in, 1.0));
      linear_weight_grad<T>(context, sum, ys, xs, 1);
      Doubles wanted(s.out * s.in, 1.0);
      for (int64_t i = 0; i < s.rows; ++i)
        for (int64_t o = 0; o < s.out; ++o)
          for (int64_t c = 0; c < s.in; ++c)
            wanted[o * s.in + c] += dy[i * s.out + o] * x[i * s.in + c];
      expectClose<float>(sum.doubles(), wanted, 1e-5);
    }
}

/// [x | s] [W | B]^T as one product of what lies beside each other, and dx = dy W + ds A as one of W and A,
/// which lies below it.
TYPED_TEST(LinearKernel, AMatrixWithItsBorderIsOneOperand) {
  using T = TypeParam;
  const int64_t rows = 70, in = 48, out = 80, rank = 16, pitch = in + rank;
  const Doubles left = randomValues(rows * pitch, 34), matrix = randomValues((out + rank) * pitch, 35),
                right = randomValues(rows * (out + rank), 36);
  Owned<T> xs({rows, pitch}, left), ws({out + rank, pitch}, matrix), dys({rows, out + rank}, right),
      y({rows, out}), dx({rows, in});
  linear<T>(context, y, xs, Tensor<T>(ws.tensor().data, {out, pitch}), {}, false, 1);
  const Doubles upper(matrix.begin(), matrix.begin() + out * pitch);
  expectClose<T>(y.doubles(), reference({rows, pitch, out}, left, upper, false, 1, Doubles(rows * out)),
                 4e-6);
  linear<T>(context, dx, dys, Tensor<T>(ws.tensor().data, {out + rank, in}, pitch), {}, true, 1);
  Doubles inner;
  for (int64_t i = 0; i < out + rank; ++i)
    inner.insert(inner.end(), matrix.begin() + i * pitch, matrix.begin() + i * pitch + in);
  expectClose<T>(dx.doubles(), reference({rows, out + rank, in}, right, inner, true, 1, Doubles(rows * in)),
                 4e-6);
}

TYPED_TEST(LinearKernel, WeightGradientOfManyRows) {
  for (Shape s : {Shape{300, 16, 65}, Shape{1024, 40, 16}, Shape{8192, 16, 24}, Shape{2049, 7, 9}}) {
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
  for (Shape s :
       {Shape{1, 1, 1}, Shape{37, 0, 19}, Shape{500, 0, 70}, Shape{1000, 0, 520}, Shape{4096, 0, 8}}) {
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
