//===- output_folder.h - what a finished run leaves behind ----------------===//
//
// The adapter, its model card and the tokenizer's files, as PEFT and TRL leave them.
// Free functions without state.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_OUTPUT_FOLDER_H
#define PEFT_RUNTIME_OUTPUT_FOLDER_H

#include "peft/runtime/training_checkpoint.h"

#include <map>

namespace peft {

/// The folder whose tokenizer belongs to the run: --tokenizer, else what the data file
/// names under "tokenizer", else the checkpoint itself; empty if none holds one.
Result<std::string> findTokenizer(const Options &options,
                                  const std::map<std::string, std::string> &dataMetadata,
                                  const std::string &checkpoint);

/// README.md.
std::string modelCard(const peft_program_t &program, const Options &options, const TrainerState &state);

/// Everything into options.outputDir. `tokenizer` may be empty.
Status writeOutput(const Weights &weights, const Options &options, const TrainerState &state,
                   const std::string &tokenizer);

} // namespace peft

#endif // PEFT_RUNTIME_OUTPUT_FOLDER_H
