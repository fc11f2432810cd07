//===- PythonSyntax.h - what Python's re would read alike -------*- C++ -*-===//
#ifndef PEFT_LIB_RECIPE_PYTHONSYNTAX_H
#define PEFT_LIB_RECIPE_PYTHONSYNTAX_H

#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace peft {

/// What stands in a pattern that Python's re (3.11) would refuse, or read differently from PCRE2, and where.
struct SyntaxProblem {
  std::string message;
  size_t offset;
};

/// Null if a pattern that PCRE2 has compiled means the same to Python's re.
std::optional<SyntaxProblem> findForeignSyntax(llvm::StringRef pattern);

} // namespace peft

#endif // PEFT_LIB_RECIPE_PYTHONSYNTAX_H
