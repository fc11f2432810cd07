//===- chunks.cu - runs of as many rows as there are labels ---------------===//
//
// How many rows have a label is known on the device only. Call by call, the host waits
// for the number. In a captured graph each run that could be is the body of an IF node,
// and a kernel of one thread before it sets the condition: what lies beyond the last
// label costs no more than that.
//
//===----------------------------------------------------------------------===//

#include "check.h"
#include "peft/runtime/cuda/launch.h"
#include "peft/runtime/place.h"

#include <functional>

namespace peft::rt {
namespace {

using Run = std::function<void(int64_t)>;

__global__ void setCondition(cudaGraphConditionalHandle handle, const int32_t *count, int64_t first) {
  cudaGraphSetConditional(handle, first < *count);
}

void runNow(const peft_context_t &ctx, const int32_t *count, int64_t size, const Run &run) {
  const cudaStream_t stream = streamOf(ctx);
  int32_t rows = 0;
  if (!check(ctx, cudaMemcpyAsync(&rows, count, sizeof rows, cudaMemcpyDeviceToHost, stream),
             "labelled rows") ||
      !check(ctx, cudaStreamSynchronize(stream), "labelled rows"))
    return;
  for (int64_t chunk = 0; chunk * size < rows; ++chunk)
    run(chunk);
}

/// What the stream has recorded: the graph, and what the next node must wait for.
struct Recording {
  cudaGraph_t graph = nullptr;
  const cudaGraphNode_t *last = nullptr;
  const cudaGraphEdgeData *edges = nullptr;
  size_t count = 0;

  bool read(const peft_context_t &ctx, cudaStream_t stream) {
    cudaStreamCaptureStatus status{};
    return check(ctx, cudaStreamGetCaptureInfo(stream, &status, nullptr, &graph, &last, &edges, &count),
                 "capture");
  }
};

/// An IF node after what is recorded; its body, or null.
cudaGraph_t addIf(const peft_context_t &ctx, const int32_t *count, int64_t first) {
  const cudaStream_t stream = streamOf(ctx);
  Recording recording;
  cudaGraphConditionalHandle handle{};
  if (!recording.read(ctx, stream) ||
      !check(ctx, cudaGraphConditionalHandleCreate(&handle, recording.graph, 0, 0), "condition"))
    return nullptr;
  setCondition<<<1, 1, 0, stream>>>(handle, count, first);
  if (!check(ctx, cudaGetLastError(), "condition") || !recording.read(ctx, stream))
    return nullptr;
  cudaGraphNodeParams params{};
  params.type = cudaGraphNodeTypeConditional;
  params.conditional.handle = handle;
  params.conditional.type = cudaGraphCondTypeIf;
  params.conditional.size = 1;
  cudaGraphNode_t node = nullptr;
  if (!check(
          ctx,
          cudaGraphAddNode(&node, recording.graph, recording.last, recording.edges, recording.count, &params),
          "condition") ||
      !check(ctx,
             cudaStreamUpdateCaptureDependencies(stream, &node, nullptr, 1, cudaStreamSetCaptureDependencies),
             "condition"))
    return nullptr;
  return params.conditional.phGraph_out[0];
}

void record(const peft_context_t &ctx, const int32_t *count, int64_t size, const Run &run) {
  CudaContext &cuda = cudaOf(ctx);
  const cudaStream_t outer = cuda.stream;
  static cudaStream_t inner = nullptr; // one device, one thread
  if (!inner && !check(ctx, cudaStreamCreateWithFlags(&inner, cudaStreamNonBlocking), "capture"))
    return;
  for (int64_t chunk = 0; chunk * size < cuda.mostRows; ++chunk) {
    cudaGraph_t body = addIf(ctx, count, chunk * size);
    if (!body ||
        !check(ctx,
               cudaStreamBeginCaptureToGraph(inner, body, nullptr, nullptr, 0, cudaStreamCaptureModeRelaxed),
               "capture"))
      return;
    cuda.stream = inner;
    run(chunk);
    cuda.stream = outer;
    if (!check(ctx, cudaStreamEndCapture(inner, &body), "capture"))
      return;
  }
}

} // namespace

void forEachChunk(const peft_context_t &ctx, const int32_t *count, int64_t size, const Run &run) {
  if (cudaOf(ctx).capturing)
    record(ctx, count, size, run);
  else
    runNow(ctx, count, size, run);
}

} // namespace peft::rt
