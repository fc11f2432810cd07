//===- fake_program.h - a program small enough to write by hand -----------===//
//
// Predicts the next token from the current one: logits = (head + B A) embed[token].
// head and embed are frozen, A (uniform) and B (zeros) are trained by AdamW, and the
// embedding is scaled by noise of the micro-batch's seed while training. What a test
// wants to go wrong is set in `faults`. State of the process.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_TEST_FAKE_PROGRAM_H
#define PEFT_RUNTIME_TEST_FAKE_PROGRAM_H

#include "peft/runtime/abi.h"

#include <string>
#include <vector>

namespace peft::test {

constexpr int64_t fakeBatch = 2, fakeSeqLen = 8, fakeVocab = 16, fakeWidth = 8, fakeRank = 2;

struct Faults {
  int64_t microSteps = 0;  ///< run so far
  int64_t nanAt = -1;      ///< the micro-step whose loss is no number
  int64_t infiniteAt = -1; ///< the update after which a parameter is infinite
  int64_t signalAt = -1;   ///< the micro-step in which SIGINT (or `signal`) arrives
  int signal = 2;
  bool noise = true; ///< of the seed
};
extern Faults faults;

/// For the checkpoint at `model`, which must outlive it.
peft_program_t fakeProgram(const std::string &model);

/// A checkpoint folder with embed.weight and head.weight.
void writeFakeCheckpoint(const std::string &folder);
/// Documents in the form of peft-data. Every label is the token, but -100 for the first `ignored`.
void writeDocuments(const std::string &path, const std::vector<std::vector<int32_t>> &documents,
                    size_t ignored = 0);
/// `count` documents of a language in which token t is mostly followed by 3 t + 1.
std::vector<std::vector<int32_t>> makeDocuments(size_t count, uint64_t seed);

/// A folder that is removed at the end.
class TemporaryFolder {
public:
  TemporaryFolder();
  ~TemporaryFolder();
  std::string operator/(const std::string &name) const { return path + "/" + name; }
  const std::string path;
};

/// A run of the command line: exit code and what it printed.
struct Outcome {
  int code;
  std::string out, err;
};
Outcome runFake(const std::string &model, std::vector<std::string> arguments);

} // namespace peft::test

#endif // PEFT_RUNTIME_TEST_FAKE_PROGRAM_H
