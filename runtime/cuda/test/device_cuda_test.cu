//===- device_cuda_test.cu - a GPU that is full, and one that fails -------===//
//
// Failures on purpose, the last of which leaves the process without its GPU: apart from
// the kernels' tests, and not for compute-sanitizer.
//
//===----------------------------------------------------------------------===//

#include "kernel_testing.h"
#include "peft/runtime/cuda/launch.h"

#include <string>

namespace peft::rt {
namespace {

__global__ void addOne(int32_t *x) { ++*x; }
__global__ void trap(const int32_t *x) {
  if (*x > 0)
    __trap();
}

/// A sentence for a terminal: nothing of it is lost, nothing is on a second line.
void expectOneLine(const Status &status, const std::string &begin) {
  ASSERT_FALSE(status.isOk());
  EXPECT_EQ(status.message().substr(0, begin.size()), begin) << status.message();
  EXPECT_EQ(status.message().find('\n'), std::string::npos) << status.message();
}

TEST(DeviceCuda, TooMuchIsRefusedWithWhatIsFreeAndTheNextAllocationWorks) {
  const device::Memory memory = device::memory();
  ASSERT_GT(memory.free, 0u);
  ASSERT_LE(memory.free, memory.total);
  const auto refused = device::allocate(memory.total + 1);
  ASSERT_FALSE(refused);
  expectOneLine(refused.status(), "not enough memory on ");
  EXPECT_NE(refused.status().message().find("the program needs "), std::string::npos);
  EXPECT_NE(refused.status().message().find(" are free"), std::string::npos);
  Owned<int32_t> counter({1});
  EXPECT_TRUE(
      device::run(0x6f6e65, [&] { launch(context, "add_one", 1, 1, addOne, counter.tensor().data); }).isOk());
  EXPECT_EQ(counter.values(), Ints{1});
}

TEST(DeviceCuda, WorkThatWasStartedIsDoneWhenItIsDownloaded) {
  Owned<int32_t> counter({1});
  for (int32_t run = 1; run <= 4; ++run) { // call by call, recorded, replayed
    ASSERT_TRUE(device::start(0x74776f, [&] {
                  launch(context, "add_one", 1, 1, addOne, counter.tensor().data);
                }).isOk());
    EXPECT_EQ(counter.values(), Ints{run});
  }
}

TEST(DeviceCuda, SharedMemoryIsThereBeforeWhatFollows) {
  Shared<int32_t> from(41);
  Owned<int32_t> to({1});
  ASSERT_TRUE(device::uploadShared(to.tensor().data,
                                   static_cast<const int32_t *>(&static_cast<const int32_t &>(from)),
                                   sizeof(int32_t))
                  .isOk());
  ASSERT_TRUE(
      device::run(0x746872, [&] { launch(context, "add_one", 1, 1, addOne, to.tensor().data); }).isOk());
  EXPECT_EQ(to.values(), Ints{42});
}

/// More than both pinned buffers hold.
TEST(DeviceCuda, RowsGoToWhereTheyLieFartherApart) {
  const int64_t rows = 70001, cols = 250, pitch = 261;
  Owned<int32_t> to({rows, pitch});
  const Ints before(size_t(rows * pitch), -1);
  to.upload(before);
  Ints from, want = before;
  for (int64_t i = 0; i < rows * cols; ++i) {
    from.push_back(int32_t(i));
    want[size_t(i / cols * pitch + i % cols)] = int32_t(i);
  }
  const Status status =
      device::uploadRows(reinterpret_cast<char *>(to.tensor().data), pitch * sizeof(int32_t), from.data(),
                         cols * sizeof(int32_t), rows);
  ASSERT_TRUE(status.isOk()) << status.message();
  EXPECT_TRUE(to.values() == want);
}

/// In a process of its own: after a trap the driver gives nothing more.
TEST(DeviceCudaDeathTest, AKernelThatFailsIsSaidOnceAndOften) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        int32_t *flag = reinterpret_cast<int32_t *>(mustHave(device::allocate(sizeof(int32_t))));
        const int32_t one = 1;
        int failures = 0;
        failures += !device::upload(flag, &one, sizeof one).isOk();
        const Status first = device::run(0x666f75, [&] { launch(context, "trap", 1, 1, trap, flag); });
        failures += first.isOk() || first.message().rfind("the gpu failed: ", 0) != 0;
        int32_t value = 0;
        const Status second = device::download(&value, flag, sizeof value);
        failures += second.isOk() || second.message().find('\n') != std::string::npos;
        fprintf(stderr, "%s | %s\n", first.message().c_str(), second.message().c_str());
        _exit(failures);
      },
      ::testing::ExitedWithCode(0), "the gpu failed: ");
}

} // namespace
} // namespace peft::rt
