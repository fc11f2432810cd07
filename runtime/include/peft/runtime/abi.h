//===- abi.h - the contract between an emitted program and the runtime ----===//
//
// An emitted program exports exactly one symbol, peft_program_query, which
// returns a table: its parameters, its entry points, and the layout of the one
// arena they work in. Nothing else is shared. Plain C, so that the table can be
// read from any language. A change here raises PEFT_ABI_VERSION.
//
// The arena, all offsets in bytes, each aligned to PEFT_ALIGNMENT:
//
//   [ parameters | gradients | optimizer state | frozen weights | transient | workspace ]
//
// A program that keeps activations in the host's memory has a second, smaller arena there.
// Trainable parameters are float32 and lie one after another in the first part;
// gradients and every optimizer slot repeat that layout, so that an optimizer is
// one flat loop over `trainable_count` floats (padding between tensors is zero
// and stays zero).
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_ABI_H
#define PEFT_RUNTIME_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PEFT_ABI_VERSION 4u
#define PEFT_ALIGNMENT 64u

/// A parameter that is read where its file is mapped, not from the arena.
#define PEFT_MAPPED UINT64_MAX

/// Element types of a parameter as the program reads it.
typedef enum { PEFT_F32 = 0, PEFT_BF16 = 1, PEFT_F16 = 2, PEFT_I32 = 3, PEFT_U8 = 4 } peft_dtype_t;

/// How a parameter's elements are stored.
typedef enum {
  PEFT_DENSE = 0,
  /// bitsandbytes' NF4. The bytes of one parameter, n elements, nb = ceil(n / block):
  ///   packed codes      ceil(n / 2)           u8, first element in the high nibble
  ///   (pad to 4)
  ///   nested == 0:      nb f32                absmax
  ///   nested != 0:      nb u8 (pad to 4)      absmax codes
  ///                     ceil(nb / nested) f32 nested absmax
  ///                     256 f32               nested map
  ///                     1 f32                 offset
  PEFT_NF4 = 1,
  /// e4m3 with a scale a row (fp8.h), as it lies and transposed, each from the values themselves: FP8
  /// products run along rows alone. Of a matrix [r, c], both multiples of 16:
  ///   codes             r * c                 u8, [r, c]
  ///   transposed codes  c * r                 u8, [c, r]
  ///   scales            r f32, then c f32
  PEFT_FP8 = 2
} peft_encoding_t;

/// Where a parameter's first values come from when it is not read from the
/// checkpoint. `a` is the standard deviation or the bound.
typedef enum {
  PEFT_INIT_CHECKPOINT = 0, ///< the tensor named `source` of the checkpoint
  PEFT_INIT_ZEROS = 1,
  PEFT_INIT_ONES = 2,
  PEFT_INIT_NORMAL = 3,         ///< N(0, a^2)
  PEFT_INIT_UNIFORM = 4,        ///< U(-a, a)
  PEFT_INIT_CHECKPOINT_ROWS = 5 ///< the rows `init_rows` of `source`
} peft_init_t;

typedef struct {
  const char *name;   ///< key in the checkpoint (frozen) or in the adapter file (trainable)
  const char *source; ///< checkpoint key of its first values, or NULL
  peft_dtype_t dtype;
  peft_encoding_t encoding;
  uint32_t block, nested; ///< of the encoding; 0 when dense
  uint32_t rank;
  int64_t dims[4]; ///< logical shape
  int64_t pitch;   ///< elements from one row to the next of a dense matrix; 0: its columns
  uint32_t trainable;
  peft_init_t init;
  double init_a;
  const int32_t *init_rows; ///< dims[0] of them
  uint64_t offset;          ///< of its bytes in the arena, or PEFT_MAPPED
  uint64_t bytes;           ///< all that it occupies; with a pitch also what lies beside and below its rows
  uint64_t gradient_offset; ///< trainable only
} peft_parameter_t;

/// One row of the memory table.
typedef struct {
  const char *category; ///< "adapters", "gradients", "saved activations", ...
  uint64_t bytes;
} peft_memory_t;

/// What the entry points work on. One context serves one thread of control.
typedef struct {
  char *arena;                ///< arena_bytes, aligned to PEFT_ALIGNMENT
  const void *const *weights; ///< one pointer a parameter, in the table's order
  void *device;               ///< the kernels' own: handles and a stream on CUDA, null on the CPU
  char *host;                 ///< host_bytes of the host's memory, pinned for CUDA; null if there are none
} peft_context_t;

/// One micro-batch, [batch, seq_len] int32 each. For CUDA the arrays are device memory,
/// and the struct is memory that both sides read.
typedef struct {
  const int32_t *input_ids;
  const int32_t *labels;    ///< unshifted; -100 is ignored
  const int32_t *positions; ///< restart at 0 with each document
  const int32_t *segments;  ///< equal where tokens may attend to each other; 0 is padding
  float loss_scale;         ///< 1 / labelled tokens of the accumulated batch
  uint64_t seed;            ///< of dropout, one a micro-batch
  const int32_t *rows;      ///< forward only: [batch], the position whose logits are wanted
} peft_batch_t;

/// The scalars of one optimizer step. For CUDA, memory that both sides read.
typedef struct {
  float learning_rate, beta1, beta2, epsilon, weight_decay, momentum;
  float max_grad_norm; ///< 0: no clipping
  int64_t step;        ///< 1 for the first
} peft_update_t;

typedef struct {
  uint32_t version;
  const char *name;   ///< of the model, for messages
  const char *target; ///< "cpu" or "cuda"
  const char
      *isa; ///< of a CPU program: CPU features that the program needs: "avx2", "avx512" or "avx512_bf16"
  const char *model;     ///< path of the checkpoint it was compiled for
  const char *recipe;    ///< adapter_config.json as it will be saved, or ""
  const char *optimizer; ///< "adamw" or "sgd"
  peft_dtype_t dtype;    ///< of activations
  int64_t batch, seq_len, vocab_size;
  int64_t virtual_tokens; ///< a soft prompt's; the last of them predicts the first token

  const peft_parameter_t *parameters;
  uint64_t parameter_count;
  const peft_memory_t *memory;
  uint64_t memory_count;

  uint64_t arena_bytes;
  uint64_t host_bytes; ///< of the host's memory, for activations that wait there for the backward pass
  uint64_t trainable_offset, trainable_count; ///< bytes, floats (padding included)
  uint64_t gradient_offset;
  uint64_t optimizer_offset, optimizer_slots; ///< slots of trainable_count floats
  uint64_t workspace_offset, workspace_bytes; ///< of the device's libraries; none on the CPU
  uint32_t deterministic; ///< 0: a device may add in any order, and the workspace is planned for that

  // What an entry point returns lies in the arena and lives until the next call.

  /// Forward and backward; adds to the gradients and returns the summed loss.
  void (*micro_step)(const peft_context_t *, const peft_batch_t *, const float **loss_sum);
  /// The summed loss; keeps nothing.
  void (*evaluate)(const peft_context_t *, const peft_batch_t *, const float **loss_sum);
  /// Logits [batch, vocab_size] of position rows[b] of every row, no adapter dropout.
  void (*forward)(const peft_context_t *, const peft_batch_t *, const float **logits);
  /// Clips, steps the optimizer, zeroes the gradients; returns the norm before clipping.
  void (*update)(const peft_context_t *, const peft_update_t *, const float **grad_norm);
} peft_program_t;

/// The program's table, or NULL if it is newer than `max_version`.
const peft_program_t *peft_program_query(uint32_t max_version);

#ifdef __cplusplus
}
#endif

#endif // PEFT_RUNTIME_ABI_H
