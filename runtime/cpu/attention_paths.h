//===- attention_paths.h - the ways to compute attention ------------------===//
//
// `attention` and `attention_grad` of kernels.h take the first that there is. Each takes
// what the other's forward pass leaves.
//
//   amx:     bf16 in AMX tiles; only in the library for AVX-512
//   floats:  vectors of floats, for every type and processor
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CPU_ATTENTION_PATHS_H
#define PEFT_RUNTIME_CPU_ATTENTION_PATHS_H

#include "amx_usable.h"
#include "peft/runtime/kernels.h"

namespace peft::rt {

namespace floats {
template <class T>
void attention(Tensor<T> o, Tensor<float> lse, Tensor<const T> q, Tensor<const T> k, Tensor<const T> v,
               Tensor<const int32_t> segments, int64_t head_dim, float scale, int64_t window);
template <class T>
void attention_grad(Tensor<T> dq, Tensor<T> dk, Tensor<T> dv, Tensor<const T> dout, Tensor<const T> q,
                    Tensor<const T> k, Tensor<const T> v, Tensor<const T> o, Tensor<const float> lse,
                    Tensor<const int32_t> segments, int64_t head_dim, float scale, int64_t window);
} // namespace floats

namespace amx {
/// P and dS are rounded to bf16 before they are multiplied; all sums are float.
void attention(Tensor<bf16> o, Tensor<float> lse, Tensor<const bf16> q, Tensor<const bf16> k,
               Tensor<const bf16> v, Tensor<const int32_t> segments, int64_t head_dim, float scale,
               int64_t window);
void attention_grad(Tensor<bf16> dq, Tensor<bf16> dk, Tensor<bf16> dv, Tensor<const bf16> dout,
                    Tensor<const bf16> q, Tensor<const bf16> k, Tensor<const bf16> v, Tensor<const bf16> o,
                    Tensor<const float> lse, Tensor<const int32_t> segments, int64_t head_dim, float scale,
                    int64_t window);
} // namespace amx

} // namespace peft::rt

#endif // PEFT_RUNTIME_CPU_ATTENTION_PATHS_H
