//===- generate_test.cpp - prompts continued ------------------------------===//

#include "fake_program.h"
#include "peft/runtime/file.h"
#include "peft/runtime/safetensors.h"

#include <cstring>
#include <gtest/gtest.h>

using namespace peft;
using namespace peft::test;
using Tokens = std::vector<std::vector<int32_t>>;

namespace {

class GenerateTest : public ::testing::Test {
protected:
  GenerateTest() : model(folder / "model") {
    faults = Faults();
    writeFakeCheckpoint(model);
    writeDocuments(folder / "prompts", {{1}, {2, 7}, {3}, {5, 5, 5}, {9}}); // three batches of two rows
    writeDocuments(folder / "data", makeDocuments(200, 1));
    EXPECT_EQ(runFake(model, {"--data", folder / "data", "--output_dir", folder / "out", "--learning_rate",
                              "0.1", "--max_steps", "200"})
                  .code,
              0);
  }

  Tokens generate(std::vector<std::string> more) {
    std::vector<std::string> arguments = {"generate",     "--prompts",    folder / "prompts", "--output",
                                          folder / "new", "--output_dir", folder / "out"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = runFake(model, arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    auto file = SafetensorsFile::open(folder / "new");
    EXPECT_TRUE(file);
    EXPECT_EQ(file->metadata().at("eos_token_id"), "0");
    const auto ids = *file->ints("input_ids");
    std::vector<int64_t> offsets(size_t(file->find("doc_offsets")->elements()));
    memcpy(offsets.data(), file->find("doc_offsets")->data, offsets.size() * 8);
    Tokens tokens;
    for (size_t i = 0; i + 1 < offsets.size(); ++i)
      tokens.emplace_back(ids.begin() + offsets[i], ids.begin() + offsets[i + 1]);
    return tokens;
  }

  const TemporaryFolder folder;
  const std::string model;
};

TEST_F(GenerateTest, TheLearntLanguageIsSpoken) {
  const Tokens tokens = generate({"--max_new_tokens", "1"});
  ASSERT_EQ(tokens.size(), 5u);
  int right = 0;
  for (size_t i = 0; i < 5; ++i)
    right += tokens[i] == std::vector<int32_t>{std::vector<int32_t>{4, 6, 10, 0, 12}[i]};
  EXPECT_GE(right, 3); // rank 2 of 16 tokens cannot hold all
  EXPECT_NE(generate({"--max_new_tokens", "1", "--adapter", "off"}), tokens);
}

TEST_F(GenerateTest, RowsEndAtTheEndTokenOrTheRow) {
  for (const auto &tokens :
       generate({"--max_new_tokens", "50", "--do_sample", "--temperature", "3", "--top_k", "0"})) {
    ASSERT_FALSE(tokens.empty());
    EXPECT_LE(tokens.size(), size_t(fakeSeqLen));
    for (size_t i = 0; i + 1 < tokens.size(); ++i)
      EXPECT_NE(tokens[i], 0);
  }
  for (const auto &tokens : generate({"--max_new_tokens", "2"}))
    EXPECT_LE(tokens.size(), 2u);
}

TEST_F(GenerateTest, TheSeedDecides) {
  const std::vector<std::string> options = {"--do_sample", "--temperature", "2", "--seed"};
  const auto with = [&](const char *seed) {
    auto more = options;
    more.push_back(seed);
    return generate(more);
  };
  EXPECT_EQ(with("1"), with("1"));
  EXPECT_NE(with("1"), with("2"));
}

TEST_F(GenerateTest, APromptAsLongAsARowIsAnError) {
  writeDocuments(folder / "prompts", {{1}, std::vector<int32_t>(size_t(fakeSeqLen), 2)});
  const Outcome outcome = runFake(
      model, {"generate", "--prompts", folder / "prompts", "--output", folder / "x", "--adapter", "off"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("prompt 1 has 8 tokens"), std::string::npos);
  EXPECT_FALSE(isFile(folder / "x"));
}

} // namespace
