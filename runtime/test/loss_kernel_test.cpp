//===- loss_kernel_test.cpp - targets, cross-entropy, labelled rows -------===//

#include "kernel_testing.h"

#include <limits>

namespace peft::rt {
namespace {

Doubles crossEntropy(const Doubles &logits, const Ints &targets) {
  const size_t vocab = logits.size() / targets.size();
  double loss = 0;
  for (size_t i = 0; i < targets.size(); ++i) {
    if (targets[i] == -100)
      continue;
    double sum = 0;
    for (size_t c = 0; c < vocab; ++c)
      sum += std::exp(logits[i * vocab + c]);
    loss += std::log(sum) - logits[i * vocab + targets[i]];
  }
  return {loss};
}

template <class T> class LossKernel : public ::testing::Test {};
TYPED_TEST_SUITE(LossKernel, ElementTypes);

TYPED_TEST(LossKernel, CrossEntropyAndItsGradient) {
  struct {
    int64_t rows, vocab;
    Ints targets;
  } cases[] = {{1, 3, {2}}, {4, 19, {0, -100, 18, 7}}, {5, 64, {-100, -100, 63, 1, 1}}};
  for (const auto &c : cases) {
    Doubles x = randomValues(c.rows * c.vocab, 1, 6);
    Owned<TypeParam> logits({c.rows, c.vocab}, x), dlogits({c.rows, c.vocab});
    Owned<float> sum({}, {0.5}), lse({c.rows});
    cross_entropy<TypeParam>(context, sum, lse, logits, ints(c.targets, {c.rows}));
    expectClose<float>(sum.doubles(), plus({0.5}, crossEntropy(x, c.targets)));

    const Shared<float> scale(0.25f);
    Doubles want = numericGradient([&](const Doubles &v) { return crossEntropy(v, c.targets); }, x, {0.25});
    cross_entropy_grad<TypeParam>(context, dlogits, logits, lse, ints(c.targets, {c.rows}), scale);
    expectClose<TypeParam>(dlogits.doubles(), want, 1e-5);
    cross_entropy_grad<TypeParam>(context, logits, logits, lse, ints(c.targets, {c.rows}), scale); // in place
    EXPECT_EQ(logits.doubles(), dlogits.doubles());
  }
}

/// Rows of an odd length begin anywhere; there are more of them than a GPU takes at a time.
TYPED_TEST(LossKernel, LossAndGradientAtOnce) {
  struct {
    int64_t rows, vocab;
  } cases[] = {{1, 3}, {5, 64}, {37, 1001}, {700, 1003}, {3, 50021}};
  for (auto c : cases) {
    Ints targets;
    for (int64_t i = 0; i < c.rows; ++i)
      targets.push_back(i % 5 == 3 ? -100 : int32_t(i * 271 % c.vocab));
    const Doubles x = randomValues(c.rows * c.vocab, 3, 6);
    Owned<TypeParam> logits({c.rows, c.vocab}, x), want({c.rows, c.vocab}), got({c.rows, c.vocab});
    Owned<float> wantSum({}, {0.5}), sum({}, {0.5}), lse({c.rows});
    const Shared<float> scale(0.25f);
    const auto labels = ints(targets, {c.rows});
    cross_entropy<TypeParam>(context, wantSum, lse, logits, labels);
    cross_entropy_grad<TypeParam>(context, want, logits, lse, labels, scale);
    cross_entropy_with_grad<TypeParam>(context, sum, got, logits, labels, scale);
    expectClose<float>(sum.doubles(), wantSum.doubles());
    expectClose<TypeParam>(got.doubles(), want.doubles(), 2e-6, 2);
    cross_entropy_with_grad<TypeParam>(context, sum, logits, logits, labels, scale); // in place
    EXPECT_EQ(logits.doubles(), got.doubles());
  }
}

TYPED_TEST(LossKernel, LargeLogitsAndManyRows) {
  const int64_t rows = 37, vocab = 1001;
  Doubles x = randomValues(rows * vocab, 2, 300);
  Ints targets;
  double want = 0;
  for (int64_t i = 0; i < rows; ++i) {
    targets.push_back(int32_t(i * 271 % vocab));
    const double *row = x.data() + i * vocab;
    const double maximum = *std::max_element(row, row + vocab);
    double sum = 0;
    for (int64_t c = 0; c < vocab; ++c)
      sum += std::exp(row[c] - maximum);
    want += maximum + std::log(sum) - row[targets[i]];
  }
  Owned<TypeParam> logits({rows, vocab}, x);
  Owned<float> sum({}), lse({rows});
  cross_entropy<TypeParam>(context, sum, lse, logits, ints(targets, {rows}));
  expectClose<float>(sum.doubles(), {want});
}

/// Few long rows are cut into parts on a GPU; rows of an odd length begin anywhere.
TYPED_TEST(LossKernel, FewLongRowsAndSomeWithoutTarget) {
  for (int64_t vocab : {50021, 49152}) {
    const Ints targets = {0, -100, int32_t(vocab - 1), 31999, -100};
    const int64_t rows = int64_t(targets.size());
    Doubles x = randomValues(rows * vocab, 6, 8), want(rows * vocab);
    double loss = 0;
    for (int64_t i = 0; i < rows; ++i) {
      if (targets[i] == -100)
        continue;
      const double *row = x.data() + i * vocab;
      double sum = 0;
      for (int64_t c = 0; c < vocab; ++c)
        sum += std::exp(row[c]);
      loss += std::log(sum) - row[targets[i]];
      for (int64_t c = 0; c < vocab; ++c)
        want[i * vocab + c] = 0.5 * (std::exp(row[c]) / sum - (c == targets[i]));
    }
    Owned<TypeParam> logits({rows, vocab}, x), dlogits({rows, vocab}, Doubles(rows * vocab, 7.0));
    Owned<float> sum({}), lse({rows});
    const Owned<int32_t> labels = ints(targets, {rows});
    for (int call = 1; call <= 3; ++call) {
      cross_entropy<TypeParam>(context, sum, lse, logits, labels);
      // A row's loss is off by what its sum is off by, relative to it.
      expectClose<float>(sum.doubles(), {call * loss}, 2e-6 + 3 * sumTolerance(vocab) / loss);
    }
    const Shared<float> scale(0.5f);
    cross_entropy_grad<TypeParam>(context, dlogits, logits, lse, labels, scale);
    const Doubles got = dlogits.doubles();
    expectClose<TypeParam>(got, want);
    for (int64_t c = 0; c < vocab; ++c)
      ASSERT_EQ(got[vocab + c], 0) << c; // exactly
  }
}

TEST(LossKernel, NonFiniteLogitsShow) {
  Doubles x(20, 1.0);
  x[5] = std::numeric_limits<double>::quiet_NaN();
  Owned<float> logits({1, 20}, x), sum({}), lse({1});
  cross_entropy<float>(context, sum, lse, logits, ints(Ints{2}, {1}));
  EXPECT_TRUE(std::isnan(sum.doubles()[0]));
}

TEST(LossKernel, ShiftedLabelsStayInTheirSegment) {
  Ints labels = {10, 11, 12, 13, 14, 0, 20, -100, 22, 23, 24, 25};
  Ints segments = {1, 1, 2, 2, 2, 0, 1, 1, 1, 1, 0, 0};
  Owned<int32_t> targets({2, 6});
  shift_labels(context, targets, ints(labels, {2, 6}), ints(segments, {2, 6}));
  EXPECT_EQ(targets.values(), (Ints{11, -100, 13, 14, -100, -100, -100, 22, 23, -100, -100, -100}));
}

TYPED_TEST(LossKernel, LabelledRowsGatherAndScatter) {
  const Ints targets = {-100, 5, 6, -100, 7, 8, -100, 9, 3, -100};
  const int64_t cols = 3, length = 4;
  Owned<int32_t> rowsT({10}, Doubles(10, -1.0)), count({});
  labelled_rows(context, rowsT, count, ints(targets, {10}));
  ASSERT_EQ(count.values(), Ints{6});
  const Ints rows = rowsT.values();
  EXPECT_EQ(rows, (Ints{1, 2, 4, 5, 7, 8, 0, 0, 0, 0}));

  Doubles x = randomValues(10 * cols, 3);
  Owned<TypeParam> xs({10, cols}, x), y({length, cols}), back({10, cols});
  zero<TypeParam>(context, back);
  Doubles want(10 * cols);
  const Ints wantTargets[] = {{5, 6, 7, 8}, {9, 3, -100, -100}, {-100, -100, -100, -100}};
  for (int64_t chunk = 0; chunk < 3; ++chunk) {
    gather_rows<TypeParam>(context, y, xs, rowsT, count, chunk);
    Owned<int32_t> chunkTargets({length});
    gather_targets(context, chunkTargets, ints(targets, {10}), rowsT, count, chunk);
    EXPECT_EQ(chunkTargets.values(), wantTargets[chunk]);
    Doubles got = y.doubles();
    for (int64_t i = 0; i < length; ++i)
      for (int64_t c = 0; c < cols; ++c) {
        const int64_t entry = chunk * length + i;
        EXPECT_EQ(got[i * cols + c], entry < 6 ? x[rows[entry] * cols + c] : 0);
        if (entry < 6)
          want[rows[entry] * cols + c] = x[rows[entry] * cols + c];
      }
    scatter_rows<TypeParam>(context, back, y, rowsT, count, chunk);
  }
  EXPECT_EQ(back.doubles(), want);
}

TYPED_TEST(LossKernel, SelectedRows) {
  Doubles x = randomValues(2 * 4 * 3, 4);
  Owned<TypeParam> xs({2, 4, 3}, x), y({2, 3});
  select_rows<TypeParam>(context, y, xs, ints(Ints{3, 1}, {2}));
  EXPECT_EQ(y.doubles(), (Doubles{x[9], x[10], x[11], x[15], x[16], x[17]}));
}

} // namespace
} // namespace peft::rt
