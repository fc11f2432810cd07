//===- safetensors_writer.cpp - .safetensors files as the Rust library writes them ----===//

#include "peft/runtime/json.h"
#include "peft/runtime/safetensors.h"

#include <algorithm>

namespace peft {

/// Bytes of a tensor's data, or false where its shape is negative or too large.
static bool countBytes(const SafetensorsOutput &tensor, uint64_t &bytes) {
  bytes = elementBytes(tensor.type);
  for (int64_t extent : tensor.shape)
    if (extent < 0 || __builtin_mul_overflow(bytes, uint64_t(extent), &bytes) || bytes > uint64_t(INT64_MAX))
      return false;
  return true;
}

static std::string quote(const std::string &text) { return printJson(nlohmann::json(text)); }

/// The header's JSON, padded so that the data begin at a multiple of 8.
static Result<std::string> makeHeader(const std::vector<SafetensorsOutput> &tensors,
                                      const std::map<std::string, std::string> &metadata, uint64_t &end) {
  std::string text = "{";
  if (!metadata.empty()) {
    text += "\"__metadata__\":{";
    for (const auto &[key, value] : metadata)
      text += (text.back() == '{' ? "" : ",") + quote(key) + ":" + quote(value);
    text += "}";
  }
  end = 0;
  for (const SafetensorsOutput &tensor : tensors) {
    uint64_t bytes = 0;
    if (!countBytes(tensor, bytes) || __builtin_add_overflow(end, bytes, &bytes) ||
        bytes > uint64_t(INT64_MAX))
      return Status::error("tensor '" + tensor.name + "': its shape is negative or too large");
    text += (text.size() == 1 ? "" : ",") + quote(tensor.name) + ":{\"dtype\":\"" + toString(tensor.type) +
            "\",\"shape\":[";
    for (size_t i = 0; i < tensor.shape.size(); ++i)
      text += (i ? "," : "") + std::to_string(tensor.shape[i]);
    text += "],\"data_offsets\":[" + std::to_string(end) + "," + std::to_string(bytes) + "]}";
    end = bytes;
  }
  text += "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

Result<SafetensorsWriter> SafetensorsWriter::create(const std::string &path,
                                                    std::vector<SafetensorsOutput> tensors,
                                                    const std::map<std::string, std::string> &metadata) {
  std::sort(tensors.begin(), tensors.end(), [](const SafetensorsOutput &a, const SafetensorsOutput &b) {
    return a.type != b.type ? a.type < b.type : a.name < b.name;
  });
  std::vector<std::string> names;
  for (const SafetensorsOutput &tensor : tensors)
    names.push_back(tensor.name);
  std::sort(names.begin(), names.end());
  auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end())
    return Status::error("cannot write '" + path + "': tensor '" + *twice + "' is given twice");

  SafetensorsWriter writer;
  Result<std::string> header = makeHeader(tensors, metadata, writer.expected);
  if (!header)
    return Status::error("cannot write '" + path + "': " + header.status().message());
  writer.tensors = std::move(tensors);

  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file)
    return file.status();
  writer.file = std::move(*file);
  uint64_t length = header->size();
  PEFT_TRY(writer.file.write(&length, sizeof length));
  PEFT_TRY(writer.file.write(*header));
  writer.expected += writer.file.size();
  return writer;
}

Status SafetensorsWriter::append(const void *data, uint64_t bytes) {
  if (bytes > expected - file.size())
    return Status::error("cannot write '" + file.path() + "': more data than its header announces");
  return file.write(data, size_t(bytes));
}

Status SafetensorsWriter::finish() {
  if (file.size() != expected)
    return Status::error("cannot write '" + file.path() + "': " + std::to_string(expected - file.size()) +
                         " bytes of data are missing");
  return file.commit();
}

Status writeSafetensors(const std::string &path, std::vector<SafetensorsOutput> tensors,
                        const std::map<std::string, std::string> &metadata) {
  Result<SafetensorsWriter> writer = SafetensorsWriter::create(path, std::move(tensors), metadata);
  if (!writer)
    return writer.status();
  for (const SafetensorsOutput &tensor : writer->order()) {
    uint64_t bytes = 0;
    countBytes(tensor, bytes); // create has refused what doesn't fit
    PEFT_TRY(writer->append(tensor.data, bytes));
  }
  return writer->finish();
}

} // namespace peft
