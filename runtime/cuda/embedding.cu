//===- embedding.cu - rows of a table, and replaced rows ------------------===//

#include "constants.h"
#include "copy_rows.h"
#include "peft/runtime/kernels.h"
#include "sum_by_id.h"

namespace peft::rt {
namespace {

__device__ const char *rowAt(const void *base, int64_t row, int64_t rowBytes) {
  return static_cast<const char *>(base) + row * rowBytes;
}
__device__ char *rowAt(void *base, int64_t row, int64_t rowBytes) {
  return static_cast<char *>(base) + row * rowBytes;
}

struct Lookup {
  void *y;
  const void *table;
  const int32_t *ids;
  int64_t rowBytes;
  __device__ RowMove operator()(int64_t i) const {
    return {rowAt(table, ids[i], rowBytes), rowAt(y, i, rowBytes)};
  }
};

/// The first j with indices[j] == id, or -1. A warp searches together.
__device__ int64_t placeOf(int32_t id, const int32_t *indices, int64_t count) {
  for (int64_t first = 0; first < count; first += 32) {
    const int64_t j = first + threadIdx.x % 32;
    if (unsigned found = __ballot_sync(~0u, j < count && indices[j] == id))
      return first + __ffs(int(found)) - 1;
  }
  return -1;
}

/// x, but rows[j] (zeros without rows) where the id is indices[j].
struct Override {
  void *y;
  const void *x, *rows;
  const int32_t *ids, *indices;
  int64_t count, rowBytes;
  __device__ RowMove operator()(int64_t i) const {
    const int64_t place = placeOf(ids[i], indices, count);
    const void *from = place < 0 ? rowAt(x, i, rowBytes) : rows ? rowAt(rows, place, rowBytes) : nullptr;
    return {from, rowAt(y, i, rowBytes)};
  }
};

template <class T>
__global__ void columnsOfTable(T *y, const int32_t *ids, const T *table, int64_t total, int64_t rank,
                               int64_t vocab) {
  const int64_t at = threadNumber();
  if (at < total)
    y[at] = table[at % rank * vocab + ids[at / rank]];
}

SumById sumOf(Tensor<float> sum, Tensor<const int32_t> ids, int64_t width) {
  return {sum.data, width,         1, ids.data, int32_t(ids.size()), ids.data, int32_t(ids.size()),
          true,     int32_t(width)};
}

} // namespace

template <class T>
void embedding(const Context &ctx, Tensor<T> y, Tensor<const int32_t> ids, Tensor<const T> table) {
  const int64_t rowBytes = table.cols() * int64_t(sizeof(T));
  copyRows(ctx, "embedding", ids.size(), rowBytes, {y.data, table.data},
           Lookup{y.data, table.data, ids.data, rowBytes});
}

template <class T>
void embedding_weight_grad(const Context &ctx, Tensor<float> sum, Tensor<const T> dy,
                           Tensor<const int32_t> ids) {
  sumById(ctx, "embedding_weight_grad", sumOf(sum, ids, sum.cols()), dy.data);
}

template <class T>
void override_rows(const Context &ctx, Tensor<T> y, Tensor<const T> x, Tensor<const int32_t> ids,
                   Tensor<const T> rows, const int32_t *indices, int64_t count) {
  const int64_t rowBytes = x.cols() * int64_t(sizeof(T));
  copyRows(ctx, "override_rows", ids.size(), rowBytes, {y.data, x.data, rows.data},
           Override{y.data, x.data, rows.data, ids.data, onDevice(ctx, indices, count), count, rowBytes});
}

template <class T>
void override_rows_grad(const Context &ctx, Tensor<T> dx, Tensor<const T> dy, Tensor<const int32_t> ids,
                        const int32_t *indices, int64_t count) {
  const int64_t rowBytes = dy.cols() * int64_t(sizeof(T));
  copyRows(ctx, "override_rows_grad", ids.size(), rowBytes, {dx.data, dy.data},
           Override{dx.data, dy.data, nullptr, ids.data, onDevice(ctx, indices, count), count, rowBytes});
}

template <class T>
void override_rows_weight_grad(const Context &ctx, Tensor<float> sum, Tensor<const T> dy,
                               Tensor<const int32_t> ids, const int32_t *indices, int64_t count) {
  SumById work = sumOf(sum, ids, sum.cols());
  work.owners = onDevice(ctx, indices, count);
  work.ownerCount = int32_t(count);
  work.byId = false;
  sumById(ctx, "override_rows_weight_grad", work, dy.data);
}

template <class T>
void embedding_columns(const Context &ctx, Tensor<T> y, Tensor<const int32_t> ids, Tensor<const T> table) {
  launch(ctx, "embedding_columns", blocksFor(y.size()), blockThreads, columnsOfTable<T>, y.data, ids.data,
         table.data, y.size(), table.rows(), table.cols());
}

template <class T>
void embedding_columns_weight_grad(const Context &ctx, Tensor<float> sum, Tensor<const T> dy,
                                   Tensor<const int32_t> ids) {
  SumById work = sumOf(sum, ids, sum.rows());
  work.rowStride = 1;
  work.columnStride = sum.cols();
  sumById(ctx, "embedding_columns_weight_grad", work, dy.data);
}

#define INSTANTIATE(T)                                                                                       \
  template void embedding(const Context &, Tensor<T>, Tensor<const int32_t>, Tensor<const T>);               \
  template void embedding_weight_grad(const Context &, Tensor<float>, Tensor<const T>,                       \
                                      Tensor<const int32_t>);                                                \
  template void override_rows(const Context &, Tensor<T>, Tensor<const T>, Tensor<const int32_t>,            \
                              Tensor<const T>, const int32_t *, int64_t);                                    \
  template void override_rows_grad(const Context &, Tensor<T>, Tensor<const T>, Tensor<const int32_t>,       \
                                   const int32_t *, int64_t);                                                \
  template void override_rows_weight_grad(const Context &, Tensor<float>, Tensor<const T>,                   \
                                          Tensor<const int32_t>, const int32_t *, int64_t);                  \
  template void embedding_columns(const Context &, Tensor<T>, Tensor<const int32_t>, Tensor<const T>);       \
  template void embedding_columns_weight_grad(const Context &, Tensor<float>, Tensor<const T>,               \
                                              Tensor<const int32_t>);
INSTANTIATE(float)
INSTANTIATE(bf16)

} // namespace peft::rt
