//===- training_checkpoint_test.cpp - saving a run and going on -----------===//

#include "trainer_testing.h"

#include <algorithm>
#include <cmath>
#include <csignal>

using namespace peft;
using namespace peft::test;

using TrainingCheckpointTest = TrainerTest;

TEST_F(TrainingCheckpointTest, AResumedRunIsTheUnbrokenOne) {
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

TEST_F(TrainingCheckpointTest, AResumedRunMustBeTheSameRun) {
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

TEST_F(TrainingCheckpointTest, AHalfWrittenCheckpointIsNotResumed) {
  ASSERT_EQ(train("out", {"--save_steps", "6"}).code, 0);
  ASSERT_TRUE(removePath(folder / "out/checkpoint-12/trainer_state.json"));
  ASSERT_TRUE(makeDirectories(folder / "out/checkpoint-99.tmp"));
  const Outcome outcome = train("out", {"--resume_from_checkpoint", "last"});
  EXPECT_NE(outcome.err.find("checkpoint-6 at step 6"), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.code, 0);
}

TEST_F(TrainingCheckpointTest, TheSaveLimitKeepsTheNewestAndTheBest) {
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

TEST_F(TrainingCheckpointTest, AnEarlierRunsCheckpointsNeitherOutliveNorHideTheNewOnes) {
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

TEST_F(TrainingCheckpointTest, AStateThatCannotBeIsRefusedAndAFinishedRunSaysSo) {
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

TEST_F(TrainingCheckpointTest, TheBestIsSavedWhereItIsFound) {
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
