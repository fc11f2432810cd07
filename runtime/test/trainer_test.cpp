//===- trainer_test.cpp - whole runs of the command line ------------------===//

#include "fake_program.h"
#include "peft/runtime/file.h"
#include "peft/runtime/json.h"
#include "peft/runtime/safetensors.h"

#include <cmath>
#include <csignal>
#include <gtest/gtest.h>
#include <sys/resource.h>

using namespace peft;
using namespace peft::test;

namespace {

class TrainerTest : public ::testing::Test {
protected:
  TrainerTest() : model(folder / "model") {
    faults = Faults();
    writeFakeCheckpoint(model);
    writeDocuments(folder / "data", makeDocuments(60, 1));
    writeDocuments(folder / "eval", makeDocuments(20, 2));
  }

  /// 60 documents make about 17 micro-batches; two a step.
  Outcome train(const std::string &out, std::vector<std::string> more = {}) {
    faults.microSteps = 0;
    std::vector<std::string> arguments = {"--data",
                                          folder / "data",
                                          "--output_dir",
                                          folder / out,
                                          "--logging_steps",
                                          "1",
                                          "--learning_rate",
                                          "0.05",
                                          "--gradient_accumulation_steps",
                                          "2",
                                          "--max_steps",
                                          "12"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return runFake(model, arguments);
  }
  std::string bytes(const std::string &path) { return *readWholeFile(folder / path); }
  bool exists(const std::string &path) { return isFile(folder / path) || isDirectory(folder / path); }
  nlohmann::json state(const std::string &path) {
    return *parseJsonFile(folder / path + "/trainer_state.json");
  }
  /// Values of a field over the rows of a log.
  std::vector<double> column(const nlohmann::json &state, const char *name) {
    std::vector<double> values;
    for (const auto &row : state["log_history"])
      if (row.contains(name))
        values.push_back(row[name]);
    return values;
  }

  const TemporaryFolder folder;
  const std::string model;
};

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

TEST_F(TrainerTest, AResumedRunIsTheUnbrokenOne) {
  // Two epochs and a bit, so that the break and the rest cross an epoch's end.
  const std::vector<std::string> common = {"--max_steps",    "25", "--logging_steps", "3",
                                           "--warmup_steps", "4"};
  ASSERT_EQ(train("whole", common).code, 0);
  for (const int number : {SIGINT, SIGTERM}) {
    faults.signal = number;
    faults.signalAt = 13;
    const std::string out = "broken" + std::to_string(number);
    const Outcome broken = train(out, common);
    EXPECT_EQ(broken.code, 128 + number) << broken.err;
    EXPECT_NE(broken.err.find("--resume_from_checkpoint last"), std::string::npos);
    EXPECT_FALSE(exists(out + "/adapter_model.safetensors"));
    faults.signalAt = -1;
    auto more = common;
    more.insert(more.end(), {"--resume_from_checkpoint", "last"});
    const Outcome resumed = train(out, more);
    ASSERT_EQ(resumed.code, 0) << resumed.err;
    EXPECT_GT(faults.microSteps, 20); // it went on, it did not start anew
    EXPECT_LT(faults.microSteps, 45);
    for (const char *file : {"/adapter_model.safetensors", "/checkpoint-25/optimizer.safetensors"})
      EXPECT_EQ(bytes(out + file), bytes(std::string("whole") + file)) << file;
    for (const char *name : {"loss", "grad_norm", "learning_rate", "epoch", "num_tokens", "train_loss"})
      EXPECT_EQ(column(state(out), name), column(state("whole"), name)) << name;
    const std::string log = bytes(out + "/metrics.jsonl");
    EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 9 + 1);
  }
}

TEST_F(TrainerTest, AResumedRunMustBeTheSameRun) {
  ASSERT_EQ(train("out", {"--max_steps", "3"}).code, 0);
  const auto error = [&](std::vector<std::string> more) {
    more.insert(more.end(), {"--resume_from_checkpoint", "last"});
    const Outcome outcome = train("out", more);
    EXPECT_EQ(outcome.code, 2);
    return outcome.err;
  };
  EXPECT_NE(error({"--seed", "7"}).find("--seed"), std::string::npos);
  EXPECT_NE(error({"--gradient_accumulation_steps", "1"}).find("gradient_accumulation_steps"),
            std::string::npos);
  EXPECT_NE(error({"--packing", "off"}).find("other data"), std::string::npos);
  EXPECT_NE(error({"--data", folder / "eval"}).find("other data"), std::string::npos);
  EXPECT_NE(train("new", {"--resume_from_checkpoint", "last"}).err.find("no checkpoint"), std::string::npos);
}

TEST_F(TrainerTest, AHalfWrittenCheckpointIsNotResumed) {
  ASSERT_EQ(train("out", {"--save_steps", "6"}).code, 0);
  ASSERT_TRUE(removePath(folder / "out/checkpoint-12/trainer_state.json"));
  ASSERT_TRUE(makeDirectories(folder / "out/checkpoint-99.tmp"));
  const Outcome outcome = train("out", {"--resume_from_checkpoint", "last"});
  EXPECT_NE(outcome.err.find("checkpoint-6 at step 6"), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.code, 0);
}

TEST_F(TrainerTest, TheSaveLimitKeepsTheNewestAndTheBest) {
  ASSERT_EQ(train("out", {"--save_steps", "2", "--save_total_limit", "2"}).code, 0);
  EXPECT_FALSE(exists("out/checkpoint-8"));
  EXPECT_TRUE(exists("out/checkpoint-10"));
  EXPECT_TRUE(exists("out/checkpoint-12"));

  // The language backwards: the better the model learns, the less it knows of it.
  auto backwards = makeDocuments(20, 2);
  for (auto &document : backwards)
    std::reverse(document.begin(), document.end());
  writeDocuments(folder / "backwards", backwards);
  ASSERT_EQ(
      train("best", {"--save_steps", "2", "--eval_steps", "2", "--eval_strategy", "steps", "--eval_data",
                     folder / "backwards", "--save_total_limit", "2", "--load_best_model_at_end"})
          .code,
      0);
  const auto evaluations = column(state("best"), "eval_loss");
  const size_t best = size_t(std::min_element(evaluations.begin(), evaluations.end()) - evaluations.begin());
  ASSERT_NE(best + 1, evaluations.size());
  const std::string kept = "best/checkpoint-" + std::to_string(2 * (best + 1));
  EXPECT_TRUE(exists(kept));
  EXPECT_TRUE(exists("best/checkpoint-12"));
  EXPECT_EQ(state("best")["best_metric"], evaluations[best]);
  EXPECT_EQ(state("best")["best_model_checkpoint"], folder / kept);
  EXPECT_EQ(bytes("best/adapter_model.safetensors"), bytes(kept + "/adapter_model.safetensors"));
}

TEST_F(TrainerTest, AnEarlierRunsCheckpointsNeitherOutliveNorHideTheNewOnes) {
  ASSERT_EQ(train("out", {"--max_steps", "12", "--save_steps", "6"}).code, 0);
  const Outcome again = train("out", {"--max_steps", "4", "--save_steps", "2", "--save_total_limit", "2"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_NE(again.err.find("warning: " + (folder / "out/checkpoint-12") + " is of an earlier run"),
            std::string::npos);
  EXPECT_TRUE(exists("out/checkpoint-2") && exists("out/checkpoint-4"));
  EXPECT_FALSE(exists("out/checkpoint-6") || exists("out/checkpoint-12"));
  ASSERT_EQ(train("mixed", {"--max_steps", "12", "--save_steps", "12"}).code, 0);
  ASSERT_EQ(train("mixed", {"--max_steps", "4", "--save_steps", "4"}).code, 0);
  EXPECT_NE(train("mixed", {"--resume_from_checkpoint", "last"}).err.find("checkpoint-4 at step 4"),
            std::string::npos);
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

TEST_F(TrainerTest, AStateThatCannotBeIsRefusedAndAFinishedRunSaysSo) {
  ASSERT_EQ(train("out", {"--max_steps", "4"}).code, 0);
  const Outcome done = train("out", {"--max_steps", "3", "--resume_from_checkpoint", "last"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_NE(
      done.err.find("nothing is left to do: the run ends at step 3; to go on, give a larger --max_steps"),
      std::string::npos);
  nlohmann::json text = state("out/checkpoint-4");
  text["global_step"] = -3;
  ASSERT_TRUE(writeFileAtomically(folder / "out/checkpoint-4/trainer_state.json", printJson(text)));
  const Outcome outcome = train("out", {"--resume_from_checkpoint", "last"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("expected global_step at least 0, got -3"), std::string::npos) << outcome.err;
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

TEST_F(TrainerTest, TheBestIsSavedWhereItIsFound) {
  auto backwards = makeDocuments(20, 2);
  for (auto &document : backwards)
    std::reverse(document.begin(), document.end());
  writeDocuments(folder / "backwards", backwards);
  // The untrained model is the best there will be, but no checkpoint holds it.
  const std::vector<std::string> options = {"--eval_data",     folder / "backwards",
                                            "--eval_strategy", "steps",
                                            "--eval_steps",    "2",
                                            "--save_strategy", "best",
                                            "--eval_on_start", "--load_best_model_at_end"};
  ASSERT_EQ(train("out", options).code, 0);
  const auto losses = column(state("out"), "eval_loss");
  ASSERT_EQ(losses.size(), 7u);
  double least = INFINITY;
  for (size_t i = 1; i < losses.size(); ++i) {
    EXPECT_EQ(exists("out/checkpoint-" + std::to_string(2 * i)), losses[i] < least) << i;
    least = std::min(least, losses[i]);
  }
  EXPECT_EQ(state("out")["best_metric"], least);
  const std::string best = state("out")["best_model_checkpoint"];
  EXPECT_EQ(bytes("out/adapter_model.safetensors"), *readWholeFile(best + "/adapter_model.safetensors"));
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

} // namespace
