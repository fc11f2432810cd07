//===- copy_memory.h - a tensor copied by the driver ----------------------===//

#ifndef PEFT_RUNTIME_CUDA_COPY_MEMORY_H
#define PEFT_RUNTIME_CUDA_COPY_MEMORY_H

#include "check.h"
#include "peft/runtime/cuda/vector.h"

namespace peft::rt {

/// y = x, either of which may be columns of a wider tensor; a dense one may have another shape.
template <class T>
cudaError_t copyMemory(const Tensor<T> &y, const Tensor<const T> &x, cudaMemcpyKind kind,
                       cudaStream_t stream) {
  if (!x.size())
    return cudaSuccess;
  const int64_t cols = isDense(x) ? y.cols() : x.cols();
  const size_t row = size_t(cols) * sizeof(T), rows = size_t(x.size() / cols);
  if (isDense(y) && isDense(x))
    return cudaMemcpyAsync(y.data, x.data, rows * row, kind, stream);
  auto pitch = [&](const auto &of) { return isDense(of) ? row : size_t(of.pitch) * sizeof(T); };
  return cudaMemcpy2DAsync(y.data, pitch(y), x.data, pitch(x), row, rows, kind, stream);
}

} // namespace peft::rt

#endif // PEFT_RUNTIME_CUDA_COPY_MEMORY_H
