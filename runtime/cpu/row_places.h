//===- row_places.h - going through rows that may lie apart ---------------===//

#ifndef PEFT_RUNTIME_CPU_ROW_PLACES_H
#define PEFT_RUNTIME_CPU_ROW_PLACES_H

#include "peft/runtime/tensor.h"

namespace peft::rt {

/// Where an element of a dense tensor lies when it has rows of `cols`; for loops that go on from row to row.
struct RowPosition {
  int64_t row, column, cols;
  RowPosition(int64_t element, int64_t cols) : row(element / cols), column(element % cols), cols(cols) {}
  /// No farther than to the end of the row, which is the beginning of the next.
  void advance(int64_t n) {
    column += n;
    if (column == cols)
      column = 0, ++row;
  }
};

/// Where rows begin, for loops over them: what a Tensor decides about its stride is decided once.
template <class T> struct RowStarts {
  T *data;
  int64_t stride;
  explicit RowStarts(const Tensor<T> &x) : data(x.data), stride(x.rowStride()) {}
  T *operator[](int64_t row) const { return data + row * stride; }
  T *operator[](const RowPosition &at) const { return data + at.row * stride + at.column; }
};

} // namespace peft::rt

#endif // PEFT_RUNTIME_CPU_ROW_PLACES_H
