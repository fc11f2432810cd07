//===- map_weight_grads_cuda_test.cu - maps that sum over rows ------------===//
//
// The results are the map's, bit by bit; the sums are compared with loops in double over the
// results as they were rounded.
//
//===----------------------------------------------------------------------===//

#include "context.h"
#include "kernel_testing.h"
#include "peft/runtime/map_weight_grads.h"

namespace peft::rt {
namespace {

PEFT_HD float swiglu(float gate, float up) { return silu(gate) * up; }
/// The product itself, and the slopes of up and gate.
PEFT_HD Floats<3> swigluGrad(float gate, float up, float dy) {
  const float active = silu(gate);
  return floats(active * up, dy * active, silu_grad(dy * up, gate));
}

struct Case {
  int64_t rows, cols, rank;
  int64_t behind = 0;      ///< columns of the thins' wider tensors
  bool transposed = false; ///< gradients [r, cols]
  uint64_t workspace = 0;  ///< less than there is
};

std::ostream &operator<<(std::ostream &to, const Case &c) {
  return to << c.rows << " x " << c.cols << ", rank " << c.rank << ", behind " << c.behind
            << (c.transposed ? ", transposed" : "") << ", workspace " << c.workspace;
}

class MapWeightGrads : public ::testing::TestWithParam<Case> {
protected:
  void SetUp() override {
    kept = cudaOf(context).workspaceBytes;
    cudaMemset(cudaOf(context).workspace, 0xff, kept);
    if (GetParam().workspace)
      cudaOf(context).workspaceBytes = GetParam().workspace;
  }
  void TearDown() override { cudaOf(context).workspaceBytes = kept; }

  static Doubles random(uint32_t seed, double scale = 1) {
    return randomValues(size_t(GetParam().rows * GetParam().cols), seed, scale);
  }
  static Doubles randomThin(uint32_t seed) {
    return randomValues(size_t(GetParam().rows * GetParam().rank), seed, 0.25);
  }
  /// before + scale * x^T thin, or its transpose
  static Doubles summed(const Doubles &before, const Doubles &x, const Doubles &thin, double scale) {
    const Case c = GetParam();
    Doubles result = before;
    for (int64_t row = 0; row < c.rows; ++row)
      for (int64_t i = 0; i < c.cols; ++i)
        for (int64_t j = 0; j < c.rank; ++j)
          result[size_t(c.transposed ? j * c.cols + i : i * c.rank + j)] +=
              scale * x[size_t(row * c.cols + i)] * thin[size_t(row * c.rank + j)];
    return result;
  }

private:
  uint64_t kept = 0;
};

TEST_P(MapWeightGrads, OfThreeResults) {
  const Case c = GetParam();
  const std::initializer_list<int64_t> shape = {c.rows, c.cols}, thin = {c.rows, c.rank},
                                       byColumn = {c.cols, c.rank}, byRank = {c.rank, c.cols},
                                       grad = c.transposed ? byRank : byColumn;
  const Doubles gates = random(1, 3), ups = random(2), sGates = randomThin(6), sUps = randomThin(7),
                sProducts = randomThin(8), before = randomValues(size_t(c.rank * c.cols), 9);
  Columns<bf16> gate(shape, gates, 16, 48), up(shape, ups, 16, 48), dup(shape, 16, 48);
  Owned<bf16> dy(shape, random(3)), plainUp(shape), plainGate(shape), plainProduct(shape);
  map<swigluGrad>(context, plainProduct.tensor(), plainUp.tensor(), plainGate.tensor(), gate.tensor(),
                  up.tensor(), dy.tensor());
  Columns<bf16> sGate(thin, sGates, 0, c.behind), sUp(thin, sUps, 0, c.behind),
      sProduct(thin, sProducts, 0, c.behind);
  Owned<float> gradUp(grad, before), gradGate(grad, before), gradProduct(grad, before);
  const float scales[] = {2, 0.5f, 1};
  // The gate's slope goes where the gate was; the product is not written.
  map_weight_grads<swigluGrad, 0b110, 0b111>(
      context, gradProduct.tensor(), gradUp.tensor(), gradGate.tensor(), dup.tensor(), gate.tensor(),
      sProduct.tensor(), sUp.tensor(), sGate.tensor(), gate.tensor(), up.tensor(), dy.tensor(), scales, 3);
  EXPECT_EQ(dup.doubles(), plainUp.doubles());
  EXPECT_EQ(gate.doubles(), plainGate.doubles());
  const double tolerance = sumTolerance(c.rows);
  expectClose<float>(gradProduct.doubles(), summed(before, plainProduct.doubles(), sProducts, 2), tolerance);
  expectClose<float>(gradUp.doubles(), summed(before, plainUp.doubles(), sUps, 0.5), tolerance);
  expectClose<float>(gradGate.doubles(), summed(before, plainGate.doubles(), sGates, 1), tolerance);
}

TEST_P(MapWeightGrads, OfSomeResults) {
  const Case c = GetParam();
  const std::initializer_list<int64_t> shape = {c.rows, c.cols}, thin = {c.rows, c.rank},
                                       byColumn = {c.cols, c.rank}, byRank = {c.rank, c.cols},
                                       grad = c.transposed ? byRank : byColumn;
  Owned<bf16> gate(shape, random(1, 3)), up(shape, random(2)), plain(shape), y(shape);
  const Doubles ss = randomThin(4), before = randomValues(size_t(c.rank * c.cols), 5);
  Columns<bf16> s(thin, ss, 0, c.behind);
  map<swiglu>(context, plain.tensor(), gate.tensor(), up.tensor());
  const float scales[] = {1};
  Doubles first;
  for (int run = 0; run < 3; ++run) { // the same bits each time
    Owned<float> sum(grad, before);
    map_weight_grads<swiglu, 0b1, 0b1>(context, sum.tensor(), y.tensor(), s.tensor(), gate.tensor(),
                                       up.tensor(), scales, 1);
    EXPECT_EQ(y.doubles(), plain.doubles());
    if (!run)
      first = sum.doubles();
    EXPECT_EQ(sum.doubles(), first);
  }
  expectClose<float>(first, summed(before, plain.doubles(), ss, 1), sumTolerance(c.rows));
}

INSTANTIATE_TEST_SUITE_P(Shapes, MapWeightGrads,
                         ::testing::Values(Case{1, 8, 16}, Case{16, 512, 16}, Case{33, 520, 16, 48},
                                           Case{250, 40, 8, 0, true}, Case{100, 1096, 3},
                                           Case{70, 264, 5, 3, true}, Case{513, 1536, 16, 48, true},
                                           Case{4200, 256, 16, 48}, Case{700, 1104, 16, 0, false, 500000},
                                           Case{1000, 520, 16, 48, true, 100000}));

} // namespace
} // namespace peft::rt
