//===- device_errors_test.cpp - what is said of a GPU that does not do ----===//
//
// Without a GPU: the driver's answers are made up.
//
//===----------------------------------------------------------------------===//

#include "device_errors.h"

#include <gtest/gtest.h>

using namespace peft;
using namespace peft::device;

namespace {

Gpu hopper() {
  Gpu gpu;
  gpu.driver = gpu.runtime = 13000;
  gpu.count = 1;
  gpu.name = "NVIDIA H200";
  gpu.major = 9;
  return gpu;
}

} // namespace

TEST(DeviceErrors, AGpuThatDoes) {
  Gpu gpu = hopper();
  EXPECT_TRUE(checkGpu(gpu));
  gpu.major = 8, gpu.minor = 6;
  EXPECT_TRUE(checkGpu(gpu));
}

TEST(DeviceErrors, NoDriver) {
  Gpu gpu = hopper();
  gpu.driver = 0;
  gpu.error = cudaErrorInsufficientDriver;
  EXPECT_EQ(checkGpu(gpu).message(),
            "no nvidia driver found; this program needs a gpu and a driver for cuda 13.0 or newer");
}

TEST(DeviceErrors, AnOlderDriver) {
  Gpu gpu = hopper();
  gpu.driver = 12080;
  gpu.error = cudaErrorInsufficientDriver;
  EXPECT_EQ(checkGpu(gpu).message(),
            "the nvidia driver is for cuda 12.8, this program needs 13.0 or newer; update the driver");
}

TEST(DeviceErrors, NoGpu) {
  for (cudaError_t error : {cudaErrorNoDevice, cudaSuccess}) {
    Gpu gpu = hopper();
    gpu.count = 0;
    gpu.error = error;
    EXPECT_EQ(checkGpu(gpu).message(),
              "no gpu found; this program needs one of compute capability 9.0 or 8.x (is "
              "CUDA_VISIBLE_DEVICES empty?)");
  }
}

TEST(DeviceErrors, AGpuOfAnotherKind) {
  Gpu gpu = hopper();
  gpu.name = "Tesla V100", gpu.major = 7;
  EXPECT_EQ(checkGpu(gpu).message(),
            "Tesla V100 has compute capability 7.0, this program is compiled for 9.0 and 8.x");
  gpu.name = "NVIDIA B200", gpu.major = 10;
  EXPECT_FALSE(checkGpu(gpu));
}

TEST(DeviceErrors, TooLittleMemory) {
  Gpu gpu = hopper();
  gpu.free = size_t(12.3 * double(1 << 30));
  gpu.total = size_t(139.7 * double(1 << 30));
  EXPECT_EQ(outOfMemory(gpu, "the program", uint64_t(83) << 29).message(),
            "not enough memory on NVIDIA H200: the program needs 41.5 GiB, 12.3 GiB of 139.7 GiB are free");
}
