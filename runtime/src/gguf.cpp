//===- gguf.cpp - the header of a .gguf file, checked ---------------------===//

#include "peft/runtime/gguf.h"

#include <cstring>
#include <iterator>

namespace peft {

uint32_t scalarBytes(GgufKind kind) {
  static const uint32_t bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return bytes[size_t(kind)];
}

//===--- Reading within bounds ---------------------------------------------===//

namespace {

/// A position in the file that can't leave it. After a failed read all others fail.
class Cursor {
public:
  explicit Cursor(const MappedFile &file) : begin(file.data()), next(begin), end(begin + file.size()) {}

  template <class T> T read() {
    T value{};
    if (const uint8_t *address = skip(sizeof value))
      std::memcpy(&value, address, sizeof value);
    return value;
  }
  /// Passes over `bytes` and returns where they begin, or null if the file has fewer.
  const uint8_t *skip(uint64_t bytes) {
    if (failed || bytes > left()) {
      failed = true;
      return nullptr;
    }
    const uint8_t *address = next;
    next += bytes;
    return address;
  }
  std::string_view text() {
    uint64_t length = read<uint64_t>();
    const uint8_t *address = skip(length);
    return address ? std::string_view(reinterpret_cast<const char *>(address), size_t(length))
                   : std::string_view();
  }
  uint64_t left() const { return uint64_t(end - next); }
  uint64_t offset() const { return uint64_t(next - begin); }
  explicit operator bool() const { return !failed; }
  bool fail() {
    failed = true;
    return false;
  }

private:
  const uint8_t *begin, *next, *end;
  bool failed = false;
};

} // namespace

static bool readKind(Cursor &cursor, GgufKind &kind) {
  uint32_t number = cursor.read<uint32_t>();
  if (!cursor || number > uint32_t(GgufKind::F64))
    return cursor.fail();
  kind = GgufKind(number);
  return true;
}

/// Passes over the value of `kind` at the cursor. Nothing is allocated, and each
/// turn of a loop consumes bytes, so that a lying count ends at the end of the file.
static bool readValue(Cursor &cursor, GgufKind kind, GgufValue &value, int depth) {
  value.kind = value.element = kind;
  value.count = 1;
  if (kind == GgufKind::String) {
    std::string_view text = cursor.text();
    value.data = reinterpret_cast<const uint8_t *>(text.data());
    value.count = text.size();
    return bool(cursor);
  }
  if (kind != GgufKind::Array) {
    value.data = cursor.skip(scalarBytes(kind));
    return bool(cursor);
  }

  if (depth == 4 || !readKind(cursor, value.element))
    return cursor.fail();
  value.count = cursor.read<uint64_t>();
  uint32_t bytes = scalarBytes(value.element);
  if (!cursor || value.count > cursor.left() / (bytes ? bytes : 8))
    return cursor.fail();
  value.data = cursor.skip(0);
  if (bytes)
    return cursor.skip(value.count * bytes) != nullptr;
  GgufValue element;
  for (uint64_t i = 0; i < value.count; ++i)
    if (!readValue(cursor, value.element, element, depth + 1))
      return false;
  return true;
}

//===--- The file ----------------------------------------------------------===//

Result<GgufFile> GgufFile::open(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.status();
  return parse(std::move(*file));
}

/// ggml's name of a type, also of those that are not read here.
static std::string typeName(uint32_t type) {
  static const char *const names[] = {
      "F32",     "F16",   "Q4_0",   "Q4_1",  "Q4_2",     "Q4_3",     "Q5_0",     "Q5_1",    "Q8_0",
      "Q8_1",    "Q2_K",  "Q3_K",   "Q4_K",  "Q5_K",     "Q6_K",     "Q8_K",     "IQ2_XXS", "IQ2_XS",
      "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ2_S",    "IQ4_XS",   "I8",       "I16",     "I32",
      "I64",     "F64",   "IQ1_M",  "BF16",  "Q4_0_4_4", "Q4_0_4_8", "Q4_0_8_8", "TQ1_0",   "TQ2_0"};
  return type < std::size(names) ? names[type] : type == 39 ? "MXFP4" : "number " + std::to_string(type);
}

/// Reads one tensor's name, shape, type and offset. `next` is the offset it must have.
static Status readTensor(Cursor &cursor, uint64_t alignment, uint64_t &next, GgufTensor &tensor) {
  tensor.name = std::string(cursor.text());
  uint32_t rank = cursor.read<uint32_t>();
  if (!cursor || rank > 4)
    return Status::error(cursor ? "it has " + std::to_string(rank) + " dimensions, at most 4 are allowed"
                                : "the file ends in its description; it is truncated");
  uint64_t elements = 1;
  for (uint32_t i = 0; i < rank; ++i) {
    uint64_t extent = cursor.read<uint64_t>();
    if (cursor && extent == 0)
      return Status::error("one of its extents is 0");
    if (extent > uint64_t(INT64_MAX) || __builtin_mul_overflow(elements, extent, &elements) ||
        elements > uint64_t(INT64_MAX) / 8)
      return Status::error("its shape is too large");
    tensor.shape.insert(tensor.shape.begin(), int64_t(extent));
  }
  uint32_t type = cursor.read<uint32_t>();
  uint64_t offset = cursor.read<uint64_t>();
  if (!cursor)
    return Status::error("the file ends in its description; it is truncated");

  tensor.type = GgmlType(type);
  GgmlBlock block = blockOf(tensor.type);
  if (!block.elements)
    return Status::error("type " + typeName(type) +
                         " is not supported; supported are F32, F16, BF16, Q4_0, "
                         "Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K and Q6_K");
  if (tensor.rowElements() % block.elements)
    return Status::error("its rows of " + std::to_string(tensor.rowElements()) +
                         " elements are no multiple of " + toString(tensor.type) + "'s block of " +
                         std::to_string(block.elements));
  tensor.bytes = elements / block.elements * block.bytes;
  if (offset != next)
    return Status::error("its data begin at byte " + std::to_string(offset) + ", expected " +
                         std::to_string(next));
  // Both fit: elements < 2^60, and an earlier tensor beyond the file has been refused.
  next = (offset + tensor.bytes + alignment - 1) / alignment * alignment;
  return Status::ok();
}

Result<GgufFile> GgufFile::parse(MappedFile mapped) {
  GgufFile result;
  result.file = std::move(mapped);
  const MappedFile &file = result.file;
  auto failed = [&](const std::string &why) { return Status::error("'" + file.path() + "': " + why); };
  const std::string truncated = "the file ends in its header; it is truncated";

  Cursor cursor(file);
  if (file.size() < 8 || std::memcmp(file.data(), "GGUF", 4) != 0)
    return failed("not a GGUF file");
  cursor.skip(4);
  result.formatVersion = cursor.read<uint32_t>();
  if (result.formatVersion == 0x02000000u || result.formatVersion == 0x03000000u)
    return failed("a big-endian GGUF file is not supported");
  if (result.formatVersion != 2 && result.formatVersion != 3)
    return failed("GGUF version expected 2 or 3, got " + std::to_string(result.formatVersion));
  uint64_t tensorCount = cursor.read<uint64_t>();
  uint64_t valueCount = cursor.read<uint64_t>();
  if (!cursor)
    return failed(truncated);

  for (uint64_t i = 0; i < valueCount; ++i) {
    std::string_view text = cursor.text();
    GgufKind kind;
    GgufValue value;
    if (!cursor || !readKind(cursor, kind) || !readValue(cursor, kind, value, 0))
      return failed("key " + std::to_string(i + 1) + " of " + std::to_string(valueCount) +
                    " is malformed, or the file is truncated");
    std::string key(text);
    if (!result.values.emplace(key, value).second)
      return failed("key '" + key + "' appears twice");
    result.order.push_back(std::move(key));
  }

  uint64_t alignment = 32;
  if (result.has("general.alignment")) {
    Result<int64_t> given = result.getInt("general.alignment");
    if (!given)
      return given.status();
    if (*given <= 0 || *given > INT32_MAX || (*given & (*given - 1)))
      return failed("general.alignment expected a power of two, got " + std::to_string(*given));
    alignment = uint64_t(*given);
  }

  std::vector<uint64_t> offsets;
  uint64_t next = 0;
  for (uint64_t i = 0; i < tensorCount; ++i) {
    GgufTensor tensor;
    offsets.push_back(next);
    Status status = readTensor(cursor, alignment, next, tensor);
    if (!status)
      return failed("tensor " + std::to_string(i + 1) + " of " + std::to_string(tensorCount) + ", '" +
                    tensor.name.substr(0, 100) + "': " + status.message());
    if (offsets.back() + tensor.bytes > file.size())
      return failed("tensor '" + tensor.name + "': its " + std::to_string(tensor.bytes) +
                    " bytes exceed the file's " + std::to_string(file.size()) + "; it is truncated");
    if (!result.index.emplace(tensor.name, i).second)
      return failed("tensor '" + tensor.name + "' appears twice");
    result.entries.push_back(std::move(tensor));
  }

  uint64_t start = (cursor.offset() + alignment - 1) / alignment * alignment;
  for (size_t i = 0; i < result.entries.size(); ++i) {
    GgufTensor &tensor = result.entries[i];
    if (start + offsets[i] + tensor.bytes > file.size())
      return failed("tensor '" + tensor.name + "': its data end at byte " +
                    std::to_string(start + offsets[i] + tensor.bytes) + " of " + std::to_string(file.size()) +
                    "; the file is truncated");
    tensor.data = file.data() + start + offsets[i];
  }
  return result;
}

const GgufTensor *GgufFile::findTensor(std::string_view name) const {
  auto it = index.find(std::string(name));
  return it == index.end() ? nullptr : &entries[it->second];
}

} // namespace peft
