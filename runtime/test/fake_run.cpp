//===- fake_run.cpp - a checkpoint, documents and runs for tests ----------===//

#include "fake_program.h"

#include "peft/runtime/command_line.h"
#include "peft/runtime/file.h"
#include "peft/runtime/random.h"
#include "peft/runtime/safetensors.h"

#include <cstdlib>
#include <gtest/gtest.h>

namespace peft::test {

void writeFakeCheckpoint(const std::string &folder) {
  std::vector<float> embed(fakeVocab * fakeWidth), head(embed.size());
  fillNormal(embed.data(), int64_t(embed.size()), 1, 1);
  fillNormal(head.data(), int64_t(head.size()), 0.3, 2);
  ASSERT_TRUE(makeDirectories(folder));
  ASSERT_TRUE(writeFileAtomically(folder + "/config.json", "{\"model_type\": \"llama\"}"));
  const Status status =
      writeSafetensors(folder + "/model.safetensors",
                       {{"embed.weight", SafetensorsType::F32, {fakeVocab, fakeWidth}, embed.data()},
                        {"head.weight", SafetensorsType::F32, {fakeVocab, fakeWidth}, head.data()}});
  ASSERT_TRUE(status) << status.message();
}

void writeDocuments(const std::string &path, const std::vector<std::vector<int32_t>> &documents,
                    size_t ignored) {
  std::vector<int32_t> ids, labels;
  std::vector<int64_t> offsets = {0};
  for (const auto &document : documents) {
    for (size_t i = 0; i < document.size(); ++i) {
      ids.push_back(document[i]);
      labels.push_back(i < ignored ? -100 : document[i]);
    }
    offsets.push_back(int64_t(ids.size()));
  }
  const Status status =
      writeSafetensors(path,
                       {{"input_ids", SafetensorsType::I32, {int64_t(ids.size())}, ids.data()},
                        {"labels", SafetensorsType::I32, {int64_t(labels.size())}, labels.data()},
                        {"doc_offsets", SafetensorsType::I64, {int64_t(offsets.size())}, offsets.data()}},
                       {{"eos_token_id", "0"}});
  ASSERT_TRUE(status) << status.message();
}

std::vector<std::vector<int32_t>> makeDocuments(size_t number, uint64_t seed) {
  RandomStream random(seed);
  std::vector<std::vector<int32_t>> documents(number);
  for (auto &document : documents) {
    document.push_back(int32_t(random.nextBelow(fakeVocab)));
    for (size_t length = 2 + random.nextBelow(6); document.size() < length;) {
      const int32_t follower = (3 * document.back() + 1) % int32_t(fakeVocab);
      document.push_back(random.nextUnit() < 0.8 ? follower : int32_t(random.nextBelow(fakeVocab)));
    }
  }
  return documents;
}

namespace {
std::string makeFolder() {
  std::string name = ::testing::TempDir() + "/peft-XXXXXX";
  return mkdtemp(name.data()) ? name : std::string();
}
} // namespace

TemporaryFolder::TemporaryFolder() : path(makeFolder()) {}
TemporaryFolder::~TemporaryFolder() { EXPECT_TRUE(removePath(path)); }

Outcome runFake(const std::string &model, std::vector<std::string> arguments) {
  const peft_program_t program = fakeProgram(model);
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code = runCommandLine(program, arguments);
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.err = ::testing::internal::GetCapturedStderr();
  return outcome;
}

} // namespace peft::test
