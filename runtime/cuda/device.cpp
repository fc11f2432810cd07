//===- device.cpp - one NVIDIA GPU as the device --------------------------===//
//
// Everything is enqueued on one stream. A run of calls that comes again is captured into
// a graph: its first run goes call by call, since libraries choose and load their kernels
// then, the second one records, later ones replay.
//
//===----------------------------------------------------------------------===//

#include "peft/runtime/device.h"

#include "attention.h"
#include "context.h"
#include "device_errors.h"
#include "gemm.h"
#include "peft/runtime/abi.h"
#include "peft/runtime/file.h"
#include "staging.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

namespace peft::device {
namespace {

/// The libraries' workspace until the plan says how much.
constexpr uint64_t workspaceBytes = uint64_t(64) << 20;

struct Recorded {
  bool ran = false;
  cudaGraphExec_t graph = nullptr;
};

struct Device {
  rt::CudaContext context;
  char *ownWorkspace = nullptr;                               ///< until a program brings its planned one
  std::map<std::pair<uint64_t, uint64_t>, Recorded> recorded; ///< by the caller's key and the batch's layout
  std::unique_ptr<Staging> staging;
};

/// Never destroyed: the driver may be gone before it.
Device *device = nullptr;

Status take(Device &fresh) {
  PEFT_TRY(checkGpu(askGpu()));
  PEFT_TRY(gpuStatus(cudaSetDevice(0), "cannot use the gpu"));
  rt::CudaContext &context = fresh.context;
  int major = 0, minor = 0;
  PEFT_TRY(
      gpuStatus(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0), "cannot ask the gpu"));
  PEFT_TRY(
      gpuStatus(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0), "cannot ask the gpu"));
  PEFT_TRY(gpuStatus(cudaDeviceGetAttribute(&context.multiprocessors, cudaDevAttrMultiProcessorCount, 0),
                     "cannot ask the gpu"));
  context.capability = 10 * major + minor;
  PEFT_TRY(
      gpuStatus(cudaStreamCreateWithFlags(&context.stream, cudaStreamNonBlocking), "cannot use the gpu"));
  if (cudaError_t error = cudaMalloc(&fresh.ownWorkspace, workspaceBytes))
    return allocationStatus(error, "the libraries' workspace", workspaceBytes);
  context.workspace = fresh.ownWorkspace;
  context.workspaceBytes = workspaceBytes;
  auto staging = Staging::create();
  if (!staging)
    return staging.status();
  fresh.staging = std::move(*staging);
  return Status::ok();
}

/// Records the calls, and makes a graph of them.
Status record(Recorded &run, const std::function<void()> &enqueue) {
  rt::CudaContext &context = device->context;
  PEFT_TRY(gpuStatus(cudaStreamBeginCapture(context.stream, cudaStreamCaptureModeRelaxed),
                     "cannot record a step"));
  context.capturing = true;
  enqueue();
  context.capturing = false;
  cudaGraph_t graph = nullptr;
  const cudaError_t ended = cudaStreamEndCapture(context.stream, &graph);
  if (!context.failure.empty() || ended) {
    if (graph)
      cudaGraphDestroy(graph);
    PEFT_TRY(wait());
    return gpuStatus(ended, "cannot record a step");
  }
  const cudaError_t made = cudaGraphInstantiate(&run.graph, graph, 0);
  cudaGraphDestroy(graph);
  return gpuStatus(made, "cannot make a graph of a step");
}

/// The machine's file of choices, so that another run makes the same; empty where there is no home.
std::string choicesFile() {
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  if (cache && *cache)
    return joinPath(cache, "peft-mlir/gemm.json");
  return home && *home ? joinPath(home, ".cache/peft-mlir/gemm.json") : "";
}

/// Choices made since the last call go to the machine's file. One that can't be written costs time, not
/// results.
void keepChoices() {
  static uint64_t kept = 0;
  const std::string path = choicesFile();
  if (path.empty() || rt::gemmChoicesMade() == kept)
    return;
  kept = rt::gemmChoicesMade();
  if (makeDirectories(path.substr(0, path.rfind('/'))))
    (void)rt::saveGemmCache(path).isOk();
}

} // namespace

const char *target() { return "cuda"; }

Status saveChoices(const std::string &path) { return rt::saveGemmCache(path); }

Status loadChoices(const std::string &path) {
  if (const Status status = rt::loadGemmCache(path); !status)
    fprintf(stderr, "warning: %s\n", status.message().c_str());
  return Status::ok();
}

Result<void *> open() {
  if (!device) {
    auto fresh = std::make_unique<Device>();
    PEFT_TRY(take(*fresh));
    device = fresh.release();
    PEFT_TRY(rt::openGemm());
    rt::openAttention();
    if (const std::string path = choicesFile(); !path.empty())
      PEFT_TRY(loadChoices(path));
  }
  return static_cast<void *>(&device->context);
}

Memory memory() {
  size_t free = 0, total = 0;
  if (!open() || cudaMemGetInfo(&free, &total))
    return {};
  return {free, total};
}

Result<char *> allocate(uint64_t bytes) {
  if (auto opened = open(); !opened)
    return opened.status();
  if (bytes == 0)
    return static_cast<char *>(nullptr);
  char *memory = nullptr;
  if (cudaError_t error = cudaMalloc(&memory, bytes))
    return allocationStatus(error, "the program", bytes);
  PEFT_TRY(fillZero(memory, bytes));
  return memory;
}

void release(char *memory, uint64_t) {
  if (!memory)
    return;
  cudaStreamSynchronize(device->context.stream);
  cudaFree(memory);
}

Result<void *> allocateShared(uint64_t bytes) {
  if (auto opened = open(); !opened)
    return opened.status();
  // Pinned, at the same address for both sides: kernels read it over the bus.
  void *memory = nullptr;
  PEFT_TRY(gpuStatus(cudaHostAlloc(&memory, bytes, cudaHostAllocDefault), "cannot allocate pinned memory"));
  memset(memory, 0, bytes);
  return memory;
}

void releaseShared(void *memory) {
  if (!memory)
    return;
  cudaStreamSynchronize(device->context.stream);
  cudaFreeHost(memory);
}

Status upload(void *to, const void *from, uint64_t bytes) {
  return bytes ? device->staging->upload(to, from, bytes, device->context.stream) : Status::ok();
}

Status uploadRows(char *to, uint64_t pitch, const void *from, uint64_t rowBytes, uint64_t rows) {
  return rowBytes && rows
             ? device->staging->uploadRows(to, pitch, from, rowBytes, rows, device->context.stream)
             : Status::ok();
}

Status download(void *to, const void *from, uint64_t bytes) {
  PEFT_TRY(wait()); // what was enqueued may have failed, and then there is nothing to read
  if (bytes == 0)
    return Status::ok();
  PEFT_TRY(gpuStatus(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, device->context.stream),
                     "cannot copy from the gpu"));
  return gpuStatus(cudaStreamSynchronize(device->context.stream), "cannot copy from the gpu");
}

Status fillZero(void *memory, uint64_t bytes) {
  PEFT_TRY(
      gpuStatus(cudaMemsetAsync(memory, 0, bytes, device->context.stream), "cannot clear memory of the gpu"));
  return gpuStatus(cudaStreamSynchronize(device->context.stream), "cannot clear memory of the gpu");
}

Status uploadShared(void *to, const void *from, uint64_t bytes) {
  return gpuStatus(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, device->context.stream),
                   "cannot copy to the gpu");
}

void useWorkspace(char *memory, uint64_t bytes) {
  rt::CudaContext &context = device->context;
  cudaFree(device->ownWorkspace);
  device->ownWorkspace = nullptr;
  context.workspace = memory;
  context.workspaceBytes = bytes;
}

void setDeterministic(bool on) { device->context.deterministic = on; }

void expectBatch(const int32_t *segments, int64_t batch, int64_t seq) {
  device->context.attention = rt::layoutOf(segments, batch, seq);
}

Status multipliesFp8() {
  if (auto opened = open(); !opened)
    return opened.status();
  const int capability = device->context.capability;
  if (capability == 90)
    return Status::ok();
  return Status::error(
      "fp8 products with a scale a row need a gpu of compute capability 9.0 (hopper), this one has " +
      std::to_string(capability / 10) + "." + std::to_string(capability % 10) +
      "; compile without --quantize fp8");
}

bool readsHostMemory() { return false; }

Status start(uint64_t key, const std::function<void()> &enqueue) {
  rt::CudaContext &context = device->context;
  Recorded &run = device->recorded[{key, context.attention.key()}];
  if (!run.ran) {
    run.ran = true;
    enqueue();
    keepChoices();
    return Status::ok();
  }
  if (!run.graph)
    PEFT_TRY(record(run, enqueue));
  return gpuStatus(cudaGraphLaunch(run.graph, context.stream), "cannot start a step");
}

Status wait() {
  rt::CudaContext &context = device->context;
  const cudaError_t error = cudaStreamSynchronize(context.stream);
  const std::string failure = std::exchange(context.failure, std::string()); // of a launch; else of a kernel
  cudaGetLastError(); // kept by the driver too; the next launch shall not find it
  if (!failure.empty())
    return Status::error("the gpu refused " + failure);
  return gpuStatus(error, "the gpu failed");
}

} // namespace peft::device
