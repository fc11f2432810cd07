//===- safetensors_reader.cpp - the header of a .safetensors file, checked ----===//

#include "convert.h"
#include "peft/runtime/json.h"
#include "peft/runtime/names.h"
#include "peft/runtime/safetensors.h"

#include <algorithm>
#include <climits>
#include <type_traits>

namespace peft {

namespace {
struct TypeRow {
  const char *name;
  uint32_t bytes;
};
} // namespace

/// In the order of SafetensorsType.
static const TypeRow typeRows[] = {
    {"U64", 8},     {"I64", 8},     {"F64", 8}, {"C64", 8}, {"F32", 4},  {"U32", 4},
    {"I32", 4},     {"BF16", 2},    {"F16", 2}, {"U16", 2}, {"I16", 2},  {"F8_E8M0", 1},
    {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"I8", 1},  {"U8", 1},  {"BOOL", 1},
};

const char *toString(SafetensorsType type) { return typeRows[size_t(type)].name; }
uint32_t elementBytes(SafetensorsType type) { return typeRows[size_t(type)].bytes; }

static constexpr uint64_t maxHeaderBytes = 100000000;

//===--- One tensor of the header ------------------------------------------===//

/// Fills `tensor` from its JSON; `base` is where the data begin and `available` their size.
static Status readEntry(const nlohmann::json &value, const uint8_t *base, uint64_t available,
                        SafetensorsTensor &tensor) {
  if (!value.is_object())
    return Status::error("expected an object with dtype, shape and data_offsets");

  Result<std::string> type = getString(value, "dtype", "header");
  if (!type)
    return type.status();
  auto row = std::find_if(std::begin(typeRows), std::end(typeRows),
                          [&](const TypeRow &r) { return *type == r.name; });
  if (row == std::end(typeRows))
    return Status::error("dtype '" + *type +
                         "' is not supported; supported are F32, BF16, F16, F64, F8 and integers");
  tensor.type = SafetensorsType(row - std::begin(typeRows));

  Result<std::vector<int64_t>> shape = getInts(value, "shape", "header");
  if (!shape)
    return shape.status();
  uint64_t bytes = row->bytes;
  for (int64_t extent : *shape)
    if (extent < 0 || __builtin_mul_overflow(bytes, uint64_t(extent), &bytes) || bytes > uint64_t(INT64_MAX))
      return Status::error("its shape is negative or too large");
  tensor.shape = std::move(*shape);

  Result<std::vector<int64_t>> offsets = getInts(value, "data_offsets", "header");
  if (!offsets)
    return offsets.status();
  if (offsets->size() != 2)
    return Status::error("data_offsets expected 2 numbers, got " + std::to_string(offsets->size()));
  int64_t begin = (*offsets)[0], end = (*offsets)[1];
  if (begin < 0 || begin > end)
    return Status::error("data_offsets run from " + std::to_string(begin) + " to " + std::to_string(end));
  if (uint64_t(end) > available)
    return Status::error("its data end at byte " + std::to_string(end) + " of " + std::to_string(available) +
                         "; the file is truncated");
  if (uint64_t(end - begin) != bytes)
    return Status::error("its shape and dtype take " + std::to_string(bytes) + " bytes, data_offsets span " +
                         std::to_string(end - begin));
  tensor.data = base + begin;
  tensor.bytes = bytes;
  return Status::ok();
}

//===--- The file ----------------------------------------------------------===//

Result<SafetensorsFile> SafetensorsFile::open(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.status();
  return parse(std::move(*file));
}

Result<SafetensorsFile> SafetensorsFile::parse(MappedFile mapped) {
  SafetensorsFile result;
  result.file = std::move(mapped);
  const MappedFile &file = result.file;
  auto failed = [&](const std::string &why) { return Status::error("'" + file.path() + "': " + why); };

  if (file.size() < 8)
    return failed("expected a safetensors file, got " + std::to_string(file.size()) + " bytes");
  uint64_t header = loadAs<uint64_t>(file.data());
  if (header > maxHeaderBytes)
    return failed("not a safetensors file: its header would have " + std::to_string(header) +
                  " bytes, at most " + std::to_string(maxHeaderBytes) + " are allowed");
  if (header > file.size() - 8)
    return failed("its header has " + std::to_string(header) + " bytes, the file " +
                  std::to_string(file.size()) + "; it is truncated");
  std::string_view text = file.text().substr(8, header);
  if (text.empty() || text[0] != '{')
    return failed("not a safetensors file: its header is not a JSON object");
  Result<nlohmann::json> parsed = parseJson(text, file.path());
  if (!parsed)
    return parsed.status();

  const uint8_t *base = file.data() + 8 + header;
  uint64_t available = file.size() - 8 - header;
  for (const auto &item : parsed->items()) {
    if (item.key() == "__metadata__") {
      if (!item.value().is_object())
        return failed("__metadata__ expected an object of strings");
      for (const auto &pair : item.value().items()) {
        if (!pair.value().is_string())
          return failed("__metadata__ key '" + pair.key() + "' expected a string, got " +
                        pair.value().type_name());
        result.strings[pair.key()] = pair.value().get_ref<const std::string &>();
      }
      continue;
    }
    SafetensorsTensor tensor;
    tensor.name = item.key();
    Status status = readEntry(item.value(), base, available, tensor);
    if (!status)
      return failed("tensor '" + tensor.name + "': " + status.message());
    result.entries.push_back(std::move(tensor));
  }

  std::sort(
      result.entries.begin(), result.entries.end(),
      [](const SafetensorsTensor &a, const SafetensorsTensor &b) {
        return a.data != b.data ? a.data < b.data : a.bytes != b.bytes ? a.bytes < b.bytes : a.name < b.name;
      });
  const uint8_t *next = base;
  for (const SafetensorsTensor &tensor : result.entries) {
    if (tensor.data != next)
      return failed("tensor '" + tensor.name + "': its data begin at byte " +
                    std::to_string(tensor.data - base) + ", expected " + std::to_string(next - base) +
                    " (tensors " + (tensor.data < next ? "overlap" : "leave a hole") + ")");
    next += tensor.bytes;
  }
  if (next != base + available)
    return failed("its tensors take " + std::to_string(next - base) + " bytes, the file has " +
                  std::to_string(available) + " after its header");
  for (size_t i = 0; i < result.entries.size(); ++i)
    result.index.emplace(result.entries[i].name, i);
  return result;
}

const SafetensorsTensor *SafetensorsFile::find(std::string_view name) const {
  auto it = index.find(std::string(name));
  return it == index.end() ? nullptr : &entries[it->second];
}

Result<const SafetensorsTensor *> SafetensorsFile::get(std::string_view name) const {
  if (const SafetensorsTensor *tensor = find(name))
    return tensor;
  std::vector<std::string> names;
  for (const SafetensorsTensor &tensor : entries)
    names.push_back(tensor.name);
  return Status::error("'" + path() + "': tensor '" + std::string(name) + "' is missing" +
                       didYouMean(nearestNames(name, names)));
}

//===--- Values ------------------------------------------------------------===//

template <class To, class From, class Convert>
static std::vector<To> convertAll(const SafetensorsTensor &tensor, Convert convert) {
  std::vector<To> values(size_t(tensor.bytes / sizeof(From)));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = convert(loadAs<From>(tensor.data + i * sizeof(From)));
  return values;
}

Result<std::vector<float>> SafetensorsFile::floats(std::string_view name) const {
  Result<const SafetensorsTensor *> tensor = get(name);
  if (!tensor)
    return tensor.status();
  switch ((*tensor)->type) {
  case SafetensorsType::F32:
    return convertAll<float, float>(**tensor, [](float x) { return x; });
  case SafetensorsType::F64:
    return convertAll<float, double>(**tensor, [](double x) { return float(x); });
  case SafetensorsType::BF16:
    return convertAll<float, bf16>(**tensor, [](bf16 x) { return toFloat(x); });
  case SafetensorsType::F16:
    return convertAll<float, uint16_t>(**tensor, halfToFloat);
  default:
    return Status::error("'" + path() + "': tensor '" + std::string(name) +
                         "' expected dtype F32, F16, BF16 or F64, got " + toString((*tensor)->type));
  }
}

Result<std::vector<int32_t>> SafetensorsFile::ints(std::string_view name) const {
  Result<const SafetensorsTensor *> tensor = get(name);
  if (!tensor)
    return tensor.status();
  bool fits = true;
  auto narrow = [&](auto x) {
    if (std::is_unsigned<decltype(x)>::value)
      fits = fits && uint64_t(x) <= uint64_t(INT32_MAX);
    else
      fits = fits && int64_t(x) >= INT32_MIN && int64_t(x) <= INT32_MAX;
    return int32_t(x);
  };
  std::vector<int32_t> values;
  switch ((*tensor)->type) {
  case SafetensorsType::I64:
    values = convertAll<int32_t, int64_t>(**tensor, narrow);
    break;
  case SafetensorsType::U64:
    values = convertAll<int32_t, uint64_t>(**tensor, narrow);
    break;
  case SafetensorsType::I32:
    values = convertAll<int32_t, int32_t>(**tensor, narrow);
    break;
  case SafetensorsType::U32:
    values = convertAll<int32_t, uint32_t>(**tensor, narrow);
    break;
  case SafetensorsType::I16:
    values = convertAll<int32_t, int16_t>(**tensor, narrow);
    break;
  case SafetensorsType::U16:
    values = convertAll<int32_t, uint16_t>(**tensor, narrow);
    break;
  case SafetensorsType::I8:
    values = convertAll<int32_t, int8_t>(**tensor, narrow);
    break;
  case SafetensorsType::U8:
  case SafetensorsType::BOOL:
    values = convertAll<int32_t, uint8_t>(**tensor, narrow);
    break;
  default:
    return Status::error("'" + path() + "': tensor '" + std::string(name) +
                         "' expected an integer dtype, got " + toString((*tensor)->type));
  }
  if (!fits)
    return Status::error("'" + path() + "': tensor '" + std::string(name) + "' has values beyond 32 bits");
  return values;
}

} // namespace peft
