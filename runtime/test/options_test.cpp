//===- options_test.cpp - the command line --------------------------------===//

#include "fake_program.h"
#include "foreign_options.h"
#include "peft/runtime/file.h"
#include "peft/runtime/json.h"
#include "peft/runtime/options.h"

#include <gtest/gtest.h>
#include <tuple>

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
  EXPECT_EQ(options->saveSteps.given, 500);
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
  EXPECT_NE(errorOf({"--learning_rate", "1e300"}).find("expected 0 to 1e+18"), std::string::npos);
  EXPECT_NE(errorOf({"--max_steps", "9223372036854775807"}).find("--max_steps"), std::string::npos);
  EXPECT_NE(errorOf({"--data", "a", "--batches", "b"}).find("got both"), std::string::npos);
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

TEST(Options, StepsMayBeAShareOfAll) {
  const auto options = parseOptions(
      {"--logging_steps", "0.1", "--save_steps", "0.25", "--warmup_steps", "0.05", "--eval_steps", "20"});
  ASSERT_TRUE(options) << options.status().message();
  EXPECT_EQ(options->loggingSteps.of(25), 3); // as transformers: rounded up
  EXPECT_EQ(options->saveSteps.of(30), 8);
  EXPECT_EQ(options->warmupSteps.of(30), 2);
  EXPECT_EQ(options->evalSteps.of(30), 20);
  auto json = parseJson(options->toJson(), "training_args.json");
  EXPECT_EQ((*json)["logging_steps"], 0.1);
  EXPECT_TRUE((*json)["eval_steps"].is_number_integer());
  EXPECT_NE(errorOf({"--save_steps", "2.5"}).find("a number of steps, or a share"), std::string::npos);
  EXPECT_NE(errorOf({"--logging_steps", "0"}).find("a number of steps, or a share"), std::string::npos);
  EXPECT_TRUE(parseOptions({"--warmup_steps", "0"}));

  const std::vector<std::string> best = {"--eval_data", "x", "--load_best_model_at_end", "--eval_strategy",
                                         "steps"};
  const auto with = [&](const char *evaluate, const char *save) {
    auto arguments = best;
    arguments.insert(arguments.end(), {"--eval_steps", evaluate, "--save_steps", save});
    return bool(parseOptions(arguments));
  };
  EXPECT_TRUE(with("0.1", "0.3"));
  EXPECT_FALSE(with("0.2", "0.3"));
  EXPECT_FALSE(with("2", "0.5"));
}

TEST(Options, SavingTheBestNeedsEvaluations) {
  EXPECT_NE(errorOf({"--save_strategy", "best"}).find("--eval_data"), std::string::npos);
  EXPECT_TRUE(parseOptions({"--save_strategy", "best", "--eval_data", "x", "--load_best_model_at_end"}));
}

static std::string checkAgainst(const peft_program_t &program, const std::vector<std::string> &arguments,
                                std::vector<std::string> &ignored) {
  const auto options = parseOptions(arguments);
  EXPECT_TRUE(options) << options.status().message();
  return checkForeign(*options, program, ignored).message();
}

TEST(Options, WhatWasCompiledInMustAgree) {
  peft_program_t program{};
  program.batch = 4;
  program.seq_len = 128;
  program.dtype = PEFT_BF16;
  program.optimizer = "adamw";
  std::vector<std::string> ignored;
  EXPECT_EQ(checkAgainst(program,
                         {"--bf16", "--per_device_train_batch_size=4", "--optim", "adamw_torch_fused",
                          "--max_length", "128", "--fp16", "false"},
                         ignored),
            "");
  EXPECT_EQ(checkAgainst(program, {"--per-device-train-batch-size", "8"}, ignored),
            "per_device_train_batch_size is fixed at compile time: this program has 4, got 8; leave it out, "
            "or compile "
            "with peftc --batch");
  for (const auto &[name, value, flag] : {std::tuple{"bf16", "false", "--dtype"},
                                          {"fp16", "true", "--dtype"},
                                          {"optim", "adamw_8bit", "--optim"},
                                          {"max_seq_length", "64", "--seq-len"}})
    EXPECT_NE(checkAgainst(program, {std::string("--") + name, value}, ignored).find(flag), std::string::npos)
        << name;
  EXPECT_TRUE(ignored.empty());
}

TEST(Options, TheRestOfTrainingArgumentsIsIgnoredOrRefused) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "config.json";
  ASSERT_TRUE(
      writeFileAtomically(path, R"({"report_to": ["wandb"], "dataloader_num_workers": 4, "hub_token": null,
      "label_smoothing_factor": 0.0, "lr_scheduler_kwargs": {}, "save_total_limit": null, "push_to_hub": false})"));
  std::vector<std::string> ignored;
  const peft_program_t program{};
  EXPECT_EQ(checkAgainst(program, {"--config", path}, ignored), "");
  EXPECT_EQ(ignored, (std::vector<std::string>{"dataloader_num_workers", "report_to"}));
  EXPECT_NE(
      checkAgainst(program, {"--label_smoothing_factor", "0.1"}, ignored).find("not supported, expected 0"),
      std::string::npos);
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
