//===- borders_kernel_test.cpp - matrices and what lies beside them -------===//

#include "kernel_testing.h"

#include <cstring>

namespace peft::rt {
namespace {

template <class T> class BordersKernel : public ::testing::Test {};
TYPED_TEST_SUITE(BordersKernel, ElementTypes);

constexpr int64_t floats = 5000, elements = 40000; ///< of the arena: trainable, and of T behind them
constexpr uint64_t toElements = floats * sizeof(float);

/// Right of a matrix, below one, one row, one column, and one of rows that no vector divides. The device may
/// keep a table that it has seen.
template <class T>
const Border table[] = {{0, toElements + 40 * sizeof(T), 33, 16, 56, 2.0f},
                        {4 * 600, toElements + 33 * 56 * sizeof(T), 16, 40, 56, 1.0f},
                        {4 * 1300, toElements + 5001 * sizeof(T), 1, 700, 700, -0.5f},
                        {4 * 2001, toElements + 9000 * sizeof(T), 301, 1, 3, 0.125f},
                        {4 * 2400, toElements + 20003 * sizeof(T), 67, 37, 131, 3.0f}};

TYPED_TEST(BordersKernel, AreCopiedAndScaled) {
  using T = TypeParam;
  Owned<uint8_t> arena({int64_t(toElements + elements * sizeof(T))});
  Context in = context;
  in.arena = reinterpret_cast<char *>(arena.tensor().data);
  for (uint32_t time = 0; time < 4; ++time) { // the values change, the table does not
    const Doubles trained = randomValues(floats, time), before = randomValues(elements, 10 + time);
    const std::vector<float> values(trained.begin(), trained.end());
    std::vector<T> want;
    for (double value : before)
      want.push_back(fromFloat<T>(float(value)));
    std::vector<uint8_t> bytes(toElements + elements * sizeof(T));
    memcpy(bytes.data(), values.data(), toElements);
    memcpy(bytes.data() + toElements, want.data(), elements * sizeof(T));
    arena.upload(bytes);
    for (const Border &b : table<T>)
      for (int64_t i = 0; i < b.rows; ++i)
        for (int64_t j = 0; j < b.cols; ++j)
          want[(b.to - toElements) / sizeof(T) + i * b.pitch + j] =
              fromFloat<T>(b.scale * values[b.from / sizeof(float) + i * b.cols + j]);
    Status status = device::run(sizeof(T), [&] { fill_borders<T>(in, table<T>, std::size(table<T>)); });
    ASSERT_TRUE(status.isOk()) << status.message();
    memcpy(bytes.data() + toElements, want.data(), elements * sizeof(T));
    EXPECT_EQ(arena.values(), bytes); // what is not a border, too
  }
}

TEST(BordersKernel, UploadsRowsApart) {
  struct {
    int64_t rows, cols, pitch;
  } cases[] = {{1, 7, 7}, {3, 5, 9}, {100, 48, 64}, {5000, 2048, 2065}}; // the last is 40 MB
  for (auto c : cases) {
    std::vector<float> values, want(c.rows * c.pitch, 7.0f);
    for (int64_t i = 0; i < c.rows * c.cols; ++i) {
      values.push_back(float(i % 9973));
      want[i / c.cols * c.pitch + i % c.cols] = values.back();
    }
    Owned<float> to({c.rows, c.pitch});
    to.upload(std::vector<float>(want.size(), 7.0f));
    Status status = device::uploadRows(reinterpret_cast<char *>(to.tensor().data), c.pitch * sizeof(float),
                                       values.data(), c.cols * sizeof(float), c.rows);
    ASSERT_TRUE(status.isOk()) << status.message();
    EXPECT_TRUE(to.values() == want) << c.rows << " rows";
  }
}

} // namespace
} // namespace peft::rt
