//===- checkpoint_bnb.cpp - weights that bitsandbytes stored in four bits ----===//
//
// A weight P is several tensors: P (packed codes), P.absmax, P.quant_map, with double
// quantization P.nested_absmax and P.nested_quant_map, and a JSON text as bytes,
// P.quant_state.bitsandbytes__nf4.
//
//===----------------------------------------------------------------------===//

#include "checkpoint_state.h"
#include "peft/runtime/quantize.h"

#include <cmath>
#include <cstring>

namespace peft {

static const char supportedForms[] = "supported are bitsandbytes nf4 and dense weights";
static const char stateSuffix[] = ".quant_state.bitsandbytes__";

Status checkQuantization(const nlohmann::json &config) {
  const nlohmann::json *quantization = findField(config, "quantization_config");
  if (!quantization)
    return Status::ok();
  const std::string where = "quantization_config";
  Result<std::string> method = getStringOr(*quantization, "quant_method", where, "bitsandbytes");
  if (!method)
    return method.status();
  if (*method != "bitsandbytes")
    return Status::error(where + ".quant_method '" + *method + "' is not supported; " + supportedForms);
  Result<bool> eight = getBoolOr(*quantization, "load_in_8bit", where, false);
  if (!eight)
    return eight.status();
  if (*eight)
    return Status::error(where + ".load_in_8bit is not supported; " + supportedForms);
  Result<std::string> type = getStringOr(*quantization, "bnb_4bit_quant_type", where, "fp4");
  if (!type)
    return type.status();
  Result<bool> four = getBoolOr(*quantization, "load_in_4bit", where, false);
  if (!four)
    return four.status();
  if (*four && *type != "nf4")
    return Status::error(where + ".bnb_4bit_quant_type '" + *type + "' is not supported; " + supportedForms);
  return Status::ok();
}

/// The key of the JSON text that belongs to `base`, or an empty string.
static std::string findStateKey(const NamedTensors &all, const std::string &base) {
  std::string start = base + stateSuffix;
  auto it = all.lower_bound(start);
  return it != all.end() && it->first.compare(0, start.size(), start) == 0 ? it->first : "";
}

bool isNf4Part(const NamedTensors &all, const std::string &name, std::string &base) {
  base = name;
  if (!findStateKey(all, base).empty())
    return true;
  // An 8-bit weight P has its scales in SCB beside it; describeNf4 refuses it.
  size_t dot = name.rfind('.');
  if (dot != std::string::npos && all.count(name.substr(0, dot) + ".SCB")) {
    base = name.substr(0, dot) + ".weight";
    return true;
  }
  for (std::string_view end : {".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map"})
    if (name.size() > end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0) {
      base = name.substr(0, name.size() - end.size());
      return !findStateKey(all, base).empty();
    }
  size_t state = name.rfind(stateSuffix);
  if (state == std::string::npos)
    return false;
  base = name.substr(0, state);
  return true;
}

namespace {

/// Reads the parts of one weight.
class Nf4Parts {
public:
  Nf4Parts(const NamedTensors &all, const std::string &base) : all(all), base(base) {}

  /// The part `suffix`, which must be `count` elements of `type`.
  Status get(const char *suffix, SafetensorsType type, int64_t count, const uint8_t *&data) {
    auto it = all.find(base + suffix);
    if (it == all.end())
      return Status::error(std::string("its part '") + suffix + "' is missing");
    if (it->second->type != type || it->second->elements() != count)
      return Status::error(std::string("its part '") + suffix + "' expected " + std::to_string(count) +
                           " x " + toString(type) + ", got " + std::to_string(it->second->elements()) +
                           " x " + toString(it->second->type));
    data = it->second->data;
    bytes += it->second->bytes;
    return Status::ok();
  }

  uint64_t bytes = 0;

private:
  const NamedTensors &all;
  const std::string &base;
};

} // namespace

/// The JSON text of a weight; its padding may be zeros.
static Result<nlohmann::json> readState(const SafetensorsTensor &tensor) {
  std::string_view text(reinterpret_cast<const char *>(tensor.data), size_t(tensor.bytes));
  size_t end = text.find_last_not_of('\0');
  return parseJson(text.substr(0, end == std::string_view::npos ? 0 : end + 1), tensor.name);
}

Status describeNf4(const NamedTensors &all, const std::string &base, CheckpointTensor &tensor,
                   Storage &storage) {
  std::string key = findStateKey(all, base);
  if (key.empty())
    return Status::error(std::string("8-bit weights of bitsandbytes are not supported; ") + supportedForms);
  std::string kind = key.substr(base.size() + sizeof stateSuffix - 1);
  if (kind != "nf4")
    return Status::error("its bitsandbytes type '" + kind + "' is not supported; " + supportedForms);
  auto packed = all.find(base);
  if (packed == all.end())
    return Status::error("its packed codes are missing");
  Result<nlohmann::json> parsed = readState(*all.at(key));
  if (!parsed)
    return parsed.status();

  Result<int64_t> block = getInt(*parsed, "blocksize", key);
  if (!block)
    return block.status();
  Result<int64_t> nested = getIntOr(*parsed, "nested_blocksize", key, 0);
  if (!nested)
    return nested.status();
  PEFT_TRY(checkNf4(*block, *nested));
  Result<std::vector<int64_t>> shape = getInts(*parsed, "shape", key);
  if (!shape)
    return shape.status();
  int64_t n = 1;
  for (int64_t extent : *shape)
    if (extent < 0 || __builtin_mul_overflow(n, extent, &n) || n > INT64_MAX / 8)
      return Status::error("its shape is negative or too large");

  Nf4Layout layout(n, *block, *nested);
  const SafetensorsTensor &codes = *packed->second;
  // Packed bytes may be stored as a wider type, and then end in padding.
  if (codes.bytes < uint64_t(layout.codeBytes) ||
      codes.bytes >= uint64_t(layout.codeBytes) + elementBytes(codes.type))
    return Status::error("its shape takes " + std::to_string(layout.codeBytes) +
                         " bytes of codes, the file has " + std::to_string(codes.bytes));

  Nf4Parts parts(all, base);
  const uint8_t *levels = nullptr;
  if (all.count(base + ".quant_map")) {
    PEFT_TRY(parts.get(".quant_map", SafetensorsType::F32, 16, levels));
    // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): the table's very bits
    if (std::memcmp(levels, nf4Levels, sizeof nf4Levels) != 0)
      return Status::error("its part '.quant_map' is not the table of nf4");
  }
  PEFT_TRY(parts.get(".absmax", *nested ? SafetensorsType::U8 : SafetensorsType::F32, layout.blocks,
                     storage.absmax));
  if (*nested) {
    PEFT_TRY(parts.get(".nested_absmax", SafetensorsType::F32, layout.groups, storage.nestedAbsmax));
    PEFT_TRY(parts.get(".nested_quant_map", SafetensorsType::F32, 256, storage.nestedMap));
    Result<double> offset = getNumber(*parsed, "nested_offset", key);
    if (!offset)
      return offset.status();
    storage.offset = float(*offset);
  }
  storage.format = Storage::Nf4;
  storage.data = codes.data;
  tensor.name = base;
  tensor.type = "nf4";
  tensor.shape = std::move(*shape);
  tensor.bytes = codes.bytes + parts.bytes;
  tensor.block = uint32_t(*block);
  tensor.nested = uint32_t(*nested);
  return Status::ok();
}

} // namespace peft
