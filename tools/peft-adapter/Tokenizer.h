//===- Tokenizer.h - the tokenizer's files of a merged model ----*- C++ -*-===//
#ifndef PEFT_TOOLS_ADAPTER_TOKENIZER_H
#define PEFT_TOOLS_ADAPTER_TOKENIZER_H

#include "peft/runtime/checkpoint.h"

namespace peft {

/// Copies the tokenizer's files from the adapter's folder (if it isn't "" and holds one), else from the base;
/// from a GGUF, `peft-data tokenizer` makes them. A text in `note` says why there is no tokenizer.
Status writeTokenizer(const std::string &folder, const Checkpoint &base, const std::string &adapterFolder,
                      const std::string &program, std::string &note);

} // namespace peft

#endif // PEFT_TOOLS_ADAPTER_TOKENIZER_H
