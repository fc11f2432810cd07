//===- token_kernel_test.cpp - tokens' rows, replaced columns, prompts -----===//

#include "kernel_testing.h"

namespace peft::rt {
namespace {

const Ints ids = {3, 0, 3, 6, 1, 3};
const Ints indices = {3, 1};
constexpr int64_t tokens = 6, vocab = 7, width = 21;

Doubles lookedUp(const Doubles &table) {
  Doubles y;
  for (int32_t id : ids)
    y.insert(y.end(), table.begin() + id * width, table.begin() + (id + 1) * width);
  return y;
}

Doubles replaced(const Doubles &x, const Doubles &rows) {
  Doubles y = x;
  for (int64_t i = 0; i < tokens; ++i)
    for (size_t j = 0; j < indices.size(); ++j)
      if (ids[i] == indices[j])
        std::copy_n(rows.begin() + j * width, width, y.begin() + i * width);
  return y;
}

Doubles withColumns(const Doubles &x, const Doubles &columns) {
  Doubles y = x;
  for (int64_t i = 0; i < tokens; ++i)
    for (size_t j = 0; j < indices.size(); ++j)
      y[i * width + indices[j]] = columns[i * indices.size() + j];
  return y;
}

Doubles prompted(const Doubles &x, const Doubles &prompt, int64_t batch) {
  Doubles y;
  const size_t given = x.size() / batch;
  for (int64_t b = 0; b < batch; ++b) {
    y.insert(y.end(), prompt.begin(), prompt.end());
    y.insert(y.end(), x.begin() + b * given, x.begin() + (b + 1) * given);
  }
  return y;
}

template <class T> class TokenKernel : public ::testing::Test {};
TYPED_TEST_SUITE(TokenKernel, ElementTypes);

TYPED_TEST(TokenKernel, Embedding) {
  Doubles table = randomValues(vocab * width, 1), dy = randomValues(tokens * width, 2),
          start = randomValues(vocab * width, 3);
  Owned<TypeParam> tables({vocab, width}, table), y({2, 3, width}), dys({2, 3, width}, dy);
  embedding<TypeParam>(context, y, ints(ids, {2, 3}), tables);
  EXPECT_EQ(y.doubles(), lookedUp(table));
  Owned<float> sum({vocab, width}, start);
  embedding_weight_grad<TypeParam>(context, sum, dys, ints(ids, {2, 3}));
  expectClose<float>(sum.doubles(), plus(start, numericGradient(lookedUp, table, dy)));
}

TYPED_TEST(TokenKernel, EmbeddingGradientInParallel) {
  const int64_t many = 1000, wide = 70;
  Ints manyIds;
  Doubles dy = randomValues(many * wide, 4), want(5 * wide);
  for (int64_t i = 0; i < many; ++i) {
    manyIds.push_back(int32_t(i * i % 5));
    for (int64_t c = 0; c < wide; ++c)
      want[manyIds[i] * wide + c] += dy[i * wide + c];
  }
  Owned<TypeParam> dys({many, wide}, dy);
  Owned<float> sum({5, wide});
  embedding_weight_grad<TypeParam>(context, sum, dys, ints(manyIds, {many}));
  expectClose<float>(sum.doubles(), want, 1e-5);
}

TYPED_TEST(TokenKernel, ReplacedRows) {
  Doubles x = randomValues(tokens * width, 5), rows = randomValues(2 * width, 6),
          dy = randomValues(tokens * width, 7), start = randomValues(2 * width, 8);
  Owned<TypeParam> xs({2, 3, width}, x), rowsT({2, width}, rows), y({2, 3, width}), dys({2, 3, width}, dy),
      dx({2, 3, width});
  const auto idsT = ints(ids, {2, 3}), at = ints(indices, {2});
  override_rows<TypeParam>(context, y, xs, idsT, rowsT, at.data(), 2);
  EXPECT_EQ(y.doubles(), replaced(x, rows));
  override_rows<TypeParam>(context, xs, xs, idsT, rowsT, at.data(), 2); // in place
  EXPECT_EQ(xs.doubles(), y.doubles());

  Owned<float> sum({2, width}, start);
  override_rows_weight_grad<TypeParam>(context, sum, dys, idsT, at.data(), 2);
  expectClose<float>(
      sum.doubles(),
      plus(start, numericGradient([&](const Doubles &v) { return replaced(x, v); }, rows, dy)));
  override_rows_grad<TypeParam>(context, dx, dys, idsT, at.data(), 2);
  expectClose<TypeParam>(dx.doubles(),
                         numericGradient([&](const Doubles &v) { return replaced(v, rows); }, x, dy));
  override_rows_grad<TypeParam>(context, dys, dys, idsT, at.data(), 2); // in place
  EXPECT_EQ(dys.doubles(), dx.doubles());
}

TYPED_TEST(TokenKernel, ReplacedColumns) {
  Doubles x = randomValues(tokens * width, 13), columns = randomValues(tokens * 2, 14),
          dy = randomValues(tokens * width, 15);
  Owned<TypeParam> xs({2, 3, width}, x), columnsT({2, 3, 2}, columns), y({2, 3, width}),
      dys({2, 3, width}, dy), dx({2, 3, width}), dcolumns({2, 3, 2});
  const auto at = ints(indices, {2});
  override_columns<TypeParam>(context, y, xs, columnsT, at.data(), 2);
  EXPECT_EQ(y.doubles(), withColumns(x, columns));
  override_columns<TypeParam>(context, xs, xs, columnsT, at.data(), 2); // in place
  EXPECT_EQ(xs.doubles(), y.doubles());

  select_columns<TypeParam>(context, dcolumns, dys, at.data(), 2);
  expectClose<TypeParam>(dcolumns.doubles(),
                         numericGradient([&](const Doubles &v) { return withColumns(x, v); }, columns, dy));
  override_columns_grad<TypeParam>(context, dx, dys, at.data(), 2);
  expectClose<TypeParam>(dx.doubles(),
                         numericGradient([&](const Doubles &v) { return withColumns(v, columns); }, x, dy));
  override_columns_grad<TypeParam>(context, dys, dys, at.data(), 2); // in place
  EXPECT_EQ(dys.doubles(), dx.doubles());
}

TYPED_TEST(TokenKernel, ReplacedColumnsInParallel) {
  const int64_t many = 900, wide = 70;
  Doubles x = randomValues(many * wide, 16), columns = randomValues(many * 2, 17);
  Owned<TypeParam> xs({many, wide}, x), columnsT({many, 2}, columns), y({many, wide}), read({many, 2});
  const auto at = ints(indices, {2});
  override_columns<TypeParam>(context, y, xs, columnsT, at.data(), 2);
  select_columns<TypeParam>(context, read, y, at.data(), 2);
  EXPECT_EQ(read.doubles(), columnsT.doubles());
  select_columns<TypeParam>(context, columnsT, xs, at.data(), 2);
  override_columns<TypeParam>(context, y, y, columnsT, at.data(), 2); // puts back what was there
  EXPECT_EQ(y.doubles(), xs.doubles());
}

TYPED_TEST(TokenKernel, SoftPrompt) {
  const int64_t batch = 3, seq = 4, count = 2;
  Doubles x = randomValues(batch * seq * width, 9), prompt = randomValues(count * width, 10),
          dy = randomValues(batch * (seq + count) * width, 11), start = randomValues(count * width, 12);
  Owned<TypeParam> xs({batch, seq, width}, x), promptT({count, width}, prompt),
      y({batch, seq + count, width}), dys({batch, seq + count, width}, dy), dx({batch, seq, width});
  soft_prompt<TypeParam>(context, y, xs, promptT);
  EXPECT_EQ(y.doubles(), prompted(x, prompt, batch));
  soft_prompt_grad<TypeParam>(context, dx, dys);
  expectClose<TypeParam>(
      dx.doubles(), numericGradient([&](const Doubles &v) { return prompted(v, prompt, batch); }, x, dy));
  Owned<float> sum({count, width}, start);
  soft_prompt_weight_grad<TypeParam>(context, sum, dys);
  expectClose<float>(
      sum.doubles(),
      plus(start, numericGradient([&](const Doubles &v) { return prompted(x, v, batch); }, prompt, dy)));
}

TEST(TokenKernel, Prepend) {
  const auto x = ints({5, 6, 0, 1}, {2, 2});
  Owned<int32_t> y({2, 4});
  prepend(context, y, x, -100, false);
  EXPECT_EQ(y.values(), (Ints{-100, -100, 5, 6, -100, -100, 0, 1}));
  prepend(context, y, x, 0, true);
  EXPECT_EQ(y.values(), (Ints{0, 1, 7, 8, 0, 1, 2, 3}));
}

} // namespace
} // namespace peft::rt
