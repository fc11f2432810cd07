//===- safetensors.h - reading and writing .safetensors files -------------===//
//
// A SafetensorsFile is a mapped file whose header has been checked whole: lengths
// against the file, shapes against bytes, no hole, no overlap, no duplicate name.
// Const methods may be called from several threads at once. Offsets and sizes are
// bytes. A tensor's data is aligned to nothing in particular: copy it or read it
// with memcpy unless its address happens to fit.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_SAFETENSORS_H
#define PEFT_RUNTIME_SAFETENSORS_H

#include "peft/runtime/file.h"

#include <map>
#include <unordered_map>

namespace peft {

/// Ordered as files are written: wider types first.
enum class SafetensorsType : uint8_t {
  U64,
  I64,
  F64,
  C64,
  F32,
  U32,
  I32,
  BF16,
  F16,
  U16,
  I16,
  F8_E8M0,
  F8_E4M3,
  F8_E5M2,
  I8,
  U8,
  BOOL
};

/// "F32", "BF16", ...
const char *toString(SafetensorsType type);
/// Bytes of one element.
uint32_t elementBytes(SafetensorsType type);

/// A tensor as it lies in a file.
struct SafetensorsTensor {
  std::string name;
  SafetensorsType type;
  std::vector<int64_t> shape;
  const uint8_t *data;
  uint64_t bytes;

  int64_t elements() const { return int64_t(bytes / elementBytes(type)); }
};

class SafetensorsFile {
public:
  static Result<SafetensorsFile> open(const std::string &path);
  /// The same for bytes that are there already.
  static Result<SafetensorsFile> parse(MappedFile file);

  const std::string &path() const { return file.path(); }
  /// In the order of their data.
  const std::vector<SafetensorsTensor> &tensors() const { return entries; }
  /// Null when there is none.
  const SafetensorsTensor *find(std::string_view name) const;
  /// As find; its error lists near names.
  Result<const SafetensorsTensor *> get(std::string_view name) const;
  /// The strings under __metadata__.
  const std::map<std::string, std::string> &metadata() const { return strings; }

  /// The values of an F32, F16, BF16 or F64 tensor.
  Result<std::vector<float>> floats(std::string_view name) const;
  /// The values of an integer or BOOL tensor; one that does not fit in 32 bits is an error.
  Result<std::vector<int32_t>> ints(std::string_view name) const;

private:
  MappedFile file;
  std::vector<SafetensorsTensor> entries;
  std::unordered_map<std::string, size_t> index;
  std::map<std::string, std::string> strings;
};

/// What transformers and PEFT expect to find in a file they load.
inline const std::map<std::string, std::string> safetensorsFromPyTorch = {{"format", "pt"}};

/// A tensor to be written; `data` is its elements, densely, or null for SafetensorsWriter.
struct SafetensorsOutput {
  std::string name;
  SafetensorsType type;
  std::vector<int64_t> shape;
  const void *data = nullptr;
};

/// Writes a file whose tensors need not be in memory together: the header comes
/// first, then the data of order()[0], order()[1], ... in one or more pieces each.
class SafetensorsWriter {
public:
  static Result<SafetensorsWriter>
  create(const std::string &path, std::vector<SafetensorsOutput> tensors,
         const std::map<std::string, std::string> &metadata = safetensorsFromPyTorch);

  /// Wider types first, then by name: the order of the data.
  const std::vector<SafetensorsOutput> &order() const { return tensors; }
  Status append(const void *data, uint64_t bytes);
  /// Gives the file its name; an error when bytes are missing. Without it nothing is left.
  Status finish();

private:
  AtomicFile file;
  std::vector<SafetensorsOutput> tensors;
  uint64_t expected = 0;
};

/// The whole file at once.
Status writeSafetensors(const std::string &path, std::vector<SafetensorsOutput> tensors,
                        const std::map<std::string, std::string> &metadata = safetensorsFromPyTorch);

} // namespace peft

#endif // PEFT_RUNTIME_SAFETENSORS_H
