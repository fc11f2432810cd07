//===- Fields.cpp - typed reading of a JSON object ------------------------===//
#include "Fields.h"

#include "peft/Recipe/Matching.h"

#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace llvm;
using namespace peft;

std::string peft::shortText(const json::Value &value) {
  std::string text;
  raw_string_ostream(text) << value;
  if (text.size() > 60)
    text = text.substr(0, 57) + "...";
  return text;
}

const json::Value *Fields::raw(StringRef key) {
  seen.insert(key);
  const json::Value *value = object.get(key);
  return value && value->kind() != json::Value::Null ? value : nullptr;
}

void Fields::fail(StringRef key, const Twine &what) {
  if (error.empty())
    error = (where + ": " + key + ": " + what).str();
}

void Fields::mismatch(StringRef key, StringRef expected) {
  fail(key, "expected " + expected + ", got " + shortText(*object.get(key)));
}

bool Fields::flag(StringRef key, bool fallback) {
  const json::Value *value = raw(key);
  if (!value)
    return fallback;
  if (auto flag = value->getAsBoolean())
    return *flag;
  mismatch(key, "true or false");
  return fallback;
}

int64_t Fields::integer(StringRef key, int64_t fallback, int64_t least) {
  const json::Value *value = raw(key);
  if (!value)
    return fallback;
  auto number = value->getAsInteger();
  if (number && *number >= least && *number <= INT32_MAX)
    return *number;
  mismatch(key, "an integer from " + std::to_string(least));
  return fallback;
}

double Fields::number(StringRef key, double fallback) {
  const json::Value *value = raw(key);
  if (!value)
    return fallback;
  if (auto number = value->getAsNumber(); number && std::isfinite(*number))
    return *number;
  mismatch(key, "a number");
  return fallback;
}

std::string Fields::text(StringRef key, StringRef fallback) {
  const json::Value *value = raw(key);
  if (!value)
    return fallback.str();
  if (auto text = value->getAsString())
    return text->str();
  mismatch(key, "a string");
  return fallback.str();
}

std::vector<std::string> Fields::names(StringRef key) {
  const json::Value *value = raw(key);
  if (!value)
    return {};
  if (auto text = value->getAsString()) {
    if (text->empty())
      return {};
    return {text->str()};
  }
  std::vector<std::string> names;
  if (const json::Array *array = value->getAsArray()) {
    for (const json::Value &entry : *array)
      if (auto text = entry.getAsString(); text && !text->empty())
        names.push_back(text->str());
    if (names.size() == array->size())
      return names;
  }
  mismatch(key, "a list of names");
  return {};
}

std::vector<int64_t> Fields::integers(StringRef key) {
  const json::Value *value = raw(key);
  if (!value)
    return {};
  std::vector<int64_t> numbers;
  auto add = [&](const json::Value &entry) {
    auto number = entry.getAsInteger();
    bool good = number && *number >= 0 && *number <= INT32_MAX;
    if (good)
      numbers.push_back(*number);
    return good;
  };
  const json::Array *array = value->getAsArray();
  if (array ? all_of(*array, add) : add(*value))
    return numbers;
  mismatch(key, "integers from 0");
  return {};
}

ModulePattern Fields::modules(StringRef key) {
  ModulePattern pattern;
  const json::Value *value = raw(key);
  if (!value)
    return pattern;
  if (auto text = value->getAsString()) {
    bool all = text->equals_insensitive("all-linear");
    pattern.kind = all ? ModulePattern::Kind::allLinear : ModulePattern::Kind::regex;
    pattern.regex = all ? "" : text->str();
    return pattern;
  }
  pattern.names = names(key);
  if (!pattern.names.empty())
    pattern.kind = ModulePattern::Kind::list;
  return pattern;
}

bool Fields::isNeutral(StringRef key) const {
  const json::Value *value = object.get(key);
  if (!value)
    return true;
  switch (value->kind()) {
  case json::Value::Null:
    return true;
  case json::Value::Boolean:
    return !*value->getAsBoolean();
  case json::Value::Number:
    return *value->getAsNumber() == 0.0;
  case json::Value::String:
    return value->getAsString()->empty();
  case json::Value::Array:
    return value->getAsArray()->empty();
  case json::Value::Object:
    return value->getAsObject()->empty();
  }
  return false;
}

void Fields::ignore(ArrayRef<StringLiteral> keys) {
  for (StringRef key : keys)
    seen.insert(key);
}

void Fields::refuse(ArrayRef<StringLiteral> keys) {
  for (StringRef key : keys)
    if (seen.insert(key).second && !isNeutral(key))
      fail(key, "not supported yet: " + shortText(*object.get(key)));
}

Error Fields::finish(std::vector<std::string> &warnings) {
  std::vector<StringRef> left;
  for (const auto &entry : object)
    if (!seen.contains(entry.first))
      left.push_back(entry.first);
  SmallVector<StringRef> known(seen.keys());
  llvm::sort(left); // an object has no order of its own
  for (StringRef key : left) {
    if (isNeutral(key))
      warnings.push_back((where + ": unknown key '" + key + "' ignored" + didYouMean(key, known)).str());
    else
      fail(key, "unknown key, and " + shortText(*object.get(key)) + " could change the result" +
                    didYouMean(key, known));
  }
  if (!error.empty())
    return createStringError(error);
  return Error::success();
}
