//===- generate.h - prompts continued -------------------------------------===//
//
// As many prompts at a time as the program has rows; every new token runs the whole
// row again. A prompt's tokens depend on the seed and its number, not on its
// neighbours. One thread drives it.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_GENERATE_H
#define PEFT_RUNTIME_GENERATE_H

#include "peft/runtime/batches.h"
#include "peft/runtime/options.h"
#include "peft/runtime/sampler.h"
#include "peft/runtime/weights.h"

#include <map>
#include <set>

namespace peft {

struct Prompts {
  std::vector<std::vector<int32_t>> tokens;
  std::set<int32_t> endTokens;
  std::map<std::string, std::string> metadata;

  /// input_ids and doc_offsets of a file; metadata eos_token_id holds end tokens, by commas.
  static Result<Prompts> open(const std::string &path, const BatchShape &shape);
};

/// The new tokens of every prompt, the end token included.
Result<std::vector<std::vector<int32_t>>> generate(const Weights &weights, const Prompts &prompts,
                                                   const Sampling &sampling, int64_t maxNewTokens,
                                                   uint64_t seed);

/// input_ids and doc_offsets of the new tokens alone, with the prompts' metadata.
Status writeGenerated(const std::string &path, const std::vector<std::vector<int32_t>> &tokens,
                      const std::map<std::string, std::string> &metadata);

} // namespace peft

#endif // PEFT_RUNTIME_GENERATE_H
