//===- attention_kernel_test.cpp - attention and its gradient -------------===//

#include "attention_paths.h"
#include "attention_testing.h"

namespace peft::rt {
namespace {

using namespace attention_testing;

/// A way to compute both passes.
template <class T> struct Path {
  const char *name;
  decltype(&floats::attention<T>) forward;
  decltype(&floats::attention_grad<T>) backward;
  bool roundsWeights; ///< P and dS to bf16
};

/// Those that this processor has; `attention` takes the last.
template <class T> std::vector<Path<T>> paths() {
  std::vector<Path<T>> result = {{"floats", floats::attention<T>, floats::attention_grad<T>, false}};
  if constexpr (std::is_same_v<T, bf16> && amx::built)
    if (amx::usable())
      result.push_back({"amx", amx::attention, amx::attention_grad, true});
  return result;
}

/// The definition. q, k and v are one vector, so that one gradient covers them.
Doubles reference(const Case &c, const Doubles &qkv, Doubles *lse = nullptr) {
  const int64_t qSize = c.batch * c.seq * c.heads * c.dim, kSize = c.batch * c.seq * c.kvHeads * c.dim;
  const double *q = qkv.data(), *k = q + qSize, *v = k + kSize;
  Doubles o(qSize);
  if (lse)
    lse->assign(c.batch * c.heads * c.seq, 0);
  for (int64_t b = 0; b < c.batch; ++b)
    for (int64_t h = 0; h < c.heads; ++h)
      for (int64_t i = 0; i < c.seq; ++i) {
        const int64_t kvHead = h / (c.heads / c.kvHeads);
        auto keyAt = [&](int64_t j) { return ((b * c.seq + j) * c.kvHeads + kvHead) * c.dim; };
        const int64_t row = ((b * c.seq + i) * c.heads + h) * c.dim;
        Doubles weights(c.seq);
        double sum = 0;
        for (int64_t j = 0; j < c.seq; ++j)
          if (c.sees(b, i, j)) {
            double score = 0;
            for (int64_t d = 0; d < c.dim; ++d)
              score += q[row + d] * k[keyAt(j) + d];
            sum += weights[j] = std::exp(score * c.scale());
          }
        for (int64_t j = 0; j < c.seq; ++j)
          for (int64_t d = 0; d < c.dim; ++d)
            o[row + d] += weights[j] / sum * v[keyAt(j) + d];
        if (lse)
          (*lse)[(b * c.heads + h) * c.seq + i] = std::log(sum);
      }
  return o;
}

/// The gradient's definition, for shapes that are too large for differences.
Doubles referenceGradient(const Case &c, const Doubles &qkv, const Doubles &dout) {
  const int64_t qSize = c.batch * c.seq * c.heads * c.dim, kSize = c.batch * c.seq * c.kvHeads * c.dim;
  Doubles lse, o = reference(c, qkv, &lse), gradient(qkv.size());
  const double *q = qkv.data(), *k = q + qSize, *v = k + kSize;
  double *dq = gradient.data(), *dk = dq + qSize, *dv = dk + kSize;
  for (int64_t b = 0; b < c.batch; ++b)
    for (int64_t h = 0; h < c.heads; ++h)
      for (int64_t i = 0; i < c.seq; ++i)
        for (int64_t j = 0; j <= i; ++j) {
          if (!c.sees(b, i, j))
            continue;
          const int64_t row = ((b * c.seq + i) * c.heads + h) * c.dim;
          const int64_t key = ((b * c.seq + j) * c.kvHeads + h / (c.heads / c.kvHeads)) * c.dim;
          double score = 0, dp = 0, delta = 0;
          for (int64_t d = 0; d < c.dim; ++d) {
            score += q[row + d] * k[key + d];
            dp += dout[row + d] * v[key + d];
            delta += dout[row + d] * o[row + d];
          }
          const double p = std::exp(score * c.scale() - lse[(b * c.heads + h) * c.seq + i]);
          const double ds = p * (dp - delta) * c.scale();
          for (int64_t d = 0; d < c.dim; ++d) {
            dv[key + d] += p * dout[row + d];
            dq[row + d] += ds * k[key + d];
            dk[key + d] += ds * q[row + d];
          }
        }
  return gradient;
}

Doubles part(const Doubles &all, int64_t begin, int64_t count) {
  return Doubles(all.begin() + begin, all.begin() + begin + count);
}

/// Runs both passes; `gradient` is the wanted one of q, k, v.
template <class T>
void check(const Path<T> &path, const Case &c, const Doubles &qkv, const Doubles &dout,
           const Doubles &gradient) {
  SCOPED_TRACE(path.name);
  const int64_t qSize = c.batch * c.seq * c.heads * c.dim, kSize = c.batch * c.seq * c.kvHeads * c.dim;
  const std::initializer_list<int64_t> qShape = {c.batch, c.seq, c.heads * c.dim},
                                       kShape = {c.batch, c.seq, c.kvHeads * c.dim};
  Owned<T> q(qShape, part(qkv, 0, qSize)), k(kShape, part(qkv, qSize, kSize)),
      v(kShape, part(qkv, qSize + kSize, kSize)), o(qShape), dq(qShape), dk(kShape), dv(kShape),
      doutT(qShape, dout);
  Owned<float> lse({c.batch, c.heads, c.seq});
  Doubles wantLse, want = reference(c, qkv, &wantLse);
  path.forward(o, lse, q, k, v, ints(c.segments, {c.batch, c.seq}), c.dim, c.scale(), c.window);
  // A rounding of P is at most 2^-9 of it, so o, a mean weighted by P, is off by 2^-9 of the largest |v|.
  // That is no more than o's largest, but where no token sees itself alone.
  expectClose<T>(o.doubles(), want, path.roundsWeights ? 0x1p-9 : 3e-6);
  expectClose<float>(lse.doubles(), wantLse, 3e-6);

  path.backward(dq, dk, dv, doutT, q, k, v, o, lse, ints(c.segments, {c.batch, c.seq}), c.dim, c.scale(),
                c.window);
  // The rounding of o goes into dq and dk, and that of P and dS, 2^-9 each, is of this size.
  const double tolerance = sizeof(T) == 2 ? 4e-3 : 1e-5;
  expectClose<T>(dq.doubles(), part(gradient, 0, qSize), tolerance);
  expectClose<T>(dk.doubles(), part(gradient, qSize, kSize), tolerance);
  expectClose<T>(dv.doubles(), part(gradient, qSize + kSize, kSize), tolerance);
}

template <class T> void checkRandom(const Case &c) {
  const size_t qSize = c.batch * c.seq * c.heads * c.dim, kSize = c.batch * c.seq * c.kvHeads * c.dim;
  Doubles qkv = randomValues(qSize + 2 * kSize, 1, 1.5), dout = randomValues(qSize, 2);
  const Doubles gradient = referenceGradient(c, qkv, dout);
  for (const Path<T> &path : paths<T>())
    check<T>(path, c, qkv, dout, gradient);
}

template <class T> class AttentionKernel : public ::testing::Test {};
TYPED_TEST_SUITE(AttentionKernel, ElementTypes);

TYPED_TEST(AttentionKernel, GradientIsThatOfFiniteDifferences) {
  Case c{2, 9, 4, 2, 6, 0, packed(2, 9, {3, 4})};
  const size_t qSize = 2 * 9 * 4 * 6, kSize = 2 * 9 * 2 * 6;
  Doubles qkv = randomValues(qSize + 2 * kSize, 3, 1.5), dout = randomValues(qSize, 4);
  const Doubles gradient = numericGradient([&](const Doubles &x) { return reference(c, x); }, qkv, dout);
  for (const Path<TypeParam> &path : paths<TypeParam>())
    check<TypeParam>(path, c, qkv, dout, gradient);
}

TYPED_TEST(AttentionKernel, HeadSizes) {
  for (int64_t dim : {16, 24, 64, 80, 96, 128, 7})
    checkRandom<TypeParam>({1, 37, 2, 1, dim, 0, oneSegment(1, 37)});
}

TYPED_TEST(AttentionKernel, SequencesAroundTheBlockSizes) {
  for (int64_t seq : {1, 2, 5, 6, 7, 16, 17, 47, 48, 49, 95, 96, 97, 193})
    checkRandom<TypeParam>({1, seq, 3, 1, 16, 0, oneSegment(1, seq)});
}

TYPED_TEST(AttentionKernel, ManyHeadsRunInParallel) {
  checkRandom<TypeParam>({3, 110, 6, 2, 16, 0, oneSegment(3, 110)});
  checkRandom<TypeParam>({3, 110, 4, 4, 16, 0, oneSegment(3, 110)});
}

TYPED_TEST(AttentionKernel, PackedSegmentsAndPadding) {
  checkRandom<TypeParam>({2, 150, 2, 1, 16, 0, packed(2, 150, {20, 1, 64, 30})});
  checkRandom<TypeParam>({2, 150, 2, 1, 16, 0, packed(2, 150, {97, 52})});
}

TYPED_TEST(AttentionKernel, Window) {
  for (int64_t window : {1, 5, 40, 200})
    checkRandom<TypeParam>({1, 130, 2, 1, 16, window, oneSegment(1, 130)});
  checkRandom<TypeParam>({2, 130, 2, 1, 16, 7, packed(2, 130, {30, 60, 20})});
}

TYPED_TEST(AttentionKernel, SegmentInSeveralRuns) {
  Case c{1, 120, 2, 2, 16, 0, {}};
  for (int64_t i = 0; i < c.seq; ++i)
    c.segments.push_back(int32_t(i / 11 % 3));
  checkRandom<TypeParam>(c);
  c.window = 50;
  checkRandom<TypeParam>(c);
}

TYPED_TEST(AttentionKernel, SeveralBlocksOfKeys) {
  checkRandom<TypeParam>({1, 330, 2, 1, 32, 0, oneSegment(1, 330)});
  checkRandom<TypeParam>({1, 530, 1, 1, 40, 300, oneSegment(1, 530)});
  checkRandom<TypeParam>({1, 600, 2, 2, 16, 0, packed(1, 600, {100, 290, 140})});
}

/// Heads of q, k and v side by side, as one product leaves them, and the same of their gradients.
TYPED_TEST(AttentionKernel, RowsMayLieApart) {
  using T = TypeParam;
  for (const Case &c :
       {Case{2, 37, 4, 2, 16, 0, oneSegment(2, 37)}, Case{2, 110, 3, 1, 7, 0, packed(2, 110, {60, 20})},
        Case{1, 330, 2, 1, 64, 100, oneSegment(1, 330)}})
    for (auto [before, behind] : besides) {
      const std::initializer_list<int64_t> qShape = {c.batch, c.seq, c.heads * c.dim},
                                           kShape = {c.batch, c.seq, c.kvHeads * c.dim};
      const Doubles qs = randomValues(c.qSize(), 1, 1.5), ks = randomValues(c.kSize(), 2, 1.5),
                    vs = randomValues(c.kSize(), 3), douts = randomValues(c.qSize(), 4);
      const auto segments = ints(c.segments, {c.batch, c.seq});
      Owned<float> lse({c.batch, c.heads, c.seq}), wantLse({c.batch, c.heads, c.seq});
      Owned<T> denseQ(qShape, qs), denseK(kShape, ks), denseV(kShape, vs), denseDout(qShape, douts),
          wantO(qShape), wantDq(qShape), wantDk(kShape), wantDv(kShape);
      Columns<T> q(qShape, qs, before, behind), k(kShape, ks, behind, before),
          v(kShape, vs, 2 * before, behind), dout(qShape, douts, before, 2 * behind),
          o(qShape, before, 3 * behind), dq(qShape, 3 * before, behind), dk(kShape, before, behind),
          dv(kShape, behind, behind);
      auto expectSame = [&] {
        EXPECT_EQ(lse.doubles(), wantLse.doubles());
        EXPECT_EQ(o.doubles(), wantO.doubles());
        EXPECT_EQ(dq.doubles(), wantDq.doubles());
        EXPECT_EQ(dk.doubles(), wantDk.doubles());
        EXPECT_EQ(dv.doubles(), wantDv.doubles());
      };
      for (const Path<T> &path : paths<T>()) {
        SCOPED_TRACE(path.name);
        path.forward(wantO, wantLse, denseQ, denseK, denseV, segments, c.dim, c.scale(), c.window);
        path.backward(wantDq, wantDk, wantDv, denseDout, denseQ, denseK, denseV, wantO, wantLse, segments,
                      c.dim, c.scale(), c.window);
        path.forward(o, lse, q, k, v, segments, c.dim, c.scale(), c.window);
        path.backward(dq, dk, dv, dout, q, k, v, o, lse, segments, c.dim, c.scale(), c.window);
        expectSame();
      }
      EXPECT_EQ(q.doubles(), qs);
      EXPECT_EQ(k.doubles(), ks);
      EXPECT_EQ(v.doubles(), vs);
      EXPECT_EQ(dout.doubles(), douts);
    }
}

TYPED_TEST(AttentionKernel, LargeScoresDoNotOverflow) {
  using T = TypeParam;
  Case c{1, 40, 1, 1, 16, 0, oneSegment(1, 40)};
  Doubles qkv = randomValues(3 * 40 * 16, 5, 12);
  Owned<T> q({1, 40, 16}, part(qkv, 0, 640)), k({1, 40, 16}, part(qkv, 640, 640)),
      v({1, 40, 16}, part(qkv, 1280, 640)), o({1, 40, 16});
  Owned<float> lse({1, 1, 40});
  for (const Path<T> &path : paths<T>()) {
    path.forward(o, lse, q, k, v, ints(c.segments, {1, 40}), 16, c.scale(), 0);
    expectClose<T>(o.doubles(), reference(c, qkv), path.roundsWeights ? 0x1p-9 : 2e-5);
  }
}

/// Maxima that grow from block to block of keys: what was summed before is rescaled, down to nothing.
TYPED_TEST(AttentionKernel, GrowingScores) {
  using T = TypeParam;
  Case c{1, 600, 1, 1, 16, 0, oneSegment(1, 600)};
  const int64_t size = 600 * 16;
  Doubles qkv = randomValues(3 * size, 8, 1.5);
  for (int64_t i = 0; i < size; ++i) {
    qkv[i] = toFloat(fromFloat<bf16>(float(std::abs(qkv[i]))));
    qkv[size + i] = toFloat(fromFloat<bf16>(float(i / 16) / 60.0f));
  }
  Owned<T> q({1, 600, 16}, part(qkv, 0, size)), k({1, 600, 16}, part(qkv, size, size)),
      v({1, 600, 16}, part(qkv, 2 * size, size)), o({1, 600, 16});
  Owned<float> lse({1, 1, 600});
  Doubles wantLse, want = reference(c, qkv, &wantLse);
  for (const Path<T> &path : paths<T>()) {
    path.forward(o, lse, q, k, v, ints(c.segments, {1, 600}), 16, c.scale(), 0);
    expectClose<T>(o.doubles(), want, path.roundsWeights ? 0x1p-9 : 2e-5);
    expectClose<float>(lse.doubles(), wantLse, 3e-6);
  }
}

TYPED_TEST(AttentionKernel, SameBitsEveryTime) {
  using T = TypeParam;
  Case c{2, 200, 6, 2, 64, 0, packed(2, 200, {120, 60})};
  Doubles x = randomValues(2 * 200 * 6 * 64, 6), kv = randomValues(2 * 200 * 2 * 64, 7);
  Owned<T> q({2, 200, 384}, x), k({2, 200, 128}, kv), v({2, 200, 128}, kv), o({2, 200, 384}),
      dq({2, 200, 384}), dk({2, 200, 128}), dv({2, 200, 128});
  Owned<float> lse({2, 6, 200});
  std::vector<Doubles> runs[4];
  for (int run = 0; run < 4; ++run) {
    attention<T>(context, o, lse, q, k, v, ints(c.segments, {2, 200}), 64, c.scale(), 0);
    attention_grad<T>(context, dq, dk, dv, q, q, k, v, o, lse, ints(c.segments, {2, 200}), 64, c.scale(), 0);
    runs[run] = {o.doubles(), lse.doubles(), dq.doubles(), dk.doubles(), dv.doubles()};
    EXPECT_EQ(runs[run], runs[0]);
  }
  // They are those of the last path.
  const Path<T> path = paths<T>().back();
  path.forward(o, lse, q, k, v, ints(c.segments, {2, 200}), 64, c.scale(), 0);
  path.backward(dq, dk, dv, q, q, k, v, o, lse, ints(c.segments, {2, 200}), 64, c.scale(), 0);
  EXPECT_EQ(runs[0],
            (std::vector<Doubles>{o.doubles(), lse.doubles(), dq.doubles(), dk.doubles(), dv.doubles()}));
}

} // namespace
} // namespace peft::rt
