//===- rows.cpp - gathering the rows that have a label --------------------===//

#include "parallel.h"
#include "peft/runtime/kernels.h"

namespace peft::rt {
namespace {

/// How many of the chunk's `length` entries exist.
int64_t present(Tensor<const int32_t> count, int64_t chunk, int64_t length) {
  return std::clamp<int64_t>(*count.data - chunk * length, 0, length);
}

} // namespace

void labelled_rows(const Context &, Tensor<int32_t> rows, Tensor<int32_t> count,
                   Tensor<const int32_t> targets) {
  int32_t found = 0;
  for (int64_t i = 0; i < targets.size(); ++i)
    if (targets.data[i] != -100)
      rows.data[found++] = int32_t(i);
  std::fill(rows.data + found, rows.data + rows.size(), 0); // nothing reads them, but the bits are defined
  *count.data = found;
}

template <class T>
void gather_rows(const Context &, Tensor<T> y, Tensor<const T> x, Tensor<const int32_t> rows,
                 Tensor<const int32_t> count, int64_t chunk) {
  const int64_t length = y.rows(), cols = y.cols(), used = present(count, chunk, length);
  parallelFor(length, y.size(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      if (i < used)
        std::copy_n(x.data + rows.data[chunk * length + i] * cols, cols, y.data + i * cols);
      else
        std::fill_n(y.data + i * cols, cols, fromFloat<T>(0));
    }
  });
}

void gather_targets(const Context &, Tensor<int32_t> y, Tensor<const int32_t> targets,
                    Tensor<const int32_t> rows, Tensor<const int32_t> count, int64_t chunk) {
  const int64_t length = y.size(), used = present(count, chunk, length);
  for (int64_t i = 0; i < length; ++i)
    y.data[i] = i < used ? targets.data[rows.data[chunk * length + i]] : -100;
}

template <class T>
void scatter_rows(const Context &, Tensor<T> y, Tensor<const T> x, Tensor<const int32_t> rows,
                  Tensor<const int32_t> count, int64_t chunk) {
  const int64_t length = x.rows(), cols = x.cols(), used = present(count, chunk, length);
  parallelFor(used, x.size(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      std::copy_n(x.data + i * cols, cols, y.data + rows.data[chunk * length + i] * cols);
  });
}

template <class T>
void select_rows(const Context &, Tensor<T> y, Tensor<const T> x, Tensor<const int32_t> rows) {
  const int64_t batch = y.rows(), cols = y.cols(), seq = x.rows() / batch;
  for (int64_t b = 0; b < batch; ++b)
    std::copy_n(x.data + (b * seq + rows.data[b]) * cols, cols, y.data + b * cols);
}

#define INSTANTIATE(T)                                                                                       \
  template void gather_rows(const Context &, Tensor<T>, Tensor<const T>, Tensor<const int32_t>,              \
                            Tensor<const int32_t>, int64_t);                                                 \
  template void scatter_rows(const Context &, Tensor<T>, Tensor<const T>, Tensor<const int32_t>,             \
                             Tensor<const int32_t>, int64_t);                                                \
  template void select_rows(const Context &, Tensor<T>, Tensor<const T>, Tensor<const int32_t>);
INSTANTIATE(float)
INSTANTIATE(bf16)

} // namespace peft::rt
