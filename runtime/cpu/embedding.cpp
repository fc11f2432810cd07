//===- embedding.cpp - rows of a table, and replaced rows -----------------===//
//
// Gradients of rows are summed by columns: each thread goes through all tokens in
// order, so that a token that occurs twice has one writer.
//
//===----------------------------------------------------------------------===//

#include "parallel.h"
#include "peft/runtime/kernels.h"

#include <unordered_map>

namespace peft::rt {
namespace {

/// The place of each index among the replaced rows.
std::unordered_map<int32_t, int64_t> placesOf(const int32_t *indices, int64_t count) {
  std::unordered_map<int32_t, int64_t> places;
  for (int64_t j = 0; j < count; ++j)
    places.emplace(indices[j], j);
  return places;
}

template <class T> void addRow(float *sum, const T *row, int64_t begin, int64_t end) {
#pragma omp simd
  for (int64_t c = begin; c < end; ++c)
    sum[c] += toFloat(row[c]);
}

} // namespace

template <class T>
void embedding(const Context &, Tensor<T> y, Tensor<const int32_t> ids, Tensor<const T> table) {
  const int64_t cols = table.cols();
  parallelFor(ids.size(), y.size(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      std::copy_n(table.data + ids.data[i] * cols, cols, y.data + i * cols);
  });
}

template <class T>
void embedding_weight_grad(const Context &, Tensor<float> sum, Tensor<const T> dy,
                           Tensor<const int32_t> ids) {
  const int64_t cols = sum.cols();
  parallelColumns(cols, dy.size(), [&](int64_t begin, int64_t end) {
    for (int64_t i = 0; i < ids.size(); ++i)
      addRow(sum.data + ids.data[i] * cols, dy.data + i * cols, begin, end);
  });
}

template <class T>
void override_rows(const Context &, Tensor<T> y, Tensor<const T> x, Tensor<const int32_t> ids,
                   Tensor<const T> rows, const int32_t *indices, int64_t count) {
  const int64_t cols = x.cols();
  const auto places = placesOf(indices, count);
  parallelFor(ids.size(), y.size(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      auto place = places.find(ids.data[i]);
      const T *from = place == places.end() ? x.data + i * cols : rows.data + place->second * cols;
      if (from != y.data + i * cols)
        std::copy_n(from, cols, y.data + i * cols);
    }
  });
}

template <class T>
void override_rows_grad(const Context &, Tensor<T> dx, Tensor<const T> dy, Tensor<const int32_t> ids,
                        const int32_t *indices, int64_t count) {
  const int64_t cols = dy.cols();
  const auto places = placesOf(indices, count);
  parallelFor(ids.size(), dx.size(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      if (places.count(ids.data[i]))
        std::fill_n(dx.data + i * cols, cols, fromFloat<T>(0));
      else if (dx.data != dy.data)
        std::copy_n(dy.data + i * cols, cols, dx.data + i * cols);
    }
  });
}

template <class T>
void override_rows_weight_grad(const Context &, Tensor<float> sum, Tensor<const T> dy,
                               Tensor<const int32_t> ids, const int32_t *indices, int64_t count) {
  const int64_t cols = sum.cols();
  const auto places = placesOf(indices, count);
  parallelColumns(cols, dy.size(), [&](int64_t begin, int64_t end) {
    for (int64_t i = 0; i < ids.size(); ++i) {
      auto place = places.find(ids.data[i]);
      if (place != places.end())
        addRow(sum.data + place->second * cols, dy.data + i * cols, begin, end);
    }
  });
}

template <class T>
void embedding_columns(const Context &, Tensor<T> y, Tensor<const int32_t> ids, Tensor<const T> table) {
  const int64_t rank = table.rows(), vocab = table.cols();
  parallelFor(ids.size(), y.size(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t r = 0; r < rank; ++r)
        y.data[i * rank + r] = table.data[r * vocab + ids.data[i]];
  });
}

template <class T>
void embedding_columns_weight_grad(const Context &, Tensor<float> sum, Tensor<const T> dy,
                                   Tensor<const int32_t> ids) {
  const int64_t rank = sum.rows(), vocab = sum.cols();
  parallelColumns(rank, dy.size(), [&](int64_t begin, int64_t end) {
    for (int64_t i = 0; i < ids.size(); ++i)
      for (int64_t r = begin; r < end; ++r)
        sum.data[r * vocab + ids.data[i]] += toFloat(dy.data[i * rank + r]);
  });
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
