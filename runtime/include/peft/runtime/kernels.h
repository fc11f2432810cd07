//===- kernels.h - every function that an emitted program may call --------===//
//
// One function is one op of the exec dialect: same name, same order of operands
// (results first), same attributes after them. Rules for all:
//
//  - T is float or bf16, the type of activations. Sums are float. Weights of a
//    norm, of a bias and of the adapters have their own type where said.
//  - Functions ending in _grad compute the cotangent of an operand. Those that
//    end in _weight_grad or take a `sum` ADD to a float gradient; all others
//    overwrite their result.
//  - `y` may be the same memory as an operand only where "in place" is said, and then with rows as far apart.
//  - Where "rows may lie apart" is said, tensors with an element for each row and column may be columns of
//    wider ones (Tensor::pitch), each of its own. All others are dense.
//  - Scalars of a batch or an update come by reference: a GPU's captured step reads
//    them anew each time it is replayed.
//  - CPU: OpenMP threads inside; call from one thread. The same inputs and number of
//    threads give the same bits. CUDA: enqueued on the context's stream, nothing waits;
//    tensors are device memory.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_KERNELS_H
#define PEFT_RUNTIME_KERNELS_H

#include "peft/runtime/tensor.h"

namespace peft::rt {

using Context = peft_context_t;

//===--- Matrix products (oneDNN) ------------------------------------------===//
//
// Rows of y, acc, x, dy and W may lie apart.

/// y = alpha * x W^T + bias, or alpha * x W + bias when `transposed`.
/// x [.., in], W [out, in] ([in, out] when transposed), bias [out] or empty, y [.., out].
template <class T>
void linear(const Context &, Tensor<T> y, Tensor<const T> x, Tensor<const T> w, Tensor<const T> bias,
            bool transposed, float alpha);

/// y = acc + alpha * x W^T (x W when transposed). acc like y. In place with acc.
template <class T>
void linear_add(const Context &, Tensor<T> y, Tensor<const T> acc, Tensor<const T> x, Tensor<const T> w,
                bool transposed, float alpha);

/// sum [out, in] += alpha * dy^T x. dy [.., out], x [.., in].
template <class T>
void linear_weight_grad(const Context &, Tensor<float> sum, Tensor<const T> dy, Tensor<const T> x,
                        float alpha);

/// sum [cols] += the sum of dy's rows, which may lie apart.
template <class T> void sum_rows(const Context &, Tensor<float> sum, Tensor<const T> dy);

//===--- Matrix products in FP8 --------------------------------------------===//

/// Each row of x in e4m3 with a scale of its own (fp8.h). codes [.., cols], scales [rows]. x's rows may lie
/// apart.
template <class T>
void quantize_rows(const Context &, Tensor<uint8_t> codes, Tensor<float> scales, Tensor<const T> x);

/// linear of what quantize_rows made of x, and the PEFT_FP8 bytes of W (abi.h):
///   y[i, o] = alpha * scales[i] * s[o] * (the float sum over c of codes[i, c] * q[o, c]) + bias[o]
/// where q and s are W's codes and scales by rows; when `transposed` those of its transpose.
/// `in` and `out` are multiples of 16.
template <class T>
void fp8_linear(const Context &, Tensor<T> y, Tensor<const uint8_t> codes, Tensor<const float> scales,
                Tensor<const uint8_t> w, Tensor<const T> bias, bool transposed, float alpha);
/// y = acc + the same without a bias. acc like y. In place with acc.
template <class T>
void fp8_linear_add(const Context &, Tensor<T> y, Tensor<const T> acc, Tensor<const uint8_t> codes,
                    Tensor<const float> scales, Tensor<const uint8_t> w, bool transposed, float alpha);

//===--- Embedding ---------------------------------------------------------===//

/// y[i, :] = table[ids[i], :]. table [vocab, width].
template <class T>
void embedding(const Context &, Tensor<T> y, Tensor<const int32_t> ids, Tensor<const T> table);

/// sum[ids[i], :] += dy[i, :].
template <class T>
void embedding_weight_grad(const Context &, Tensor<float> sum, Tensor<const T> dy, Tensor<const int32_t> ids);

/// y[i, :] = x[i, :], but rows[j, :] where ids[i] == indices[j]. In place with x.
template <class T>
void override_rows(const Context &, Tensor<T> y, Tensor<const T> x, Tensor<const int32_t> ids,
                   Tensor<const T> rows, const int32_t *indices, int64_t count);
/// dx[i, :] = dy[i, :], but 0 where ids[i] is one of the indices. In place with dy.
template <class T>
void override_rows_grad(const Context &, Tensor<T> dx, Tensor<const T> dy, Tensor<const int32_t> ids,
                        const int32_t *indices, int64_t count);
/// sum[j, :] += the sum of dy[i, :] over ids[i] == indices[j].
template <class T>
void override_rows_weight_grad(const Context &, Tensor<float> sum, Tensor<const T> dy,
                               Tensor<const int32_t> ids, const int32_t *indices, int64_t count);

/// y[i, :] = table[:, ids[i]]. table [rank, vocab]: lora_embedding_A, as PEFT stores it.
template <class T>
void embedding_columns(const Context &, Tensor<T> y, Tensor<const int32_t> ids, Tensor<const T> table);
/// sum[:, ids[i]] += dy[i, :].
template <class T>
void embedding_columns_weight_grad(const Context &, Tensor<float> sum, Tensor<const T> dy,
                                   Tensor<const int32_t> ids);

//===--- Replaced columns --------------------------------------------------===//

/// y[i, :] = x[i, :], but y[i, indices[j]] = columns[i, j]. x [.., cols], columns [.., count], each index
/// once. In place with x.
template <class T>
void override_columns(const Context &, Tensor<T> y, Tensor<const T> x, Tensor<const T> columns,
                      const int32_t *indices, int64_t count);
/// dx[i, :] = dy[i, :], but 0 in the columns that the indices name. In place with dy.
template <class T>
void override_columns_grad(const Context &, Tensor<T> dx, Tensor<const T> dy, const int32_t *indices,
                           int64_t count);
/// y[i, j] = x[i, indices[j]]. y [.., count].
template <class T>
void select_columns(const Context &, Tensor<T> y, Tensor<const T> x, const int32_t *indices, int64_t count);

//===--- Normalization -----------------------------------------------------===//

/// y = w * x / sqrt(mean(x^2) + eps) over the last dimension, which w [cols] gives
/// (x may hold several such groups in its last dimension: q_norm over heads). Rows may lie apart.
template <class T>
void rms_norm(const Context &, Tensor<T> y, Tensor<const T> x, Tensor<const T> w, double eps);
/// dx of rms_norm, and where x goes on beside the norm, plus the cotangent `residual` of that way, else {}.
/// In place with residual. Rows may lie apart.
template <class T>
void rms_norm_grad(const Context &, Tensor<T> dx, Tensor<const T> dy, Tensor<const T> x, Tensor<const T> w,
                   Tensor<const T> residual, double eps);
/// sum [cols] += dw of rms_norm. Rows may lie apart.
template <class T>
void rms_norm_weight_grad(const Context &, Tensor<float> sum, Tensor<const T> dy, Tensor<const T> x,
                          double eps);

//===--- Attention ---------------------------------------------------------===//
//
// Rows may lie apart, but those of lse.

/// Rotary embedding, HF's rotate-half pairs (i, i + d/2), of the first 2 * `pairs`
/// dimensions of each head: angle = positions[b, s] * inv_freq[i]; cos and sin are
/// multiplied by `scale` (yarn, longrope). `inverse` rotates back (its gradient:
/// the transpose). x [batch, seq, heads * head_dim], positions [batch, seq]. In place.
template <class T>
void rope(const Context &, Tensor<T> y, Tensor<const T> x, Tensor<const int32_t> positions,
          const float *inv_freq, int64_t pairs, int64_t head_dim, float scale, bool inverse);

/// Causal grouped-query attention over packed segments: token i sees j where
/// j <= i, segments[b, i] == segments[b, j], and i - j < window if window > 0.
/// q [batch, seq, heads * head_dim], k, v [batch, seq, kv_heads * head_dim],
/// o like q, lse [batch, heads, seq] = log of the sum of exponentials (kept for the
/// backward pass). Flash style: no seq x seq matrix in memory.
template <class T>
void attention(const Context &, Tensor<T> o, Tensor<float> lse, Tensor<const T> q, Tensor<const T> k,
               Tensor<const T> v, Tensor<const int32_t> segments, int64_t head_dim, float scale,
               int64_t window);
template <class T>
void attention_grad(const Context &, Tensor<T> dq, Tensor<T> dk, Tensor<T> dv, Tensor<const T> dout,
                    Tensor<const T> q, Tensor<const T> k, Tensor<const T> v, Tensor<const T> o,
                    Tensor<const float> lse, Tensor<const int32_t> segments, int64_t head_dim, float scale,
                    int64_t window);

//===--- Loss --------------------------------------------------------------===//

/// targets[b, s] = labels[b, s + 1], -100 where the next token is of another
/// segment, is padding, or does not exist.
void shift_labels(const Context &, Tensor<int32_t> targets, Tensor<const int32_t> labels,
                  Tensor<const int32_t> segments);

/// *sum += the cross-entropy of every row with a target (!= -100); lse [rows] for the
/// backward pass. logits [rows, vocab].
template <class T>
void cross_entropy(const Context &, Tensor<float> sum, Tensor<float> lse, Tensor<const T> logits,
                   Tensor<const int32_t> targets);
/// dlogits = scale * (softmax(logits) - one_hot(target)), 0 for rows without. In place.
template <class T>
void cross_entropy_grad(const Context &, Tensor<T> dlogits, Tensor<const T> logits, Tensor<const float> lse,
                        Tensor<const int32_t> targets, const float &scale);

/// Both at once: *sum += the cross-entropy, dlogits its gradient. A row is read from memory once. In place.
template <class T>
void cross_entropy_with_grad(const Context &, Tensor<float> sum, Tensor<T> dlogits, Tensor<const T> logits,
                             Tensor<const int32_t> targets, const float &scale);

//===--- Rows and chunks ---------------------------------------------------===//

/// rows[0 .. *count) = the indices i with targets[i] != -100, ascending. rows and
/// count are int32, rows as long as targets.
void labelled_rows(const Context &, Tensor<int32_t> rows, Tensor<int32_t> count,
                   Tensor<const int32_t> targets);

/// The `chunk`-th run of y.rows() entries of `rows`: y[i, :] = x[rows[chunk * n + i], :],
/// zeros beyond *count.
template <class T>
void gather_rows(const Context &, Tensor<T> y, Tensor<const T> x, Tensor<const int32_t> rows,
                 Tensor<const int32_t> count, int64_t chunk);
/// The same of targets; -100 beyond *count.
void gather_targets(const Context &, Tensor<int32_t> y, Tensor<const int32_t> targets,
                    Tensor<const int32_t> rows, Tensor<const int32_t> count, int64_t chunk);
/// y[rows[chunk * n + i], :] = x[i, :] for the entries below *count.
template <class T>
void scatter_rows(const Context &, Tensor<T> y, Tensor<const T> x, Tensor<const int32_t> rows,
                  Tensor<const int32_t> count, int64_t chunk);
/// y[b, :] = x[b, rows[b], :]. x [batch, seq, cols], y [batch, cols].
template <class T>
void select_rows(const Context &, Tensor<T> y, Tensor<const T> x, Tensor<const int32_t> rows);

//===--- Soft prompts ------------------------------------------------------===//

/// y[b] = concat(prompt, x[b]). prompt [tokens, width], x [batch, seq, width].
template <class T> void soft_prompt(const Context &, Tensor<T> y, Tensor<const T> x, Tensor<const T> prompt);
/// dx[b] = dy[b, tokens:].
template <class T> void soft_prompt_grad(const Context &, Tensor<T> dx, Tensor<const T> dy);
/// sum [tokens, width] += the sum over b of dy[b, :tokens].
template <class T> void soft_prompt_weight_grad(const Context &, Tensor<float> sum, Tensor<const T> dy);
/// y[b] = concat(value, ..., value, x[b]); with `positions`: 0, 1, ..., x[b] + count.
/// count = y's columns - x's.
void prepend(const Context &, Tensor<int32_t> y, Tensor<const int32_t> x, int32_t value, bool positions);

//===--- The rest ----------------------------------------------------------===//

/// y = x / (1 - p) where the counter-based generator keeps the element, else 0.
/// Philox4x32-10, key (seed, salt), counter = element / 4, word = element % 4;
/// kept where word * 2^-32 >= p. The backward pass calls it on dy. In place. Rows may lie apart: elements are
/// counted without what lies between.
template <class T>
void dropout(const Context &, Tensor<T> y, Tensor<const T> x, const uint64_t &seed, float p, uint32_t salt);

/// y = the dense values of the NF4 bytes described in abi.h.
template <class T>
void dequantize_nf4(const Context &, Tensor<T> y, Tensor<const uint8_t> bytes, int64_t block, int64_t nested);

/// y = x.
template <class T> void copy(const Context &, Tensor<T> y, Tensor<const T> x);
/// y = 0. Rows may lie apart.
template <class T> void zero(const Context &, Tensor<T> y);

/// Trainable floats copied to where a product reads them, beside a frozen matrix:
///   to[i * pitch + j] = scale * from[i * cols + j]
struct Border {
  uint64_t from; ///< of floats, bytes into the arena
  uint64_t to;   ///< of T, bytes into the arena
  int64_t rows, cols, pitch;
  float scale;
};
template <class T> void fill_borders(const Context &, const Border *borders, int64_t count);

//===--- The host's memory -------------------------------------------------===//
//
// Copies run beside the kernels that are called after them. Until `await` of the buffer on
// the device, x must keep its values, and y belongs to the copy.

/// Begins host = x, whose rows may lie apart. `host` is a place in peft_context_t::host.
template <class T> void offload(const Context &, Tensor<T> host, Tensor<const T> x);
/// Begins y = host, behind the copies that were begun before.
template <class T> void fetch(const Context &, Tensor<T> y, Tensor<const T> host);
/// What is called after this finds the last copy from or to `x` ended.
template <class T> void await(const Context &, Tensor<T> x);

//===--- Optimizers: flat loops over all trainable floats ------------------===//

/// *norm = the 2-norm of all gradients; gradients *= min(1, max / (norm + 1e-6)) if max > 0.
/// (torch.nn.utils.clip_grad_norm_)
void clip_norm(const Context &, Tensor<float> norm, Tensor<float> gradients, const peft_update_t &);
/// torch.optim.AdamW on every element; gradients become 0.
void adamw(const Context &, Tensor<float> parameters, Tensor<float> gradients, Tensor<float> m,
           Tensor<float> v, const peft_update_t &);
/// torch.optim.SGD with momentum (the buffer starts as the first gradient) and weight decay.
void sgd(const Context &, Tensor<float> parameters, Tensor<float> gradients, Tensor<float> momentum,
         const peft_update_t &);

} // namespace peft::rt

#endif // PEFT_RUNTIME_KERNELS_H
