//===- json.h - JSON text to values, and values to fields with clear errors ----===//
//
// A strict parse of JSON into nlohmann::json: no exceptions, no duplicate keys, no
// nesting beyond maxJsonDepth, valid UTF-8. The getters read one field of an object;
// `where` names the object in their errors ("config.json"). All are free functions
// without state and may be called from several threads.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_JSON_H
#define PEFT_RUNTIME_JSON_H

#include "peft/runtime/status.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

constexpr int maxJsonDepth = 100;

/// `name` is the file's, for messages.
Result<nlohmann::json> parseJson(std::string_view text, std::string_view name);
Result<nlohmann::json> parseJsonFile(const std::string &path);

/// One line for messages and files; invalid UTF-8 is replaced, never thrown at. `indent` < 0: one line.
std::string printJson(const nlohmann::json &value, int indent = -1);

/// The field, or null when it is absent or JSON null or `object` is no object.
const nlohmann::json *findField(const nlohmann::json &object, std::string_view key);

/// A field that must be there. Integers are accepted where a number is wanted, and
/// a number without a fraction (1e6, 2.0) where an integer is.
Result<int64_t> getInt(const nlohmann::json &object, std::string_view key, std::string_view where);
Result<double> getNumber(const nlohmann::json &object, std::string_view key, std::string_view where);
Result<bool> getBool(const nlohmann::json &object, std::string_view key, std::string_view where);
Result<std::string> getString(const nlohmann::json &object, std::string_view key, std::string_view where);
Result<std::vector<double>> getNumbers(const nlohmann::json &object, std::string_view key,
                                       std::string_view where);
Result<std::vector<int64_t>> getInts(const nlohmann::json &object, std::string_view key,
                                     std::string_view where);
Result<std::vector<std::string>> getStrings(const nlohmann::json &object, std::string_view key,
                                            std::string_view where);

/// A field that may be absent or null, which gives `fallback`; another type is an error.
Result<int64_t> getIntOr(const nlohmann::json &object, std::string_view key, std::string_view where,
                         int64_t fallback);
Result<double> getNumberOr(const nlohmann::json &object, std::string_view key, std::string_view where,
                           double fallback);
Result<bool> getBoolOr(const nlohmann::json &object, std::string_view key, std::string_view where,
                       bool fallback);
Result<std::string> getStringOr(const nlohmann::json &object, std::string_view key, std::string_view where,
                                std::string_view fallback);

} // namespace peft

#endif // PEFT_RUNTIME_JSON_H
