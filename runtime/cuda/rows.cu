//===- rows.cu - gathering the rows that have a label ---------------------===//

#include "context.h"
#include "copy_rows.h"
#include "peft/runtime/kernels.h"

namespace peft::rt {
namespace {

constexpr int compactThreads = 1024;
constexpr int perThread = 8; ///< neighbouring targets that a thread looks at

/// The sum of the lower threads' values; `all` = that of all threads'.
__device__ int sumBefore(int value, int *perWarp, int &all) {
  const int warp = int(threadIdx.x) / 32, lane = int(threadIdx.x) % 32;
  int upTo = value;
  for (int offset = 1; offset < 32; offset *= 2) {
    const int below = __shfl_up_sync(~0u, upTo, offset);
    upTo += lane >= offset ? below : 0;
  }
  if (lane == 31)
    perWarp[warp] = upTo;
  __syncthreads();
  int before = upTo - value;
  all = 0;
  for (int other = 0; other < compactThreads / 32; ++other) {
    before += other < warp ? perWarp[other] : 0;
    all += perWarp[other];
  }
  __syncthreads();
  return before;
}

/// One block: some ten thousand targets take a few microseconds.
__global__ void __launch_bounds__(compactThreads)
    labelledRows(int32_t *rows, int32_t *count, const int32_t *targets, int n) {
  __shared__ int perWarp[compactThreads / 32];
  int found = 0;
  for (int base = 0; base < n; base += compactThreads * perThread) {
    const int first = base + int(threadIdx.x) * perThread;
    bool labelled[perThread];
    int mine = 0, all;
#pragma unroll
    for (int i = 0; i < perThread; ++i) {
      labelled[i] = first + i < n && targets[first + i] != -100;
      mine += labelled[i];
    }
    int at = found + sumBefore(mine, perWarp, all);
#pragma unroll
    for (int i = 0; i < perThread; ++i)
      if (labelled[i])
        rows[at++] = first + i;
    found += all;
  }
  for (int i = found + int(threadIdx.x); i < n; i += compactThreads)
    rows[i] = 0; // nothing reads them, but the bits are defined
  if (threadIdx.x == 0)
    *count = found;
}

/// The rows of a chunk: entry i of it is `rows[chunk * length + i]`.
struct Entries {
  const int32_t *rows, *count;
  int64_t first;
  __device__ bool has(int64_t i) const { return first + i < *count; }
  __device__ int64_t at(int64_t i) const { return rows[first + i]; }
};

struct Gather {
  char *y;
  const char *x;
  Entries entries;
  int64_t rowBytes;
  __device__ RowMove operator()(int64_t i) const {
    return {entries.has(i) ? x + entries.at(i) * rowBytes : nullptr, y + i * rowBytes};
  }
};

struct Scatter {
  char *y;
  const char *x;
  Entries entries;
  int64_t rowBytes;
  __device__ RowMove operator()(int64_t i) const {
    return {x + i * rowBytes, entries.has(i) ? y + entries.at(i) * rowBytes : nullptr};
  }
};

struct Select {
  char *y;
  const char *x;
  const int32_t *rows;
  int64_t seq, rowBytes;
  __device__ RowMove operator()(int64_t b) const {
    return {x + (b * seq + rows[b]) * rowBytes, y + b * rowBytes};
  }
};

__global__ void gatherTargets(int32_t *y, const int32_t *targets, Entries entries, int64_t length) {
  const int64_t i = threadNumber();
  if (i < length)
    y[i] = entries.has(i) ? targets[entries.at(i)] : -100;
}

template <class T> char *bytes(Tensor<T> x) { return reinterpret_cast<char *>(x.data); }
template <class T> const char *bytes(Tensor<const T> x) { return reinterpret_cast<const char *>(x.data); }

} // namespace

void labelled_rows(const Context &ctx, Tensor<int32_t> rows, Tensor<int32_t> count,
                   Tensor<const int32_t> targets) {
  cudaOf(ctx).mostRows = targets.size();
  launch(ctx, "labelled_rows", 1, compactThreads, labelledRows, rows.data, count.data, targets.data,
         int(targets.size()));
}

template <class T>
void gather_rows(const Context &ctx, Tensor<T> y, Tensor<const T> x, Tensor<const int32_t> rows,
                 Tensor<const int32_t> count, int64_t chunk) {
  const int64_t rowBytes = y.cols() * int64_t(sizeof(T));
  copyRows(ctx, "gather_rows", y.rows(), rowBytes, {y.data, x.data},
           Gather{bytes(y), bytes(x), {rows.data, count.data, chunk * y.rows()}, rowBytes});
}

void gather_targets(const Context &ctx, Tensor<int32_t> y, Tensor<const int32_t> targets,
                    Tensor<const int32_t> rows, Tensor<const int32_t> count, int64_t chunk) {
  launch(ctx, "gather_targets", blocksFor(y.size()), blockThreads, gatherTargets, y.data, targets.data,
         Entries{rows.data, count.data, chunk * y.size()}, y.size());
}

template <class T>
void scatter_rows(const Context &ctx, Tensor<T> y, Tensor<const T> x, Tensor<const int32_t> rows,
                  Tensor<const int32_t> count, int64_t chunk) {
  const int64_t rowBytes = x.cols() * int64_t(sizeof(T));
  copyRows(ctx, "scatter_rows", x.rows(), rowBytes, {y.data, x.data},
           Scatter{bytes(y), bytes(x), {rows.data, count.data, chunk * x.rows()}, rowBytes});
}

template <class T>
void select_rows(const Context &ctx, Tensor<T> y, Tensor<const T> x, Tensor<const int32_t> rows) {
  const int64_t batch = y.rows(), rowBytes = y.cols() * int64_t(sizeof(T));
  copyRows(ctx, "select_rows", batch, rowBytes, {y.data, x.data},
           Select{bytes(y), bytes(x), rows.data, x.rows() / batch, rowBytes});
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
