//===- option_table.h - every option once: name, place, help --------------===//
//
// Private to the parser, the help text and training_args.json. Constant data.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_OPTION_TABLE_H
#define PEFT_RUNTIME_OPTION_TABLE_H

#include "peft/runtime/options.h"

#include <variant>

namespace peft {

using OptionPlace = std::variant<double Options::*, int64_t Options::*, Steps Options::*, bool Options::*,
                                 std::string Options::*>;

struct OptionEntry {
  const char *name;
  OptionPlace place;
  const char *help; ///< a text that ends in ':' opens a group and has no name
};

const std::vector<OptionEntry> &optionTable();

/// The value as a person would give it.
std::string optionText(const Options &options, const OptionPlace &place);

} // namespace peft

#endif // PEFT_RUNTIME_OPTION_TABLE_H
