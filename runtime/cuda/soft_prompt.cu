//===- soft_prompt.cu - virtual tokens before each row --------------------===//

#include "copy_rows.h"
#include "peft/runtime/kernels.h"

namespace peft::rt {
namespace {

/// Token `row` of a batch of `all` tokens a row, of which the first `ahead` are the prompt's.
struct Prompted {
  char *y;
  const char *x, *prompt;
  int64_t all, ahead, rowBytes;
  __device__ RowMove operator()(int64_t row) const {
    const int64_t b = row / all, token = row % all;
    const char *from =
        token < ahead ? prompt + token * rowBytes : x + (b * (all - ahead) + token - ahead) * rowBytes;
    return {from, y + row * rowBytes};
  }
};

/// The tokens after the prompt.
struct Behind {
  char *dx;
  const char *dy;
  int64_t seq, ahead, rowBytes;
  __device__ RowMove operator()(int64_t row) const {
    const int64_t b = row / seq;
    return {dy + (row + (b + 1) * ahead) * rowBytes, dx + row * rowBytes};
  }
};

template <class T>
__global__ void sumOverBatch(float *sum, const T *dy, int64_t n, int64_t all, int64_t batch) {
  const int64_t i = threadNumber();
  if (i >= n)
    return;
  float total = sum[i];
  for (int64_t b = 0; b < batch; ++b)
    total += toFloat(dy[b * all + i]);
  sum[i] = total;
}

__global__ void prependKernel(int32_t *y, const int32_t *x, int64_t total, int64_t all, int64_t count,
                              int32_t value, bool positions) {
  const int64_t at = threadNumber();
  if (at >= total)
    return;
  const int64_t b = at / all, i = at % all;
  if (i < count)
    y[at] = positions ? int32_t(i) : value;
  else
    y[at] = x[b * (all - count) + i - count] + (positions ? int32_t(count) : 0);
}

} // namespace

template <class T>
void soft_prompt(const Context &ctx, Tensor<T> y, Tensor<const T> x, Tensor<const T> prompt) {
  const int64_t ahead = prompt.rows(), rowBytes = x.cols() * int64_t(sizeof(T));
  copyRows(ctx, "soft_prompt", y.rows(), rowBytes, {y.data, x.data, prompt.data},
           Prompted{reinterpret_cast<char *>(y.data), reinterpret_cast<const char *>(x.data),
                    reinterpret_cast<const char *>(prompt.data), y.rows() / x.dims[0], ahead, rowBytes});
}

template <class T> void soft_prompt_grad(const Context &ctx, Tensor<T> dx, Tensor<const T> dy) {
  const int64_t batch = dx.dims[0], seq = dx.rows() / batch, rowBytes = dx.cols() * int64_t(sizeof(T));
  copyRows(ctx, "soft_prompt_grad", dx.rows(), rowBytes, {dx.data, dy.data},
           Behind{reinterpret_cast<char *>(dx.data), reinterpret_cast<const char *>(dy.data), seq,
                  dy.rows() / batch - seq, rowBytes});
}

template <class T> void soft_prompt_weight_grad(const Context &ctx, Tensor<float> sum, Tensor<const T> dy) {
  const int64_t batch = dy.dims[0];
  launch(ctx, "soft_prompt_weight_grad", blocksFor(sum.size()), blockThreads, sumOverBatch<T>, sum.data,
         dy.data, sum.size(), dy.size() / batch, batch);
}

void prepend(const Context &ctx, Tensor<int32_t> y, Tensor<const int32_t> x, int32_t value, bool positions) {
  launch(ctx, "prepend", blocksFor(y.size()), blockThreads, prependKernel, y.data, x.data, y.size(), y.cols(),
         y.cols() - x.cols(), value, positions);
}

#define INSTANTIATE(T)                                                                                       \
  template void soft_prompt(const Context &, Tensor<T>, Tensor<const T>, Tensor<const T>);                   \
  template void soft_prompt_grad(const Context &, Tensor<T>, Tensor<const T>);                               \
  template void soft_prompt_weight_grad(const Context &, Tensor<float>, Tensor<const T>);
INSTANTIATE(float)
INSTANTIATE(bf16)

} // namespace peft::rt
