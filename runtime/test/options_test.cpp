//===- options_test.cpp - the command line --------------------------------===//

#include "fake_program.h"
#include "peft/runtime/file.h"
#include "peft/runtime/json.h"
#include "peft/runtime/options.h"

#include <gtest/gtest.h>

using namespace peft;

static std::string errorOf(const std::vector<std::string> &arguments) {
  const auto options = parseOptions(arguments);
  return options ? "" : options.status().message();
}

TEST(Options, DefaultsAreThoseOfTrainingArguments) {
  const auto options = parseOptions({});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->mode, "train");
  EXPECT_EQ(options->learningRate, 5e-5);
  EXPECT_EQ(options->numTrainEpochs, 3);
  EXPECT_EQ(options->lrSchedulerType, "linear");
  EXPECT_EQ(options->maxGradNorm, 1);
  EXPECT_EQ(options->saveSteps, 500);
  EXPECT_EQ(options->dataSeed, 42);
}

TEST(Options, HyphensUnderscoresAndEqualsAreTheSame) {
  for (const std::vector<std::string> &form : std::vector<std::vector<std::string>>{
           {"--learning_rate", "2e-4"}, {"--learning-rate", "2e-4"}, {"--learning-rate=2e-4"}}) {
    const auto options = parseOptions(form);
    ASSERT_TRUE(options) << options.status().message();
    EXPECT_EQ(options->learningRate, 2e-4);
    EXPECT_TRUE(options->wasGiven("learning_rate"));
  }
}

TEST(Options, SwitchesTakeAValueOrNone) {
  EXPECT_FALSE(parseOptions({"--packing", "off"})->packing);
  const auto options = parseOptions({"generate", "--do_sample", "--top_p", "0.9"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->mode, "generate");
  EXPECT_TRUE(options->doSample);
  EXPECT_EQ(options->topP, 0.9);
}

TEST(Options, MistakesAreNamedWithWhatWouldWork) {
  EXPECT_NE(errorOf({"--learning_rte", "1"}).find("did you mean 'learning_rate'"), std::string::npos);
  EXPECT_NE(errorOf({"--max_steps", "ten"}).find("--max_steps: expected an integer, got 'ten'"),
            std::string::npos);
  EXPECT_NE(errorOf({"--adam_beta1", "1"}).find("adam_beta1"), std::string::npos);
  EXPECT_NE(errorOf({"--learning_rate", "nan"}).find("expected a number"), std::string::npos);
  EXPECT_NE(errorOf({"--seed"}).find("a value is missing"), std::string::npos);
  EXPECT_NE(errorOf({"trian"}).find("unknown mode"), std::string::npos);
  EXPECT_NE(errorOf({"--gradient_accumulation_steps", "0"}).find("1"), std::string::npos);
  EXPECT_NE(errorOf({"--lr_scheduler_type", "polynomial"}).find("cosine"), std::string::npos);
  EXPECT_NE(errorOf({"--eval_strategy", "epoch"}).find("--eval_data"), std::string::npos);
}

TEST(Options, EvaluationDataMeansEvaluation) {
  EXPECT_EQ(parseOptions({"--eval_data", "x"})->evalStrategy, "epoch");
  EXPECT_EQ(parseOptions({"--eval_data", "x", "--eval_strategy", "no"})->evalStrategy, "no");
}

TEST(Options, TheBestModelNeedsAnEvaluationForEveryCheckpoint) {
  EXPECT_FALSE(parseOptions({"--eval_data", "x", "--load_best_model_at_end"}));
  EXPECT_TRUE(parseOptions({"--eval_data", "x", "--load_best_model_at_end", "--save_strategy", "epoch"}));
  EXPECT_FALSE(parseOptions({"--eval_data", "x", "--load_best_model_at_end", "--eval_strategy", "steps",
                             "--eval_steps", "4", "--save_steps", "6"}));
}

TEST(Options, AConfigFileGoesBehindTheCommandLine) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "config.json";
  ASSERT_TRUE(
      writeFileAtomically(path, R"({"learning_rate": 1e-3, "seed": 7, "packing": false, "data": "d"})"));
  const auto options = parseOptions({"--config", path, "--seed", "8"});
  ASSERT_TRUE(options) << options.status().message();
  EXPECT_EQ(options->learningRate, 1e-3);
  EXPECT_EQ(options->seed, 8);
  EXPECT_FALSE(options->packing);
  EXPECT_EQ(options->data, "d");
  ASSERT_TRUE(writeFileAtomically(path, R"({"leraning_rate": 1})"));
  EXPECT_NE(errorOf({"--config", path}).find("learning_rate"), std::string::npos);
}

TEST(Options, HelpAndJsonHoldEveryName) {
  const auto options = parseOptions({"--seed", "5"});
  auto json = parseJson(options->toJson(), "training_args.json");
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["seed"], 5);
  const std::string help = optionsHelp();
  for (const auto &[name, value] : json->items())
    EXPECT_NE(help.find("--" + name + " "), std::string::npos) << name;
}
