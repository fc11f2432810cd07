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

/// The adapter, its model card and the files of the tokenizer that options.tokenizer names, into a folder
/// that exists.
Status writeModelFiles(const std::string &directory, const Weights &weights, const Options &options,
                       const TrainerState &state);

/// The same into options.outputDir, with trainer_state.json.
Status writeOutput(const Weights &weights, const Options &options, const TrainerState &state);

} // namespace peft

#endif // PEFT_RUNTIME_OUTPUT_FOLDER_H
