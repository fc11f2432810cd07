//===- device_errors.cpp - a GPU that is missing, old, full or broken -----===//

#include "device_errors.h"

#include "peft/runtime/memory_advice.h"

namespace peft::device {

/// 13000 -> "13.0".
static std::string versionText(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

Status gpuStatus(cudaError_t error, const char *what) {
  if (error == cudaSuccess)
    return Status::ok();
  cudaGetLastError(); // reported here: no launch shall find it again
  return Status::error(std::string(what) + ": " + cudaGetErrorString(error));
}

Gpu askGpu() {
  Gpu gpu;
  cudaRuntimeGetVersion(&gpu.runtime);
  if (cudaDriverGetVersion(&gpu.driver))
    gpu.driver = 0;
  gpu.error = cudaGetDeviceCount(&gpu.count);
  cudaDeviceProp properties{};
  if (gpu.error || gpu.count == 0 || cudaGetDeviceProperties(&properties, 0))
    return gpu;
  gpu.name = properties.name;
  gpu.major = properties.major;
  gpu.minor = properties.minor;
  return gpu;
}

void askMemory(Gpu &gpu) {
  if (cudaMemGetInfo(&gpu.free, &gpu.total))
    gpu.free = gpu.total = 0;
}

Status checkGpu(const Gpu &gpu) {
  const std::string needed = versionText(gpu.runtime) + " or newer";
  if (gpu.driver == 0)
    return Status::error("no nvidia driver found; this program needs a gpu and a driver for cuda " + needed);
  if (gpu.error == cudaErrorInsufficientDriver)
    return Status::error("the nvidia driver is for cuda " + versionText(gpu.driver) +
                         ", this program needs " + needed + "; update the driver");
  if (gpu.error == cudaErrorNoDevice || (!gpu.error && gpu.count == 0))
    return Status::error(
        "no gpu found; this program needs one of compute capability 9.0 or 8.x (is CUDA_VISIBLE_DEVICES "
        "empty?)");
  if (gpu.error)
    return gpuStatus(gpu.error, "cannot use the gpu");
  if (gpu.major != 8 && (gpu.major != 9 || gpu.minor != 0))
    return Status::error(gpu.name + " has compute capability " + std::to_string(gpu.major) + "." +
                         std::to_string(gpu.minor) + ", this program is compiled for 9.0 and 8.x");
  return Status::ok();
}

Status outOfMemory(const Gpu &gpu, const std::string &what, uint64_t bytes) {
  return Status::error("not enough memory on " + gpu.name + ": " + what + " needs " + bytesText(bytes) +
                       ", " + bytesText(gpu.free) + " of " + bytesText(gpu.total) + " are free");
}

Status allocationStatus(cudaError_t error, const char *what, uint64_t bytes) {
  if (error != cudaErrorMemoryAllocation)
    return gpuStatus(error, "cannot allocate memory of the gpu");
  cudaGetLastError();
  Gpu gpu = askGpu();
  askMemory(gpu);
  return outOfMemory(gpu, what, bytes);
}

} // namespace peft::device
