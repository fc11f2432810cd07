//===- device_errors.cpp - a GPU that is missing, old, full or broken -----===//

#include "device_errors.h"

#include <string>

namespace peft::device {
namespace {

/// 13000 -> "13.0".
std::string versionText(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string mebibytes(uint64_t bytes) { return std::to_string((bytes + (uint64_t(1) << 20) - 1) >> 20) + " MiB"; }

std::string nameOfGpu() {
  cudaDeviceProp properties{};
  return cudaGetDeviceProperties(&properties, 0) ? "the gpu" : std::string(properties.name);
}

} // namespace

Status gpuStatus(cudaError_t error, const char *what) {
  if (error == cudaSuccess)
    return Status::ok();
  cudaGetLastError(); // reported here: no launch shall find it again
  return Status::error(std::string(what) + ": " + cudaGetErrorString(error));
}

Status checkGpu() {
  int driver = 0, runtime = 0, count = 0;
  cudaRuntimeGetVersion(&runtime);
  if (cudaDriverGetVersion(&driver) || driver == 0)
    return Status::error("no nvidia driver found; this program needs a gpu and a driver for cuda " +
                         versionText(runtime) + " or newer");
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaErrorInsufficientDriver)
    return Status::error("the nvidia driver is for cuda " + versionText(driver) + ", this program needs " +
                         versionText(runtime) + " or newer; update the driver");
  if (error == cudaErrorNoDevice || (!error && count == 0))
    return Status::error("no gpu found; this program needs one of compute capability 9.0 or 8.x (is CUDA_VISIBLE_DEVICES "
                         "empty?)");
  if (error)
    return gpuStatus(error, "cannot use the gpu");
  int major = 0, minor = 0;
  cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0);
  cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0);
  if (major != 8 && (major != 9 || minor != 0))
    return Status::error(nameOfGpu() + " has compute capability " + std::to_string(major) + "." + std::to_string(minor) +
                         ", this program is compiled for 9.0 and 8.x");
  return Status::ok();
}

Status outOfMemory(cudaError_t error, const char *what, uint64_t bytes) {
  if (error != cudaErrorMemoryAllocation)
    return gpuStatus(error, "cannot allocate memory of the gpu");
  cudaGetLastError();
  size_t free = 0, total = 0;
  if (cudaMemGetInfo(&free, &total))
    return gpuStatus(error, "cannot allocate memory of the gpu");
  return Status::error("not enough memory on " + nameOfGpu() + ": " + what + " wants " + mebibytes(bytes) + ", " +
                       mebibytes(free) + " of " + mebibytes(total) +
                       " are free; compile with a smaller --batch, --seq-len or --memory");
}

} // namespace peft::device
