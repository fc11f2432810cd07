//===- columns.cpp - some columns of a matrix replaced, or read -----------===//
//
// Columns are few beside those of a vocabulary: in place, only they are touched.
//
//===----------------------------------------------------------------------===//

#include "parallel.h"
#include "peft/runtime/kernels.h"

namespace peft::rt {
namespace {

/// write(row of y, row) for every row of y, which is a row of x before.
template <class T, class Write>
void replaceInRows(Tensor<T> y, Tensor<const T> x, int64_t count, Write write) {
  const int64_t cols = x.cols();
  const bool inPlace = y.data == x.data;
  parallelFor(x.rows(), inPlace ? x.rows() * count : x.size(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      T *row = y.data + i * cols;
      if (!inPlace)
        std::copy_n(x.data + i * cols, cols, row);
      write(row, i);
    }
  });
}

} // namespace

template <class T>
void override_columns(const Context &, Tensor<T> y, Tensor<const T> x, Tensor<const T> columns,
                      const int32_t *indices, int64_t count) {
  replaceInRows<T>(y, x, count, [&](T *row, int64_t i) {
    for (int64_t j = 0; j < count; ++j)
      row[indices[j]] = columns.data[i * count + j];
  });
}

template <class T>
void override_columns_grad(const Context &, Tensor<T> dx, Tensor<const T> dy, const int32_t *indices,
                           int64_t count) {
  replaceInRows<T>(dx, dy, count, [&](T *row, int64_t) {
    for (int64_t j = 0; j < count; ++j)
      row[indices[j]] = fromFloat<T>(0);
  });
}

template <class T>
void select_columns(const Context &, Tensor<T> y, Tensor<const T> x, const int32_t *indices, int64_t count) {
  const int64_t cols = x.cols();
  parallelFor(x.rows(), y.size(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t j = 0; j < count; ++j)
        y.data[i * count + j] = x.data[i * cols + indices[j]];
  });
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
