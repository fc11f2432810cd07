//===- replay_test.cpp - given batches, gradients, accumulation -----------===//

#include "fake_program.h"
#include "peft/runtime/file.h"
#include "peft/runtime/json.h"
#include "peft/runtime/random.h"
#include "peft/runtime/safetensors.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace peft;
using namespace peft::test;

namespace {

class ReplayTest : public ::testing::Test {
protected:
  ReplayTest() : model(folder / "model") {
    faults = Faults();
    faults.noise = false;
    writeFakeCheckpoint(model);
    writeBatches(6);
  }

  /// Batches of which every other has few labels.
  void writeBatches(int count) {
    RandomStream random(4);
    std::vector<std::vector<int64_t>> values;
    std::vector<SafetensorsOutput> tensors;
    values.reserve(size_t(count) * 3);
    for (int n = 0; n < count; ++n) {
      std::vector<int64_t> ids(size_t(fakeBatch * fakeSeqLen)), labels, mask(ids.size(), 1);
      for (int64_t &id : ids)
        id = random.nextBelow(fakeVocab);
      labels = ids;
      if (n % 2)
        std::fill(labels.begin(), labels.end() - 3, -100);
      for (auto &[name, data] :
           {std::pair{"input_ids.", &ids}, {"labels.", &labels}, {"attention_mask.", &mask}}) {
        values.push_back(*data);
        tensors.push_back(
            {name + std::to_string(n), SafetensorsType::I64, {fakeBatch, fakeSeqLen}, values.back().data()});
      }
    }
    ASSERT_TRUE(writeSafetensors(folder / "batches", tensors));
  }

  nlohmann::json replay(const std::string &out, std::vector<std::string> more) {
    std::vector<std::string> arguments = {"--batches", folder / "batches", "--output_dir", folder / out};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = runFake(model, arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return *parseJsonFile(folder / out + "/trainer_state.json");
  }
  std::vector<float> tensor(const std::string &path, const std::string &name) {
    auto file = SafetensorsFile::open(folder / path);
    EXPECT_TRUE(file) << file.status().message();
    return *file->floats(name);
  }

  const TemporaryFolder folder;
  const std::string model;
};

const std::string a = "base_model.model.head.lora_A.weight", b = "base_model.model.head.lora_B.weight";

TEST_F(ReplayTest, EveryBatchIsAStepAndEveryStepIsLogged) {
  const auto state = replay("out", {"--learning_rate", "0.01"});
  EXPECT_EQ(state["global_step"], 6);
  ASSERT_EQ(state["log_history"].size(), 7u);
  EXPECT_EQ(state["log_history"][0]["learning_rate"], 0.01);
  EXPECT_GT(state["log_history"][0]["grad_norm"], 0.0);
}

TEST_F(ReplayTest, TheDumpedGradientIsTheSlopeOfTheLoss) {
  // From an adapter that is not the identity, so that A has a gradient too.
  replay("start", {"--learning_rate", "0.05"});
  const std::string start = folder / "start/adapter_model.safetensors";
  auto valuesA = tensor("start/adapter_model.safetensors", a),
       valuesB = tensor("start/adapter_model.safetensors", b);
  const std::vector<std::string> options = {
      "--gradient_accumulation_steps", "2", "--max_steps", "1", "--learning_rate", "0", "--init_adapter"};
  auto first = options;
  first.insert(first.end(), {start, "--dump_gradients", folder / "g.safetensors"});
  const double norm = replay("g", first)["log_history"][0]["grad_norm"];

  const auto lossAt = [&](std::vector<float> &values, size_t index, float change) {
    const float kept = values[index];
    values[index] += change;
    EXPECT_TRUE(writeSafetensors(folder / "moved.safetensors",
                                 {{a, SafetensorsType::F32, {fakeRank, fakeWidth}, valuesA.data()},
                                  {b, SafetensorsType::F32, {fakeVocab, fakeRank}, valuesB.data()}}));
    values[index] = kept;
    auto moved = options;
    moved.push_back(folder / "moved.safetensors");
    return double(replay("moved", moved)["log_history"][0]["loss"]);
  };
  double squares = 0;
  for (const auto &[name, values] : {std::pair{a, &valuesA}, {b, &valuesB}}) {
    const auto gradient = tensor("g.safetensors", name);
    ASSERT_EQ(gradient.size(), values->size());
    for (const float value : gradient)
      squares += double(value) * value;
    for (size_t i = 0; i < gradient.size(); i += 5)
      EXPECT_NEAR(gradient[i], (lossAt(*values, i, 0.02f) - lossAt(*values, i, -0.02f)) / 0.04, 2e-3)
          << name << i;
  }
  EXPECT_NEAR(norm, std::sqrt(squares), 1e-5);
}

TEST_F(ReplayTest, TheLossOfAStepWeighsTokensNotBatches) {
  const auto single = replay("one", {"--learning_rate", "0", "--max_steps", "2"});
  const auto both =
      replay("two", {"--learning_rate", "0", "--max_steps", "1", "--gradient_accumulation_steps", "2"});
  // 14 predicted tokens and 3.
  const double first = single["log_history"][0]["loss"], second = single["log_history"][1]["loss"];
  EXPECT_NEAR(both["log_history"][0]["loss"], (14 * first + 3 * second) / 17, 1e-6);
}

TEST_F(ReplayTest, ClippingBoundsTheStepNotTheLoggedNorm) {
  const auto free = replay("free", {"--max_grad_norm", "0", "--max_steps", "1"});
  const auto clipped = replay("clipped", {"--max_grad_norm", "1e-3", "--max_steps", "1"});
  EXPECT_EQ(free["log_history"][0]["grad_norm"], clipped["log_history"][0]["grad_norm"]);
}

TEST_F(ReplayTest, AnotherShapeIsAnError) {
  std::vector<int64_t> ids(3 * 8, 1);
  ASSERT_TRUE(writeSafetensors(folder / "wrong", {{"input_ids.0", SafetensorsType::I64, {3, 8}, ids.data()},
                                                  {"labels.0", SafetensorsType::I64, {3, 8}, ids.data()}}));
  const Outcome outcome = runFake(model, {"--batches", folder / "wrong", "--output_dir", folder / "out"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("[3, 8]"), std::string::npos);
  EXPECT_NE(outcome.err.find("[2, 8]"), std::string::npos);
}

TEST_F(ReplayTest, WhatWouldBeLeftOutIsAnError) {
  std::vector<int64_t> ids(size_t(fakeBatch * fakeSeqLen), 1), mask(ids.size(), 2);
  const auto error = [&](const std::vector<std::string> &names) {
    std::vector<SafetensorsOutput> tensors;
    for (const std::string &name : names)
      tensors.push_back({name,
                         SafetensorsType::I64,
                         {fakeBatch, fakeSeqLen},
                         name.rfind("attention", 0) == 0 ? mask.data() : ids.data()});
    EXPECT_TRUE(writeSafetensors(folder / "wrong", tensors));
    const Outcome outcome = runFake(model, {"--batches", folder / "wrong", "--output_dir", folder / "out"});
    EXPECT_EQ(outcome.code, 2);
    return outcome.err;
  };
  EXPECT_NE(error({"input_ids.0", "labels.0", "input_ids.2", "labels.2"})
                .find("2 stands alone: there is no input_ids.1"),
            std::string::npos);
  EXPECT_NE(error({"input_ids.0", "labels.0", "labels.1"}).find("labels.1 stands alone"), std::string::npos);
  EXPECT_NE(
      error({"input_ids.0", "labels.0", "attention_mask.0"}).find("2 is no mask's value: expected 0 or 1"),
      std::string::npos);
}

} // namespace
