//===- gguf.h - reading .gguf files ---------------------------------------===//
//
// A GgufFile is a mapped file (version 2 or 3) of which every count, length and
// offset has been checked against the file's size before anything was allocated for
// it. Arrays stay in the mapping until they are asked for. Const methods may be
// called from several threads at once. Shapes are PyTorch's: the last dimension is
// the contiguous one. A row is that last dimension; blocks never cross rows.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_GGUF_H
#define PEFT_RUNTIME_GGUF_H

#include "peft/runtime/file.h"

#include <unordered_map>

namespace peft {

/// The tensor types that are read, by their number in the file.
enum class GgmlType : uint32_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q5_0 = 6,
  Q5_1 = 7,
  Q8_0 = 8,
  Q4_K = 12,
  Q5_K = 13,
  Q6_K = 14,
  BF16 = 30
};

/// A tensor's name in a .gguf of its name in HF, "blk.0.attn_q.weight"; "" where it has none.
std::string ggufNameOf(std::string_view hf);

/// "f32", "q4_1", "q6_k", ...
const char *toString(GgmlType type);
/// Elements and bytes of one block; both 0 for a number that is not in GgmlType.
struct GgmlBlock {
  uint32_t elements, bytes;
};
GgmlBlock blockOf(GgmlType type);
/// dst[0..n) = the values of n elements at `src`, rounded as ggml rounds them.
/// REQUIRES: n is a multiple of the block's elements.
void dequantizeRow(GgmlType type, const void *src, float *dst, int64_t n);

enum class GgufKind : uint32_t { U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64 };
/// Bytes of a scalar; 0 for strings and arrays.
uint32_t scalarBytes(GgufKind kind);

/// A value as it lies in the file: a scalar, a string, or an array.
struct GgufValue {
  GgufKind kind = GgufKind::U8;
  GgufKind element = GgufKind::U8; ///< of an array; of all others, kind
  const uint8_t *data = nullptr;   ///< of the scalar, the characters, or the first element
  uint64_t count = 1;              ///< characters of a string, elements of an array, else 1
};

struct GgufTensor {
  std::string name;
  GgmlType type;
  std::vector<int64_t> shape;
  const uint8_t *data;
  uint64_t bytes;

  int64_t rowElements() const { return shape.empty() ? 1 : shape.back(); }
  int64_t elements() const { return int64_t(bytes / blockOf(type).bytes * blockOf(type).elements); }
  int64_t rows() const { return rowElements() ? elements() / rowElements() : 0; }
};

class GgufFile {
public:
  static Result<GgufFile> open(const std::string &path);
  /// The same for bytes that are there already.
  static Result<GgufFile> parse(MappedFile file);

  const std::string &path() const { return file.path(); }
  uint32_t version() const { return formatVersion; }

  bool has(const std::string &key) const { return values.count(key) != 0; }
  /// Null when there is none.
  const GgufValue *find(const std::string &key) const;
  /// Any integer kind, or Bool; an array of equal integers counts as one (per-layer counts).
  Result<int64_t> getInt(const std::string &key) const;
  /// Any number. A float32 gives the double that prints as shortly: 1e-05, not 9.99999974e-06.
  Result<double> getNumber(const std::string &key) const;
  Result<bool> getBool(const std::string &key) const;
  Result<std::string> getString(const std::string &key) const;
  Result<std::vector<int64_t>> getInts(const std::string &key) const;
  Result<std::vector<double>> getNumbers(const std::string &key) const;
  Result<std::vector<std::string>> getStrings(const std::string &key) const;
  std::vector<std::string> keys() const; ///< in the file's order

  const std::vector<GgufTensor> &tensors() const { return entries; }
  const GgufTensor *findTensor(std::string_view name) const;

private:
  MappedFile file;
  uint32_t formatVersion = 0;
  std::vector<std::string> order;
  std::unordered_map<std::string, GgufValue> values;
  std::vector<GgufTensor> entries;
  std::unordered_map<std::string, size_t> index;
};

} // namespace peft

#endif // PEFT_RUNTIME_GGUF_H
