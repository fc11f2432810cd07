//===- group_rows.h - where groups of a row's columns are -----------------===//
//
// A norm works on groups of columns: a whole row, or as q_norm does on each head. A group is found by its
// number, in tensors of one shape whose rows may lie farther apart than they are long.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CUDA_GROUP_ROWS_H
#define PEFT_RUNTIME_CUDA_GROUP_ROWS_H

#include "row_cache.h"

namespace peft::rt {

/// Rows of one tensor, `pitch` elements apart.
template <class T> struct Rows {
  T *data;
  int64_t pitch;
};

/// Where a group is in tensors of one shape.
struct GroupPlace {
  int row, first; ///< first: of its columns
  template <class T> __device__ T *in(const Rows<T> &x) const { return x.data + row * x.pitch + first; }
};

/// Rows of `groups` groups each; one, and a division less, where groups lie evenly.
struct GroupRows {
  int count, groups, n; ///< groups in all, groups of a row, elements of a group
  __device__ GroupPlace place(int group) const {
    if (groups == 1)
      return {group, 0};
    const int row = group / groups;
    return {row, (group - row * groups) * n};
  }
};

/// What a kernel knows of where rows of x's shape are; `tensors` are all of that shape, or empty.
template <class T> struct Layout {
  GroupRows rows;
  bool dense = true;

  template <class... Tensors> Layout(const Tensor<const T> &x, int64_t n, const Tensors &...tensors) {
    for (bool even : {isDense(x), isDense(tensors)...})
      dense = dense && even;
    rows = {int(x.size() / n), dense ? 1 : int(x.cols() / n), int(n)};
  }
  template <class U> Rows<U> operator()(const Tensor<U> &x) const {
    return {x.data, dense ? int64_t(rows.n) : x.rowStride()};
  }
  dim3 blocks(RowShape shape) const { return dim3(unsigned(divideUp(rows.count, shape.groups()))); }
};

} // namespace peft::rt

#endif // PEFT_RUNTIME_CUDA_GROUP_ROWS_H
