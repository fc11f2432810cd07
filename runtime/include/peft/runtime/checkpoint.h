//===- checkpoint.h - a base model, wherever its tensors come from --------===//
//
// A Checkpoint is the one way in which the compiler and the training binary see a
// base model: an HF folder (config.json with model.safetensors, with shards, or
// alone) or a .gguf file. Whatever is stored, it answers in HF terms: HF's config
// keys, HF's tensor names, PyTorch shapes, HF's order of rows. Weights stay mapped;
// what can't be used as it lies is converted on request. Const methods may be called
// from several threads at once; read functions are parallel inside.
//
// Names are accepted with and without the prefix `model.` (or transformer., bert.,
// roberta., distilbert., decoder.), and buffers such as rotary_emb.inv_freq are not listed.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CHECKPOINT_H
#define PEFT_RUNTIME_CHECKPOINT_H

#include "peft/runtime/abi.h"
#include "peft/runtime/status.h"

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// A tensor of a checkpoint.
struct CheckpointTensor {
  std::string name;           ///< as HF calls it: model.layers.0.self_attn.q_proj.weight
  std::string type;           ///< as stored: "f32", "f16", "bf16", "q4_1", "nf4", ...
  std::vector<int64_t> shape; ///< logical, also when packed
  uint64_t bytes;             ///< as stored, constants included
  uint32_t block = 0;         ///< of nf4, else 0
  uint32_t nested = 0;        ///< of nf4 with double quantization, else 0

  int64_t elements() const {
    int64_t n = 1;
    for (int64_t extent : shape)
      n *= extent;
    return n;
  }
};

class Checkpoint {
public:
  /// `path` is a folder or a .gguf file.
  static Result<Checkpoint> open(const std::string &path);

  Checkpoint(Checkpoint &&) noexcept;
  Checkpoint &operator=(Checkpoint &&) noexcept;
  ~Checkpoint();

  const std::string &path() const;
  /// config.json as it stands, or HF's keys made from a GGUF's. There, tensor
  /// rope_freqs.weight becomes rope_parameters.gguf_freq_factors: inv_freq[i] is divided by
  /// the i-th.
  const nlohmann::json &config() const;
  bool isGguf() const;
  /// False where there is config.json alone.
  bool hasWeights() const;

  /// Sorted by name, layers by number.
  const std::vector<CheckpointTensor> &tensors() const;
  /// Null when there is none.
  const CheckpointTensor *find(std::string_view name) const;
  /// As find; its error names the checkpoint and lists near names.
  Result<const CheckpointTensor *> get(std::string_view name) const;
  /// Up to `count` names that a person may have meant, nearest first.
  std::vector<std::string> nearNames(std::string_view name, size_t count = 3) const;

  /// The tensor where its file is mapped, when it lies there as `dtype`, dense, aligned to its
  /// element and in HF's order; else null. Lives as long as the checkpoint.
  const void *mapped(std::string_view name, peft_dtype_t dtype) const;

  /// Whether a tensor can be read as a weight; its error names the types that can.
  Status checkReadable(const CheckpointTensor &tensor) const;

  /// dst = the whole tensor as PEFT_F32 or PEFT_BF16; rounded once.
  Status read(std::string_view name, peft_dtype_t dtype, void *dst) const;
  Status read(std::string_view name, float *dst) const { return read(name, PEFT_F32, dst); }
  /// dst [count, rest] = the rows `rows` (indices into the first dimension).
  Status readRows(std::string_view name, const int32_t *rows, int64_t count, float *dst) const;
  /// Whether two tensors have one shape, with rows, and hold the same values. Reads a few rows at a time.
  Result<bool> sameValues(const CheckpointTensor &a, const CheckpointTensor &b) const;
  /// Whether these are a tensor's values, but for a rounding to bfloat16.
  Result<bool> holdsValues(const CheckpointTensor &tensor, const std::vector<float> &values) const;
  /// dst[0 .. nf4Bytes(elements, block, nested)) in the layout of PEFT_NF4: the stored codes and constants
  /// if the tensor is nf4 (block and nested must then be the stored ones), else quantized now.
  Status readNf4(std::string_view name, int64_t block, int64_t nested, uint8_t *dst) const;
  /// dst[0 .. Fp8Layout(rows, cols).bytes) = a matrix in the layout of PEFT_FP8, quantized now.
  Status readFp8(std::string_view name, uint8_t *dst) const;

private:
  struct State;
  explicit Checkpoint(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

} // namespace peft

#endif // PEFT_RUNTIME_CHECKPOINT_H
