//===- names.h - what a person may have meant by a name -------------------===//
//
// Suggestions for error messages. Functions without state.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_NAMES_H
#define PEFT_RUNTIME_NAMES_H

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// Insertions, deletions and replacements of one character that lead from a to b.
size_t editDistance(std::string_view a, std::string_view b);

/// Up to `count` of the candidates, nearest first; those that differ in more than half are left out.
std::vector<std::string> nearestNames(std::string_view name, const std::vector<std::string> &candidates,
                                      size_t count = 3);

/// "; did you mean 'a' or 'b'?", or nothing for no names.
std::string didYouMean(const std::vector<std::string> &names);

} // namespace peft

#endif // PEFT_RUNTIME_NAMES_H
