//===- json.cpp - JSON text to values, and values to fields with clear errors ----===//

#include "peft/runtime/json.h"

#include "peft/runtime/file.h"

#include <algorithm>
#include <cmath>

namespace peft {

using nlohmann::json;

//===--- Parsing -----------------------------------------------------------===//

namespace {

/// Builds a value from the parser's events; nlohmann's own builder would let
/// duplicate keys and any depth pass.
class Builder : public nlohmann::json_sax<json> {
public:
  json root;
  std::string problem; ///< why the text was refused
  size_t position = 0; ///< byte at which the parser gave up, from 1
  bool hasPosition = false;

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t &) override { return add(value); }
  bool string(string_t &value) override { return add(std::move(value)); }
  bool binary(binary_t &) override { return refuse("unexpected binary value"); }

  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t &name) override {
    json &object = *stack.back();
    if (object.contains(name))
      return refuse("key '" + name.substr(0, 200) + "' appears twice");
    slot = &object[name];
    return true;
  }

  bool parse_error(std::size_t where, const std::string &,
                   const nlohmann::detail::exception &error) override {
    // what() is "[json.exception...] parse error at line 1, column 5: syntax error ...".
    std::string text = error.what();
    size_t start = text.find("] ");
    text = start == std::string::npos ? text : text.substr(start + 2);
    size_t column = text.find(", column ");
    size_t colon = column == std::string::npos ? column : text.find(": ", column);
    if (colon != std::string::npos)
      text = text.substr(colon + 2);
    position = where;
    hasPosition = true;
    return refuse(text.size() > 200 ? text.substr(0, 200) + "..." : text);
  }

private:
  json *put(json value) {
    if (stack.empty()) {
      root = std::move(value);
      return &root;
    }
    if (stack.back()->is_object()) {
      *slot = std::move(value);
      return slot;
    }
    stack.back()->push_back(std::move(value));
    return &stack.back()->back();
  }
  bool add(json value) {
    put(std::move(value));
    return true;
  }
  bool open(json value) {
    if (stack.size() >= size_t(maxJsonDepth))
      return refuse("nested deeper than " + std::to_string(maxJsonDepth));
    stack.push_back(put(std::move(value)));
    return true;
  }
  bool close() {
    stack.pop_back();
    return true;
  }
  bool refuse(std::string why) {
    problem = std::move(why);
    return false;
  }

  /// Elements of `stack` stay where they are: a container grows only while it is the last.
  std::vector<json *> stack;
  json *slot = nullptr;
};

} // namespace

Result<json> parseJson(std::string_view text, std::string_view name) {
  Builder builder;
  if (json::sax_parse(text.begin(), text.end(), &builder))
    return std::move(builder.root);
  std::string place;
  if (builder.hasPosition) {
    std::string_view before =
        text.substr(0, std::min(builder.position ? builder.position - 1 : 0, text.size()));
    size_t line = 1 + size_t(std::count(before.begin(), before.end(), '\n'));
    size_t newline = before.rfind('\n');
    size_t column = newline == std::string_view::npos ? before.size() + 1 : before.size() - newline;
    place = " at line " + std::to_string(line) + ", column " + std::to_string(column);
  }
  return Status::error("cannot read JSON of '" + std::string(name) + "'" + place + ": " + builder.problem);
}

Result<json> parseJsonFile(const std::string &path) {
  Result<std::string> text = readWholeFile(path);
  if (!text)
    return text.status();
  return parseJson(*text, path);
}

std::string printJson(const json &value, int indent) {
  return value.dump(indent, ' ', false, json::error_handler_t::replace);
}

//===--- Fields ------------------------------------------------------------===//

const json *findField(const json &object, std::string_view key) {
  if (!object.is_object())
    return nullptr;
  auto it = object.find(std::string(key));
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

static Status missing(std::string_view key, std::string_view where) {
  return Status::error(std::string(where) + ": key '" + std::string(key) + "' is missing");
}

static Status mismatch(std::string_view key, std::string_view where, const char *expected, const json &got) {
  std::string text = printJson(got);
  if (text.size() > 80)
    text = text.substr(0, 80) + "...";
  return Status::error(std::string(where) + ": key '" + std::string(key) + "' expected " + expected +
                       ", got " + text);
}

static bool toInt(const json &value, int64_t &result) {
  if (value.is_number_unsigned() && value.get<uint64_t>() > uint64_t(INT64_MAX))
    return false;
  if (value.is_number_integer()) {
    result = value.get<int64_t>();
    return true;
  }
  if (!value.is_number_float())
    return false;
  double number = value.get<double>();
  if (!(std::fabs(number) <= 9007199254740992.0) || number != std::floor(number))
    return false;
  result = int64_t(number);
  return true;
}

static bool toNumber(const json &value, double &result) {
  if (!value.is_number())
    return false;
  result = value.get<double>();
  return true;
}

static bool toBool(const json &value, bool &result) {
  if (!value.is_boolean())
    return false;
  result = value.get<bool>();
  return true;
}

static bool toText(const json &value, std::string &result) {
  if (!value.is_string())
    return false;
  result = value.get_ref<const std::string &>();
  return true;
}

template <class T, class Convert>
static Result<T> getField(const json &object, std::string_view key, std::string_view where,
                          const char *expected, Convert convert) {
  const json *field = findField(object, key);
  if (!field)
    return missing(key, where);
  T value{};
  if (!convert(*field, value))
    return mismatch(key, where, expected, *field);
  return value;
}

template <class T, class Convert>
static Result<std::vector<T>> getList(const json &object, std::string_view key, std::string_view where,
                                      const char *expected, Convert convert) {
  return getField<std::vector<T>>(object, key, where, expected,
                                  [&](const json &list, std::vector<T> &values) {
                                    if (!list.is_array())
                                      return false;
                                    values.resize(list.size());
                                    for (size_t i = 0; i < values.size(); ++i) {
                                      T value{};
                                      if (!convert(list[i], value))
                                        return false;
                                      values[i] = std::move(value);
                                    }
                                    return true;
                                  });
}

Result<int64_t> getInt(const json &object, std::string_view key, std::string_view where) {
  return getField<int64_t>(object, key, where, "an integer", toInt);
}
Result<double> getNumber(const json &object, std::string_view key, std::string_view where) {
  return getField<double>(object, key, where, "a number", toNumber);
}
Result<bool> getBool(const json &object, std::string_view key, std::string_view where) {
  return getField<bool>(object, key, where, "true or false", toBool);
}
Result<std::string> getString(const json &object, std::string_view key, std::string_view where) {
  return getField<std::string>(object, key, where, "a string", toText);
}
Result<std::vector<double>> getNumbers(const json &object, std::string_view key, std::string_view where) {
  return getList<double>(object, key, where, "a list of numbers", toNumber);
}
Result<std::vector<int64_t>> getInts(const json &object, std::string_view key, std::string_view where) {
  return getList<int64_t>(object, key, where, "a list of integers", toInt);
}
Result<std::vector<std::string>> getStrings(const json &object, std::string_view key,
                                            std::string_view where) {
  return getList<std::string>(object, key, where, "a list of strings", toText);
}

Result<int64_t> getIntOr(const json &object, std::string_view key, std::string_view where, int64_t fallback) {
  return findField(object, key) ? getInt(object, key, where) : Result<int64_t>(fallback);
}
Result<double> getNumberOr(const json &object, std::string_view key, std::string_view where,
                           double fallback) {
  return findField(object, key) ? getNumber(object, key, where) : Result<double>(fallback);
}
Result<bool> getBoolOr(const json &object, std::string_view key, std::string_view where, bool fallback) {
  return findField(object, key) ? getBool(object, key, where) : Result<bool>(fallback);
}
Result<std::string> getStringOr(const json &object, std::string_view key, std::string_view where,
                                std::string_view fallback) {
  return findField(object, key) ? getString(object, key, where) : Result<std::string>(std::string(fallback));
}

} // namespace peft
