//===- wide_kernel_test.cpp - kernels at the widths of real models --------===//
//
// The other tests' rows are short and odd. Here rows have whole vectors, more than one
// block has threads, or begin between two vectors: other paths of the same kernels.
//
//===----------------------------------------------------------------------===//

#include "kernel_testing.h"
#include "peft/runtime/map.h"

namespace peft::rt {
namespace {

constexpr double eps = 1e-5;

template <class T> class WideKernel : public ::testing::Test {};
TYPED_TEST_SUITE(WideKernel, ElementTypes);

TYPED_TEST(WideKernel, RmsNorm) {
  struct {
    int64_t rows, n;
  } cases[] = {{19, 64}, {37, 128}, {5, 576}, {3, 4096}, {2, 12000}, {2, 40000}, {3, 5001}};
  for (auto c : cases) {
    Doubles x = randomValues(c.rows * c.n, 1, 3), w = randomValues(c.n, 2),
            dy = randomValues(c.rows * c.n, 3), y(x.size()), dx(x.size()), dw(c.n, 0.5);
    for (int64_t first = 0; first < c.rows * c.n; first += c.n) {
      double squares = 0, dot = 0;
      for (int64_t i = 0; i < c.n; ++i) {
        squares += x[first + i] * x[first + i];
        dot += dy[first + i] * w[i] * x[first + i];
      }
      const double r = 1 / std::sqrt(squares / double(c.n) + eps);
      for (int64_t i = 0; i < c.n; ++i) {
        y[first + i] = w[i] * x[first + i] * r;
        dx[first + i] = r * dy[first + i] * w[i] - x[first + i] * r * r * r * dot / double(c.n);
        dw[i] += dy[first + i] * x[first + i] * r;
      }
    }
    // With t = sumTolerance(n), r is off by t/2 of itself, and y = w x r with it.
    const double t = sumTolerance(c.n);
    Owned<TypeParam> xs({c.rows, c.n}, x), ws({c.n}, w), dys({c.rows, c.n}, dy), got({c.rows, c.n});
    rms_norm<TypeParam>(context, got, xs, ws, eps);
    expectClose<TypeParam>(got.doubles(), y, t);
    // dx = r g - x r^3 mean(g x), g = dy w: the first is off by t/2 of r |g| <= r; in the second r^3 is by
    // 3t/2 and the sum by t of |x r| mean |g x r| r <= sqrt(3) / 3 r, for x that are evenly spread. Together
    // below 2t r, and the largest dx is about r.
    rms_norm_grad<TypeParam>(context, got, dys, xs, ws, {}, eps);
    expectClose<TypeParam>(got.doubles(), dx, 2 * t);
    // What it is added to is as large.
    const Doubles residual = randomValues(c.rows * c.n, 4);
    Owned<TypeParam> stream({c.rows, c.n}, residual);
    rms_norm_grad<TypeParam>(context, stream, dys, xs, ws, stream, eps);
    expectClose<TypeParam>(stream.doubles(), plus(residual, dx), 2 * t);
    // Terms are off by t/2, and their sum over the rows.
    Owned<float> sum({c.n}, Doubles(c.n, 0.5));
    rms_norm_weight_grad<TypeParam>(context, sum, dys, xs, eps);
    expectClose<float>(sum.doubles(), dw, t + sumTolerance(c.rows));
  }
}

TYPED_TEST(WideKernel, CrossEntropy) {
  struct {
    int64_t rows, vocab;
  } cases[] = {{3, 32000}, {5, 50257}}; // the second's rows begin at odd addresses
  for (auto c : cases) {
    Doubles x = randomValues(c.rows * c.vocab, 4, 8), dx(x.size());
    Ints targets;
    double loss = 0;
    for (int64_t i = 0; i < c.rows; ++i) {
      targets.push_back(i == 1 ? -100 : int32_t((i + 1) * 7919 % c.vocab));
      if (i == 1)
        continue;
      double sum = 0;
      for (int64_t v = 0; v < c.vocab; ++v)
        sum += std::exp(x[i * c.vocab + v]);
      for (int64_t v = 0; v < c.vocab; ++v)
        dx[i * c.vocab + v] = 0.25 * (std::exp(x[i * c.vocab + v]) / sum - (v == targets[i]));
      loss += std::log(sum) - x[i * c.vocab + targets[i]];
    }
    Owned<TypeParam> logits({c.rows, c.vocab}, x), dlogits({c.rows, c.vocab});
    Owned<float> sum({}), lse({c.rows});
    const auto labels = ints(targets, {c.rows});
    // The logarithm turns the sum's relative error into an absolute one of each row's loss.
    const double t = sumTolerance(c.vocab);
    cross_entropy<TypeParam>(context, sum, lse, logits, labels);
    EXPECT_NEAR(sum.doubles()[0], loss, t * double(c.rows - 1));
    // The exponential turns it back. Each gradient by itself: most are a ten thousandth of the targets'.
    const Shared<float> scale(0.25f);
    cross_entropy_grad<TypeParam>(context, dlogits, logits, lse, labels, scale);
    Doubles ratios = dlogits.doubles();
    for (size_t i = 0; i < ratios.size(); ++i)
      ratios[i] = dx[i] == 0 ? 1 + ratios[i] : ratios[i] / dx[i];
    expectClose<TypeParam>(ratios, Doubles(ratios.size(), 1), t);
    cross_entropy_grad<TypeParam>(context, logits, logits, lse, labels, scale); // in place
    EXPECT_EQ(logits.doubles(), dlogits.doubles());
  }
}

TYPED_TEST(WideKernel, EmbeddingGradients) {
  const int64_t tokens = 700, vocab = 90;
  Ints ids;
  for (int64_t i = 0; i < tokens; ++i)
    ids.push_back(i % 3 ? int32_t(i * i % vocab) : 7); // one id a third of the time
  const auto idsT = ints(ids, {tokens});
  for (int64_t width : {16, 576, 4104}) {
    Doubles dy = randomValues(tokens * width, 5), want(vocab * width, 1.0), columns(width * vocab, 1.0),
            replaced(2 * width, 1.0);
    for (int64_t i = 0; i < tokens; ++i)
      for (int64_t c = 0; c < width; ++c) {
        want[ids[i] * width + c] += dy[i * width + c];
        columns[c * vocab + ids[i]] += dy[i * width + c];
        if (ids[i] == 7 || ids[i] == 1)
          replaced[(ids[i] == 7) * width + c] += dy[i * width + c];
      }
    Owned<TypeParam> dys({tokens, width}, dy);
    Owned<float> sum({vocab, width}, Doubles(vocab * width, 1.0)),
        transposed({width, vocab}, Doubles(vocab * width, 1.0)), rows({2, width}, Doubles(2 * width, 1.0));
    embedding_weight_grad<TypeParam>(context, sum, dys, idsT);
    const double t = sumTolerance(tokens);
    expectClose<float>(sum.doubles(), want, t);
    embedding_columns_weight_grad<TypeParam>(context, transposed, dys, idsT);
    expectClose<float>(transposed.doubles(), columns, t);
    override_rows_weight_grad<TypeParam>(context, rows, dys, idsT, ints({1, 7}, {2}).data(), 2);
    expectClose<float>(rows.doubles(), replaced, t);
  }
}

TYPED_TEST(WideKernel, EmbeddingOfColumns) {
  const int64_t rank = 16, vocab = 50, tokens = 70;
  Doubles table = randomValues(rank * vocab, 6), want;
  Ints ids;
  for (int64_t i = 0; i < tokens; ++i) {
    ids.push_back(int32_t(i * 17 % vocab));
    for (int64_t r = 0; r < rank; ++r)
      want.push_back(table[r * vocab + ids[i]]);
  }
  Owned<TypeParam> tables({rank, vocab}, table), y({tokens, rank});
  embedding_columns<TypeParam>(context, y, ints(ids, {tokens}), tables);
  EXPECT_EQ(y.doubles(), want);
}

PEFT_HD float fused(float a, float b, float c) { return a * b + c; }

TYPED_TEST(WideKernel, MapOverRowsOfWholeVectors) {
  const int64_t rows = 37, cols = 1504;
  Doubles a = randomValues(rows * cols, 7), row = randomValues(cols, 8), want(rows * cols);
  for (int64_t i = 0; i < rows * cols; ++i)
    want[i] = a[i] * row[i % cols] + 0.75;
  Owned<TypeParam> as({rows, cols}, a), y({rows, cols});
  Owned<float> rowT({cols}, row), scalar({1}, {0.75});
  map<fused>(context, y.tensor(), as.tensor(), rowT.tensor(), scalar.tensor());
  expectClose<TypeParam>(y.doubles(), want);
}

TEST(WideKernel, LabelledRowsOfALongBatch) {
  const int64_t n = 20011;
  Ints targets, want;
  for (int64_t i = 0; i < n; ++i) {
    targets.push_back(i * i % 7 < 3 ? -100 : int32_t(i));
    if (targets.back() != -100)
      want.push_back(int32_t(i));
  }
  Owned<int32_t> rows({n}), count({});
  labelled_rows(context, rows, count, ints(targets, {n}));
  EXPECT_EQ(count.values(), Ints{int32_t(want.size())});
  want.resize(n, 0);
  EXPECT_EQ(rows.values(), want);
}

} // namespace
} // namespace peft::rt
