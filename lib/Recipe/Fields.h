//===- Fields.h - typed reading of a JSON object ----------------*- C++ -*-===//
//
// Collects the first error, so that a parser reads as a list of its keys. Every
// key must be read, ignored or refused: finish() looks at those that are left.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_LIB_RECIPE_FIELDS_H
#define PEFT_LIB_RECIPE_FIELDS_H

#include "peft/Recipe/Recipe.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/JSON.h"

namespace peft {

class Fields {
public:
  Fields(const llvm::json::Object &object, llvm::StringRef where) : object(object), where(where) {}

  /// The key's value; null where it is absent or null.
  const llvm::json::Value *raw(llvm::StringRef key);
  bool has(llvm::StringRef key) { return raw(key) != nullptr; }
  bool flag(llvm::StringRef key, bool fallback);
  int64_t integer(llvm::StringRef key, int64_t fallback, int64_t least);
  double number(llvm::StringRef key, double fallback);
  std::string text(llvm::StringRef key, llvm::StringRef fallback);
  std::vector<std::string> names(llvm::StringRef key); ///< a list of strings, or one; none where that is ""
  std::vector<int64_t> integers(llvm::StringRef key);  ///< a list of integers from 0, or one
  ModulePattern modules(llvm::StringRef key);          ///< a regular expression or a list
  bool isNeutral(llvm::StringRef key) const;           ///< absent, null, false, 0, "", [] or {}

  void ignore(llvm::ArrayRef<llvm::StringLiteral> keys);
  /// Keys that this project knows but does not do: an error unless neutral.
  void refuse(llvm::ArrayRef<llvm::StringLiteral> keys);
  void fail(llvm::StringRef key, const llvm::Twine &what);
  void mismatch(llvm::StringRef key, llvm::StringRef expected);

  /// The first error, or that of a key nobody asked for; neutral ones are only warned of.
  llvm::Error finish(std::vector<std::string> &warnings);

private:
  const llvm::json::Object &object;
  std::string where;
  std::string error;
  llvm::StringSet<> seen;
};

/// A JSON value in one line, cut after 60 characters.
std::string shortText(const llvm::json::Value &value);

// The parsers of each kind of file; `text` is the whole file, for the order of its keys.
llvm::Expected<Recipe> parseLoraConfig(const llvm::json::Object &object, llvm::StringRef text,
                                       llvm::StringRef where);
llvm::Expected<Recipe> parsePromptConfig(const llvm::json::Object &object, llvm::StringRef where);
llvm::Expected<Recipe> parseBottleneckConfig(const llvm::json::Object &object, llvm::StringRef where);

/// relu, gelu, gelu_new, swish, silu, tanh.
bool isActivationName(llvm::StringRef name);

} // namespace peft

#endif // PEFT_LIB_RECIPE_FIELDS_H
