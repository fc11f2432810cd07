//===- attention_cuda_test.cu - attention on the GPU, by both ways --------===//
//
// Every case goes through the own kernels (layout general), through those with a packed
// batch's lse, and, where the batch's layout lets it, through cuDNN.
//
//===----------------------------------------------------------------------===//

#include "attention_parts.h"
#include "attention_testing.h"

#include <string>

namespace peft::rt {
namespace {
using namespace attention_testing;

/// The context with more workspace, as a plan would give it, and the layout of a batch. The workspace begins
/// as no number, which is what other kernels may leave there.
class Prepared {
public:
  Prepared(const AttentionLayout &layout, uint64_t bytes, bool deterministic = true)
      : kept(cudaOf(context)), bytes(bytes) {
    cudaOf(context).workspace = memory = mustHave(device::allocate(bytes));
    cudaMemset(memory, 0xff, bytes);
    cudaOf(context).workspaceBytes = bytes;
    cudaOf(context).attention = layout;
    cudaOf(context).deterministic = deterministic;
  }
  ~Prepared() {
    cudaOf(context) = kept;
    device::release(memory, bytes);
  }

private:
  CudaContext kept;
  char *memory;
  uint64_t bytes;
};

constexpr uint64_t enough = uint64_t(512) << 20;

/// lse as [batch, heads, seq].
Doubles unpackedLse(const Case &c, const Doubles &lse, const AttentionLayout &layout) {
  if (layout.kind != AttentionLayout::packed)
    return lse;
  Doubles result(lse.size());
  for (int64_t b = 0; b < c.batch; ++b)
    for (int64_t h = 0; h < c.heads; ++h)
      for (int64_t i = 0; i < c.seq; ++i)
        result[(b * c.heads + h) * c.seq + i] = lse[(h * c.batch + b) * c.seq + i];
  return result;
}

/// How much wider the tensors are that an attention's are columns of, each by other columns behind it.
struct Sides {
  int64_t before = 0, step = 0;
};

/// [batch, seq, width] within a wider tensor, whose other columns nobody writes.
template <class T> class Within {
public:
  Within(const Case &c, int64_t width, const Sides &sides, int which, const Doubles &values = {})
      : batch(c.batch), seq(c.seq), width(width), before(sides.before),
        pitch(sides.before + width + sides.step * which), whole({batch, seq, pitch}) {
    Doubles all(size_t(batch * seq * pitch), guard);
    for (size_t i = 0; i < values.size(); ++i)
      all[size_t(int64_t(i) / width * pitch + before + int64_t(i) % width)] = values[i];
    whole.assign(all);
  }
  operator Tensor<T>() {
    return {whole.tensor().data + before, {batch, seq, width}, pitch == width ? 0 : pitch};
  }
  operator Tensor<const T>() { return Tensor<T>(*this); }
  Doubles doubles() const {
    const Doubles all = whole.doubles();
    Doubles result;
    int64_t written = 0;
    for (int64_t i = 0; i < batch * seq * pitch; ++i) {
      const int64_t column = i % pitch - before;
      if (column >= 0 && column < width)
        result.push_back(all[size_t(i)]);
      else
        written += all[size_t(i)] != guard;
    }
    EXPECT_EQ(written, 0) << "of other columns";
    return result;
  }

private:
  static constexpr double guard = 3;
  int64_t batch, seq, width, before, pitch;
  Owned<T> whole;
};

/// Values of padding that a dense batch may give anything: as wanted.
void forgivePadding(const Case &c, Doubles &o, Doubles &lse, const Expected &want) {
  for (int64_t b = 0; b < c.batch; ++b)
    for (int64_t i = 0; i < c.seq; ++i)
      if (c.segments[b * c.seq + i] == 0)
        for (int64_t h = 0; h < c.heads; ++h) {
          const int64_t row = ((b * c.seq + i) * c.heads + h) * c.dim;
          EXPECT_TRUE(std::isfinite(lse[(b * c.heads + h) * c.seq + i]));
          lse[(b * c.heads + h) * c.seq + i] = want.lse[(b * c.heads + h) * c.seq + i];
          for (int64_t d = 0; d < c.dim; ++d)
            o[row + d] = want.o[row + d];
        }
}

template <class T>
void check(const Case &c, const Doubles &qkv, const Doubles &dout, const Expected &want,
           const AttentionLayout &layout, uint64_t workspace, const char *name, const Sides &sides = {},
           bool deterministic = true) {
  SCOPED_TRACE(std::string(name) + ", seq " + std::to_string(c.seq) + ", dim " + std::to_string(c.dim) +
               ", window " + std::to_string(c.window) + ", columns from " + std::to_string(sides.before));
  Prepared prepared(layout, workspace, deterministic);
  const int64_t qWidth = c.heads * c.dim, kWidth = c.kvHeads * c.dim;
  Within<T> q(c, qWidth, sides, 1, part(qkv, 0, c.qSize())),
      k(c, kWidth, sides, 2, part(qkv, c.qSize(), c.kSize())),
      v(c, kWidth, sides, 3, part(qkv, c.qSize() + c.kSize(), c.kSize())), o(c, qWidth, sides, 4),
      dq(c, qWidth, sides, 5), dk(c, kWidth, sides, 6), dv(c, kWidth, sides, 7),
      doutT(c, qWidth, sides, 8, dout);
  Owned<float> lse({c.batch, c.heads, c.seq});
  Owned<int32_t> segments({c.batch, c.seq});
  segments.upload(c.segments);
  attention<T>(context, o, lse, q, k, v, segments, c.dim, c.scale(), c.window);
  attention_grad<T>(context, dq, dk, dv, doutT, q, k, v, o, lse, segments, c.dim, c.scale(), c.window);

  Doubles gotO = o.doubles(), gotLse = unpackedLse(c, lse.doubles(), layout);
  if (layout.kind == AttentionLayout::dense)
    forgivePadding(c, gotO, gotLse, want);
  // bf16: weights and slopes are rounded before they are multiplied; o, before delta is made of it.
  const bool rounded = sizeof(T) == 2;
  expectClose<T>(gotO, want.o, rounded ? 0x1p-7 : 3e-6);
  expectClose<float>(gotLse, want.lse, rounded ? 3e-5 : 3e-6);
  // A token that sees only itself has no slope: what is left is o's rounding, beside a wanted 0.
  const double slope = !rounded ? 1e-5 : c.window == 1 ? 0x1p-2 : 0x1p-6;
  expectClose<T>(dq.doubles(), part(want.gradient, 0, c.qSize()), slope);
  expectClose<T>(dk.doubles(), part(want.gradient, c.qSize(), c.kSize()), slope);
  expectClose<T>(dv.doubles(), part(want.gradient, c.qSize() + c.kSize(), c.kSize()),
                 rounded ? 0x1p-6 : 1e-5);
}

template <class T> void checkAll(const Case &c, const Sides &sides = {}) {
  const Doubles qkv = randomValues(c.qSize() + 2 * c.kSize(), 1, 1.5);
  Doubles dout = randomValues(c.qSize(), 2);
  const AttentionLayout layout = layoutOf(c.segments.data(), c.batch, c.seq);
  if (layout.kind == AttentionLayout::dense)
    for (int64_t i = 0; i < c.qSize(); ++i)
      if (c.segments[i / (c.heads * c.dim)] == 0)
        dout[i] = 0;
  const Expected want = expected(c, qkv, dout);
  check<T>(c, qkv, dout, want, {}, enough, "own", sides);
  if (sizeof(T) == 2 && layout.kind != AttentionLayout::general) {
    check<T>(c, qkv, dout, want, layout, enough, "by layout", sides);
    check<T>(c, qkv, dout, want, layout, enough, "by layout, in any order", sides, false);
  }
  // Too little for a plan of cuDNN's backward pass, or for a whole batch of the own one.
  const AttentionSizes sizes{1, c.seq, c.heads, c.kvHeads, c.dim};
  check<T>(c, qkv, dout, want, layout, ownAttentionWorkspace(sizes), "little workspace", sides);
}

template <class T> class AttentionCuda : public ::testing::Test {};
TYPED_TEST_SUITE(AttentionCuda, ElementTypes);

TYPED_TEST(AttentionCuda, HeadSizes) {
  for (int64_t dim : {7, 16, 24, 64, 80, 96, 104, 128, 192, 256})
    checkAll<TypeParam>({1, 101, 2, 1, dim, 0, oneSegment(1, 101)});
  for (int64_t dim : {64, 80, 128, 256})
    checkAll<TypeParam>({1, 300, 2, 1, dim, 0, packed(1, 300, {150, 100})});
}

TYPED_TEST(AttentionCuda, SequencesAroundTheBlockSizes) {
  for (int64_t seq : {1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 129, 193, 257, 400})
    for (int64_t dim : {64, 128})
      checkAll<TypeParam>({1, seq, 3, 1, dim, 0, oneSegment(1, seq)});
}

TYPED_TEST(AttentionCuda, GroupsOfHeads) {
  checkAll<TypeParam>({3, 110, 6, 2, 64, 0, oneSegment(3, 110)});
  checkAll<TypeParam>({3, 110, 4, 4, 64, 0, oneSegment(3, 110)});
  checkAll<TypeParam>({2, 200, 9, 3, 64, 0, packed(2, 200, {90, 50})});
  checkAll<TypeParam>({2, 200, 8, 1, 128, 0, packed(2, 200, {90, 50})});
}

TYPED_TEST(AttentionCuda, PackedSegmentsAndPadding) {
  checkAll<TypeParam>({2, 150, 2, 1, 64, 0, packed(2, 150, {20, 1, 64, 30})});
  checkAll<TypeParam>({2, 150, 2, 1, 128, 0, packed(2, 150, {97, 52})});
  checkAll<TypeParam>({2, 500, 2, 2, 64, 0, packed(2, 500, {3, 200, 64, 64, 100, 1, 1, 30})});
  checkAll<TypeParam>({2, 150, 2, 1, 64, 0, packed(2, 150, {97})}); // dense, padded
  checkAll<TypeParam>({2, 64, 2, 1, 64, 0, Ints(128, 0)});          // nothing but padding
}

TYPED_TEST(AttentionCuda, Window) {
  for (int64_t window : {1, 5, 40, 64, 130, 200})
    checkAll<TypeParam>({1, 331, 2, 1, 64, window, oneSegment(1, 331)});
  checkAll<TypeParam>({2, 330, 4, 2, 128, 70, oneSegment(2, 330)});
  checkAll<TypeParam>({2, 330, 2, 1, 64, 7, packed(2, 330, {30, 160, 120})});
}

TYPED_TEST(AttentionCuda, SegmentInSeveralRuns) {
  for (int64_t window : {0, 50}) {
    checkAll<TypeParam>({1, 120, 2, 2, 16, window, recurring(1, 120, 11)});
    checkAll<TypeParam>({2, 700, 2, 1, 64, window, recurring(2, 700, 90)});
  }
}

/// By 16 bytes, which cuDNN takes, and by less.
TYPED_TEST(AttentionCuda, ColumnsOfWiderTensors) {
  for (const Sides &sides : {Sides{16, 8}, Sides{0, 64}, Sides{3, 5}})
    for (int64_t dim : {24, 64, 128, 256}) {
      checkAll<TypeParam>({2, 150, 2, 2, dim, 0, oneSegment(2, 150)}, sides);
      checkAll<TypeParam>({2, 200, 4, 2, dim, 0, packed(2, 200, {90, 50})}, sides);
      checkAll<TypeParam>({2, 200, 2, 2, dim, 70, packed(2, 200, {90, 50})}, sides);
      checkAll<TypeParam>({2, 150, 4, 1, dim, 0, packed(2, 150, {97})}, sides); // dense, padded
      checkAll<TypeParam>({2, 130, 2, 1, dim, 0, recurring(2, 130, 11)}, sides);
    }
}

TEST(AttentionCuda, LargeScoresDoNotOverflow) {
  Case c{1, 140, 1, 1, 16, 0, oneSegment(1, 140)};
  const Doubles qkv = randomValues(3 * c.qSize(), 5, 12), dout = randomValues(c.qSize(), 6);
  Owned<float> q({1, 140, 16}, part(qkv, 0, 2240)), k({1, 140, 16}, part(qkv, 2240, 2240)),
      v({1, 140, 16}, part(qkv, 4480, 2240)), o({1, 140, 16}), lse({1, 1, 140});
  attention<float>(context, o, lse, q, k, v, ints(c.segments, {1, 140}), 16, c.scale(), 0);
  expectClose<float>(o.doubles(), expected(c, qkv, dout).o, 2e-5);
}

template <class T> class AttentionCudaSmall : public ::testing::Test {};
TYPED_TEST_SUITE(AttentionCudaSmall, ElementTypes);

/// Each own kernel once, with more than one block of keys and queries: what a race detector gets through in a
/// minute.
TYPED_TEST(AttentionCudaSmall, EveryOwnKernel) {
  for (const Case &c :
       {Case{1, 70, 2, 1, 64, 0, oneSegment(1, 70)}, Case{1, 70, 1, 1, 128, 0, packed(1, 70, {40, 20})},
        Case{1, 70, 1, 1, 24, 33, oneSegment(1, 70)}, Case{1, 66, 1, 1, 64, 20, recurring(1, 66, 11)}}) {
    const Doubles qkv = randomValues(c.qSize() + 2 * c.kSize(), 7), dout = randomValues(c.qSize(), 8);
    check<TypeParam>(c, qkv, dout, expected(c, qkv, dout), {}, enough, "own");
  }
}

/// What a run gives, bit by bit.
template <class T> std::vector<Doubles> bitsOf(const Case &c, const Doubles &x, const Doubles &kv) {
  const std::initializer_list<int64_t> qShape = {c.batch, c.seq, c.heads * c.dim},
                                       kShape = {c.batch, c.seq, c.kvHeads * c.dim};
  Owned<T> q(qShape, x), k(kShape, kv), v(kShape, kv), o(qShape), dq(qShape), dk(kShape), dv(kShape);
  Owned<float> lse({c.batch, c.heads, c.seq});
  Owned<int32_t> segments({c.batch, c.seq});
  segments.upload(c.segments);
  attention<T>(context, o, lse, q, k, v, segments, c.dim, c.scale(), c.window);
  attention_grad<T>(context, dq, dk, dv, q, q, k, v, o, lse, segments, c.dim, c.scale(), c.window);
  return {o.doubles(), lse.doubles(), dq.doubles(), dk.doubles(), dv.doubles()};
}

TYPED_TEST(AttentionCuda, SameBitsEveryTime) {
  for (const Ints &segments : {packed(2, 600, {320, 160}), oneSegment(2, 600), recurring(2, 600, 70)}) {
    Case c{2, 600, 6, 2, 64, 0, segments};
    const Doubles x = randomValues(c.qSize(), 6), kv = randomValues(c.kSize(), 7);
    Prepared prepared(layoutOf(segments.data(), 2, 600), enough);
    const std::vector<Doubles> first = bitsOf<TypeParam>(c, x, kv);
    for (int run = 0; run < 3; ++run)
      EXPECT_EQ(bitsOf<TypeParam>(c, x, kv), first);
  }
}

TYPED_TEST(AttentionCuda, ReplaysAsAGraph) {
  Case c{2, 384, 4, 2, 64, 0, packed(2, 384, {100, 200})};
  const Doubles qkv = randomValues(c.qSize() + 2 * c.kSize(), 1, 1.5), dout = randomValues(c.qSize(), 2);
  using T = TypeParam;
  const std::initializer_list<int64_t> qShape = {2, 384, 256}, kShape = {2, 384, 128};
  Owned<T> q(qShape, part(qkv, 0, c.qSize())), k(kShape, part(qkv, c.qSize(), c.kSize())),
      v(kShape, part(qkv, c.qSize() + c.kSize(), c.kSize())), o(qShape), dq(qShape), dk(kShape), dv(kShape),
      doutT(qShape, dout);
  Owned<float> lse({2, 4, 384});
  Owned<int32_t> segments({2, 384});
  // Another batch of the same layout is another input of the same graph.
  const Ints others[] = {packed(2, 384, {100, 200}), packed(2, 384, {150, 130}), packed(2, 384, {200, 100})};
  Prepared prepared(layoutOf(others[0].data(), 2, 384), enough);
  for (const Ints &other : others) {
    ASSERT_EQ(layoutOf(other.data(), 2, 384).key(), cudaOf(context).attention.key());
    segments.upload(other);
    Status status = device::run(0x61747465 + sizeof(T), [&] {
      attention<T>(context, o, lse, q, k, v, segments, c.dim, c.scale(), 0);
      attention_grad<T>(context, dq, dk, dv, doutT, q, k, v, o, lse, segments, c.dim, c.scale(), 0);
    });
    ASSERT_TRUE(status.isOk()) << status.message();
    c.segments = other;
    const Expected want = expected(c, qkv, dout);
    const double tolerance = sizeof(T) == 2 ? 0x1p-6 : 1e-5;
    expectClose<T>(o.doubles(), want.o, tolerance);
    expectClose<T>(dq.doubles(), part(want.gradient, 0, c.qSize()), tolerance);
    expectClose<T>(dk.doubles(), part(want.gradient, c.qSize(), c.kSize()), tolerance);
    expectClose<T>(dv.doubles(), part(want.gradient, c.qSize() + c.kSize(), c.kSize()), tolerance);
  }
}

/// The own kernels hide what cuDNN refuses; here it must take what it is meant for.
TEST(AttentionCuda, CudnnTakesDenseAndPackedBatches) {
  using namespace attention_detail;
  if (cudaOf(context).capability != 90)
    GTEST_SKIP() << "for sm_90";
  for (const Ints &ids : {oneSegment(2, 384), packed(2, 384, {100, 200})})
    for (bool deterministic : {true, false})
      for (int64_t pitch : {0, 1024}) { // or columns of one tensor
        // In any order what a program plans is enough for both kinds of batches, in one order for whole rows:
        // columns of packed ones always go in one.
        const uint64_t planned = plannedAttentionWorkspace({2, 384, 4, 2, 64, pitch != 0}, deterministic);
        const bool isDense = layoutOf(ids.data(), 2, 384).kind == AttentionLayout::dense;
        Prepared prepared(layoutOf(ids.data(), 2, 384),
                          isDense || !(deterministic || pitch) ? planned : enough, deterministic);
        Owned<bf16> x({2, 384, 1024}), dx({2, 384, 1024}), o({2, 384, 1024});
        Owned<float> lse({2, 4, 384});
        Owned<int32_t> segments({2, 384});
        segments.upload(ids);
        auto tokens = [&](Owned<bf16> &of, int64_t first, int64_t width) {
          return pitch ? Tokens<bf16>{of.tensor().data + first, pitch}
                       : Tokens<bf16>{of.tensor().data + first * 2 * 384, width};
        };
        const Tensor<const bf16> q(x.data(), {2, 384, 256}), k(x.data(), {2, 384, 128});
        const AttentionShape shape = shapeOf<bf16>(context, q, k, segments.tensor(), 64, 0.125f, 0);
        EXPECT_TRUE(cudnnForward(context, shape,
                                 {tokens(o, 0, 256), lse.tensor().data, tokens(x, 0, 256),
                                  tokens(x, 256, 128), tokens(x, 384, 128), segments.data()}))
            << cudnnRefusal();
        EXPECT_TRUE(cudnnBackward(context, shape,
                                  {tokens(dx, 0, 256), tokens(dx, 256, 128), tokens(dx, 384, 128),
                                   tokens(x, 0, 256), tokens(x, 0, 256), tokens(x, 256, 128),
                                   tokens(x, 384, 128), tokens(o, 0, 256), lse.data(), segments.data()}))
            << cudnnRefusal() << ", pitch " << pitch;
      }
}

TEST(AttentionLayout, OfSegments) {
  auto kindOf = [](const Ints &segments, int64_t batch) {
    return layoutOf(segments.data(), batch, int64_t(segments.size()) / batch).kind;
  };
  EXPECT_EQ(kindOf({1, 1, 1, 1, 2, 2, 2, 0}, 2), AttentionLayout::dense);
  EXPECT_EQ(kindOf({0, 0, 0, 0}, 1), AttentionLayout::dense);
  EXPECT_EQ(kindOf({1, 1, 2, 2, 2, 2, 2, 0}, 2), AttentionLayout::packed);
  EXPECT_EQ(kindOf({0, 1, 1, 1}, 1), AttentionLayout::packed); // padding in front
  EXPECT_EQ(kindOf({1, 2, 2, 1}, 1), AttentionLayout::general);
  EXPECT_EQ(kindOf({0, 1, 1, 0}, 1), AttentionLayout::general);
  const Ints segments = packed(2, 600, {300, 100, 20}); // 4 runs a row with the padding
  const AttentionLayout layout = layoutOf(segments.data(), 2, 600);
  EXPECT_EQ(layout.sequences, 8);
  EXPECT_EQ(layout.longest, 512);
}

TEST(AttentionLayout, WorkspaceAsMeasured) {
  // MiB of speed.md; dense.
  auto mib = [](AttentionSizes sizes, bool deterministic) {
    AttentionLayout dense;
    dense.kind = AttentionLayout::dense;
    return double(attentionWorkspace(sizes, dense, deterministic)) / (1 << 20);
  };
  EXPECT_NEAR(mib({4, 2048, 32, 8, 128}, false), 257, 2);
  EXPECT_NEAR(mib({4, 2048, 32, 8, 128}, true), 1153, 2);
  EXPECT_NEAR(mib({8, 2048, 32, 8, 64}, false), 258, 2);
  EXPECT_NEAR(mib({8, 2048, 32, 8, 64}, true), 2178, 2);
  EXPECT_NEAR(mib({16, 1024, 9, 3, 64}, false), 73, 2);
  EXPECT_NEAR(mib({16, 1024, 9, 3, 64}, true), 325, 2);
  EXPECT_NEAR(mib({16, 512, 16, 16, 64}, false), 33, 2);
  EXPECT_NEAR(mib({16, 512, 16, 16, 64}, true), 129, 2);
  EXPECT_NEAR(mib({1, 8192, 32, 8, 128}, true), 4225, 2);
}

} // namespace
} // namespace peft::rt
