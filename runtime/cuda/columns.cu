//===- columns.cu - some columns of a matrix replaced, or read ------------===//
//
// Columns are few beside those of a vocabulary: in place, only they are touched.
//
//===----------------------------------------------------------------------===//

#include "constants.h"
#include "peft/runtime/cuda/launch.h"
#include "peft/runtime/kernels.h"

namespace peft::rt {
namespace {

/// y[i, indices[j]] = columns[i, j], or 0 without columns.
template <class T>
__global__ void writeColumns(T *y, const T *columns, const int32_t *indices, int64_t total, int64_t cols,
                             int64_t count) {
  const int64_t at = threadNumber();
  if (at < total)
    y[at / count * cols + indices[at % count]] = columns ? columns[at] : fromFloat<T>(0);
}

template <class T>
__global__ void readColumns(T *y, const T *x, const int32_t *indices, int64_t total, int64_t cols,
                            int64_t count) {
  const int64_t at = threadNumber();
  if (at < total)
    y[at] = x[at / count * cols + indices[at % count]];
}

template <class T>
void replace(const Context &ctx, const char *name, Tensor<T> y, Tensor<const T> x, const T *columns,
             const int32_t *indices, int64_t count) {
  copy<T>(ctx, y, x);
  const int64_t total = x.rows() * count;
  launch(ctx, name, blocksFor(total), blockThreads, writeColumns<T>, y.data, columns,
         onDevice(ctx, indices, count), total, x.cols(), count);
}

} // namespace

template <class T>
void override_columns(const Context &ctx, Tensor<T> y, Tensor<const T> x, Tensor<const T> columns,
                      const int32_t *indices, int64_t count) {
  replace(ctx, "override_columns", y, x, columns.data, indices, count);
}

template <class T>
void override_columns_grad(const Context &ctx, Tensor<T> dx, Tensor<const T> dy, const int32_t *indices,
                           int64_t count) {
  replace(ctx, "override_columns_grad", dx, dy, static_cast<const T *>(nullptr), indices, count);
}

template <class T>
void select_columns(const Context &ctx, Tensor<T> y, Tensor<const T> x, const int32_t *indices,
                    int64_t count) {
  const int64_t total = x.rows() * count;
  launch(ctx, "select_columns", blocksFor(total), blockThreads, readColumns<T>, y.data, x.data,
         onDevice(ctx, indices, count), total, x.cols(), count);
}

#define INSTANTIATE(T)                                                                                       \
  template void override_columns(const Context &, Tensor<T>, Tensor<const T>, Tensor<const T>,               \
                                 const int32_t *, int64_t);                                                  \
  template void override_columns_grad(const Context &, Tensor<T>, Tensor<const T>, const int32_t *,          \
                                      int64_t);                                                              \
  template void select_columns(const Context &, Tensor<T>, Tensor<const T>, const int32_t *, int64_t);
INSTANTIATE(float)
INSTANTIATE(bf16)

} // namespace peft::rt
