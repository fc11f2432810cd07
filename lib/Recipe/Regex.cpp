//===- Regex.cpp - Python's re by PCRE2 -----------------------------------===//
#include "peft/Recipe/Regex.h"

#include "PythonSyntax.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#define PCRE2_STATIC
#include <pcre2.h>

using namespace peft;

/// Steps of one match; a real pattern on a module's name takes a few hundred.
static constexpr uint32_t matchLimit = 1000000;

struct Regex::Code {
  std::string pattern;
  pcre2_code *code = nullptr;
  ~Code() { pcre2_code_free(code); }
};

static std::string message(int error) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(error, text, sizeof text);
  return reinterpret_cast<const char *>(text);
}

llvm::Expected<Regex> Regex::compile(llvm::StringRef pattern) {
  auto code = std::make_shared<Code>();
  code->pattern = pattern.str();
  int error = 0;
  PCRE2_SIZE offset = 0;
  code->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                             PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &offset, nullptr);
  std::optional<SyntaxProblem> problem;
  if (!code->code)
    problem = {message(error), offset};
  else
    problem = findForeignSyntax(pattern);
  if (problem)
    return llvm::createStringError("bad regular expression '" + pattern + "': " + problem->message +
                                   " at offset " + std::to_string(problem->offset));
  Regex regex;
  regex.code = std::move(code);
  return regex;
}

llvm::Expected<bool> Regex::run(llvm::StringRef text, uint32_t options, const char *group,
                                std::string *value) const {
  std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> data(
      pcre2_match_data_create_from_pattern(code->code, nullptr), pcre2_match_data_free);
  std::unique_ptr<pcre2_match_context, decltype(&pcre2_match_context_free)> context(
      pcre2_match_context_create(nullptr), pcre2_match_context_free);
  pcre2_set_match_limit(context.get(), matchLimit);
  int count = pcre2_match(code->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, options,
                          data.get(), context.get());
  if (count == PCRE2_ERROR_NOMATCH)
    return false;
  if (count < 0)
    return llvm::createStringError("regular expression '" + code->pattern + "' on '" + text +
                                   "': " + message(count));
  if (group) {
    PCRE2_UCHAR *found = nullptr;
    PCRE2_SIZE size = 0;
    if (pcre2_substring_get_byname(data.get(), reinterpret_cast<PCRE2_SPTR>(group), &found, &size) == 0)
      value->assign(reinterpret_cast<const char *>(found), size);
    pcre2_substring_free(found);
  }
  return true;
}

llvm::Expected<bool> Regex::fullMatch(llvm::StringRef text) const {
  return run(text, PCRE2_ANCHORED | PCRE2_ENDANCHORED, nullptr, nullptr);
}

llvm::Expected<bool> Regex::match(llvm::StringRef text) const {
  return run(text, PCRE2_ANCHORED, nullptr, nullptr);
}

llvm::Expected<bool> Regex::search(llvm::StringRef text) const { return run(text, 0, nullptr, nullptr); }

llvm::Expected<std::optional<int64_t>> Regex::matchNumber(llvm::StringRef text, const char *name) const {
  std::string value;
  llvm::Expected<bool> matched = run(text, PCRE2_ANCHORED, name, &value);
  if (!matched)
    return matched.takeError();
  int64_t number = 0;
  if (!*matched || llvm::StringRef(value).getAsInteger(10, number))
    return std::optional<int64_t>();
  return std::optional<int64_t>(number);
}
