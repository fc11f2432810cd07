//===- Regex.h - regular expressions as Python's re means them --*- C++ -*-===//
//
// Recipes carry patterns written for Python's `re`. PCRE2 understands that syntax
// (lazy quantifiers, look-around, (?P<name>)); std::regex and llvm::Regex do not.
// What only PCRE2 understands is an error, since PEFT could not read the recipe, and a
// pattern that backtracks without end is an error, not a hang.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RECIPE_REGEX_H
#define PEFT_RECIPE_REGEX_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <optional>

namespace peft {

class Regex {
public:
  static llvm::Expected<Regex> compile(llvm::StringRef pattern);

  /// re.fullmatch, re.match and re.search.
  llvm::Expected<bool> fullMatch(llvm::StringRef text) const;
  llvm::Expected<bool> match(llvm::StringRef text) const;
  llvm::Expected<bool> search(llvm::StringRef text) const;

  /// re.match, and the group `name` as a number; nullopt when it does not match.
  llvm::Expected<std::optional<int64_t>> matchNumber(llvm::StringRef text, const char *name) const;

private:
  struct Code;
  std::shared_ptr<const Code> code;
  llvm::Expected<bool> run(llvm::StringRef text, uint32_t options, const char *group,
                           std::string *value) const;
};

} // namespace peft

#endif // PEFT_RECIPE_REGEX_H
