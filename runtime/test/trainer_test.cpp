//===- trainer_test.cpp - whole runs of the command line ------------------===//

#include "peft/runtime/safetensors.h"
#include "trainer_testing.h"

#include <cmath>
#include <sys/resource.h>

using namespace peft;
using namespace peft::test;

TEST_F(TrainerTest, LearnsAndLeavesEverythingBehind) {
  ASSERT_TRUE(makeDirectories(folder / "words"));
  ASSERT_TRUE(writeFileAtomically(folder / "words/tokenizer.json", "{}"));
  const Outcome outcome = train("out", {"--max_steps", "60", "--eval_data", folder / "eval",
                                        "--eval_on_start", "--tokenizer", folder / "words"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto losses = column(state("out"), "loss"), evaluations = column(state("out"), "eval_loss");
  ASSERT_EQ(losses.size(), 60u);
  EXPECT_LT(losses.back(), 0.7 * losses.front());
  ASSERT_GE(evaluations.size(), 3u);
  EXPECT_LT(evaluations.back(), 0.8 * evaluations.front());
  for (const char *name :
       {"adapter_model.safetensors", "adapter_config.json", "README.md", "metrics.jsonl", "runs",
        "training_args.json", "tokenizer.json", "checkpoint-60/README.md", "checkpoint-60/tokenizer.json",
        "checkpoint-60/optimizer.safetensors", "checkpoint-60/scheduler.json", "checkpoint-60/rng_state.json",
        "checkpoint-60/trainer_state.json"})
    EXPECT_TRUE(exists(std::string("out/") + name)) << name;
  EXPECT_EQ(bytes("out/adapter_model.safetensors"), bytes("out/checkpoint-60/adapter_model.safetensors"));
  EXPECT_NE(bytes("out/README.md").find("base_model: \"someone/fake\""), std::string::npos);
  EXPECT_NE(outcome.out.find("{'loss': "), std::string::npos);
  EXPECT_NE(outcome.out.find("'train_runtime': "), std::string::npos);
}

TEST_F(TrainerTest, TheSameSeedGivesTheSameBits) {
  ASSERT_EQ(train("a").code, 0);
  ASSERT_EQ(train("b").code, 0);
  ASSERT_EQ(train("c", {"--seed", "43"}).code, 0);
  EXPECT_EQ(bytes("a/adapter_model.safetensors"), bytes("b/adapter_model.safetensors"));
  EXPECT_NE(bytes("a/adapter_model.safetensors"), bytes("c/adapter_model.safetensors"));
  EXPECT_EQ(column(state("a"), "loss"), column(state("b"), "loss"));
}

TEST_F(TrainerTest, ParametersThatAreNoNumbersAreNotSaved) {
  faults.infiniteAt = 5;
  const Outcome outcome = train("out", {"--save_steps", "2"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find(
                "step 6: the parameter base_model.model.head.lora_A.weight is not finite (inf), stopped; "
                "the last good checkpoint is " +
                (folder / "out/checkpoint-4")),
            std::string::npos)
      << outcome.err;
  EXPECT_FALSE(exists("out/checkpoint-6"));
  faults.infiniteAt = 11; // the last step, which nothing looks at but the end
  EXPECT_EQ(train("end", {"--save_strategy", "no", "--adam_epsilon", "0"}).code, 2);
  EXPECT_FALSE(exists("end/adapter_model.safetensors"));
}

TEST_F(TrainerTest, LossesAndLogitsThatAreNoNumbersAreErrors) {
  const std::vector<float> a(fakeRank * fakeWidth, NAN), b(fakeVocab * fakeRank, 1);
  ASSERT_TRUE(writeSafetensors(
      folder / "nan.safetensors",
      {{"base_model.model.head.lora_A.weight", SafetensorsType::F32, {fakeRank, fakeWidth}, a.data()},
       {"base_model.model.head.lora_B.weight", SafetensorsType::F32, {fakeVocab, fakeRank}, b.data()}}));
  const Outcome evaluated =
      runFake(model, {"evaluate", "--eval_data", folder / "eval", "--adapter", folder / "nan.safetensors"});
  EXPECT_EQ(evaluated.code, 2);
  EXPECT_NE(evaluated.err.find("the loss is not finite (nan)"), std::string::npos) << evaluated.err;
  writeDocuments(folder / "prompts", {{1, 2}});
  const Outcome generated = runFake(model, {"generate", "--prompts", folder / "prompts", "--output",
                                            folder / "new", "--adapter", folder / "nan.safetensors"});
  EXPECT_EQ(generated.code, 2);
  EXPECT_NE(generated.err.find("prompt 0: the logits are not finite"), std::string::npos) << generated.err;
  EXPECT_FALSE(exists("new"));
}

TEST_F(TrainerTest, StepsAsSharesAndTheFirstStepLogged) {
  ASSERT_EQ(train("out", {"--max_steps", "12", "--logging_steps", "0.5", "--logging_first_step",
                          "--save_steps", "0.25", "--warmup_steps", "0.3"})
                .code,
            0);
  EXPECT_EQ(column(state("out"), "loss").size(), 3u); // 1, 6, 12
  EXPECT_TRUE(exists("out/checkpoint-3") && exists("out/checkpoint-9"));
  EXPECT_EQ(state("out")["save_steps"], 3);
  EXPECT_EQ(column(state("out"), "learning_rate")[0], 0);
  EXPECT_DOUBLE_EQ(column(state("out"), "learning_rate")[1], 0.05 * 7 / 8); // four of warm-up, then to zero
}

TEST_F(TrainerTest, ForeignNamesAreHeldAgainstTheProgram) {
  const Outcome ignored =
      train("out", {"--report_to", "none", "--per_device_train_batch_size", "2", "--max_steps", "1"});
  EXPECT_EQ(ignored.code, 0) << ignored.err;
  EXPECT_NE(ignored.err.find("warning: without meaning here, and ignored: report_to\n"), std::string::npos);
  const Outcome refused = train("other", {"--bf16"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.err.find("bf16 is fixed at compile time"), std::string::npos);
  EXPECT_FALSE(exists("other"));
}

TEST_F(TrainerTest, ALossThatIsNoNumberStopsBeforeAnyHarm) {
  faults.nanAt = 14; // the first half of step 7
  const Outcome outcome = train("out", {"--save_steps", "3"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("step 7: the loss is not finite"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("checkpoint-6"), std::string::npos);
  EXPECT_TRUE(exists("out/checkpoint-6"));
  EXPECT_FALSE(exists("out/checkpoint-7"));
  EXPECT_FALSE(exists("out/adapter_model.safetensors"));
}

TEST_F(TrainerTest, EpochsRoundUpAndTheLastStepMayBeShort) {
  ASSERT_EQ(train("out", {"--max_steps", "-1", "--num_train_epochs", "2", "--save_strategy", "epoch"}).code,
            0);
  const auto final = state("out");
  EXPECT_EQ(final["epoch"], 2.0);
  const int64_t steps = final["global_step"];
  EXPECT_EQ(steps % 2, 0);
  EXPECT_TRUE(exists("out/checkpoint-" + std::to_string(steps / 2)));
  EXPECT_TRUE(exists("out/checkpoint-" + std::to_string(steps)));
  EXPECT_EQ(column(final, "learning_rate").front(), 0.05);
}

TEST_F(TrainerTest, EvaluationWithAndWithoutTheAdapter) {
  ASSERT_EQ(train("out", {"--max_steps", "40", "--eval_data", folder / "eval", "--eval_on_start"}).code, 0);
  const auto evaluations = column(state("out"), "eval_loss");
  const auto loss = [&](const std::string &adapter) {
    const Outcome outcome = runFake(model, {"evaluate", "--eval_data", folder / "eval", "--output_dir",
                                            folder / "out", "--adapter", adapter});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return std::stod(outcome.out.substr(outcome.out.find(": ") + 2));
  };
  EXPECT_NEAR(loss("off"), evaluations.front(), 1e-3);
  EXPECT_NEAR(loss("on"), evaluations.back(), 1e-3);
  EXPECT_NEAR(loss(folder / "out/checkpoint-40"), evaluations.back(), 1e-3);
}

TEST_F(TrainerTest, AnInitialAdapterIsWhereTrainingStarts) {
  ASSERT_EQ(train("first").code, 0);
  ASSERT_EQ(
      train("second", {"--init_adapter", folder / "first", "--learning_rate", "0", "--max_steps", "1"}).code,
      0);
  EXPECT_EQ(bytes("first/adapter_model.safetensors"), bytes("second/adapter_model.safetensors"));
}

TEST_F(TrainerTest, BadInputIsOneLineAndNothingIsWritten) {
  const auto error = [&](const std::vector<std::string> &arguments) {
    const Outcome outcome = runFake(model, arguments);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    return outcome.err;
  };
  EXPECT_NE(error({}).find("--data"), std::string::npos);
  EXPECT_NE(error({"--data", folder / "none", "--output_dir", folder / "x"}).find("none"), std::string::npos);
  EXPECT_NE(error({"--data", folder / "data", "--model", folder / "gone", "--output_dir", folder / "x"})
                .find("gone"),
            std::string::npos);
  EXPECT_NE(
      error({"evaluate", "--eval_data", folder / "eval", "--output_dir", folder / "x"}).find("--adapter off"),
      std::string::npos);
  EXPECT_FALSE(exists("x"));
  const Outcome outcome = train("", {"--output_dir", "/proc/nowhere"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("/proc/nowhere"), std::string::npos);
}

TEST_F(TrainerTest, AFileThatCannotGrowEndsTheRunWithOneError) {
  // A limit on the size of files fails a write halfway, as a full disk does.
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit low = {4000, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &low), 0);
  const Outcome outcome = train("out", {"--max_steps", "100", "--save_steps", "1"});
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("error: " + folder.path), std::string::npos) << outcome.err;
  EXPECT_FALSE(exists("out/adapter_model.safetensors"));
  const auto names = listDirectory(folder / "out");
  for (const std::string &name : *names)
    EXPECT_EQ(name.find("tmp"), std::string::npos) << name;
  const std::string log = bytes("out/metrics.jsonl");
  EXPECT_EQ(log.back(), '\n');
  // What was saved before is whole.
  EXPECT_EQ(train("out", {"--max_steps", "100", "--resume_from_checkpoint", "last"}).code, 0);
}

TEST_F(TrainerTest, InfoNeedsNoWeights) {
  const Outcome outcome = runFake("/nowhere", {"info"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_NE(outcome.out.find("parameters: 48 of 304 trainable"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("mapped from the checkpoint"), std::string::npos);
}

TEST_F(TrainerTest, TheBenchmarkPrintsOneObject) {
  const Outcome outcome = runFake(model, {"--bench", "4"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  auto json = parseJson(outcome.out, "bench");
  ASSERT_TRUE(json) << outcome.out;
  EXPECT_GT((*json)["tokens_per_second"], 0);
  EXPECT_EQ((*json)["tokens_per_step"], fakeBatch * fakeSeqLen);
}
