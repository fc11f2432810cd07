//===- weights_test.cpp - the arena, first values, adapters ---------------===//

#include "fake_program.h"
#include "peft/runtime/adapter.h"
#include "peft/runtime/json.h"
#include "peft/runtime/safetensors.h"
#include "peft/runtime/tensor.h"
#include "peft/runtime/weights.h"

#include <algorithm>
#include <gtest/gtest.h>

using namespace peft;
using test::TemporaryFolder;

namespace {

class WeightsTest : public ::testing::Test {
protected:
  WeightsTest() : model(folder / "model") {
    test::writeFakeCheckpoint(model);
    program = test::fakeProgram(model);
    parameters.assign(program.parameters, program.parameters + program.parameter_count);
    program.parameters = parameters.data();
    auto opened = Checkpoint::open(model);
    EXPECT_TRUE(opened) << opened.status().message();
    checkpoint.emplace(std::move(*opened));
  }
  Result<Weights> load(uint64_t seed = 42) { return Weights::load(program, *checkpoint, seed); }
  std::vector<float> valuesOf(const Weights &weights, size_t index) const {
    const float *first = weights.values()->of(parameters[index]);
    return {first, first + elementCount(parameters[index])};
  }

  const TemporaryFolder folder;
  const std::string model;
  peft_program_t program;
  std::vector<peft_parameter_t> parameters;
  std::optional<Checkpoint> checkpoint;
};

TEST_F(WeightsTest, FrozenWeightsAreMappedOrConverted) {
  auto weights = load();
  ASSERT_TRUE(weights) << weights.status().message();
  const char *arena = weights->context().arena,
             *head = static_cast<const char *>(weights->context().weights[1]);
  const char *embed = static_cast<const char *>(weights->context().weights[0]);
  EXPECT_EQ(head, arena + parameters[1].offset);
  EXPECT_TRUE(embed < arena || embed >= arena + program.arena_bytes);
  std::vector<float> stored(test::fakeVocab * test::fakeWidth);
  ASSERT_TRUE(checkpoint->read("head.weight", stored.data()));
  EXPECT_EQ(memcmp(stored.data(), head, stored.size() * 4), 0);
}

TEST_F(WeightsTest, AMatrixMayHaveABorder) {
  constexpr int64_t rows = test::fakeVocab, cols = test::fakeWidth, pitch = cols + 3, allRows = rows + 2;
  std::vector<float> stored(rows * cols);
  ASSERT_TRUE(checkpoint->read("head.weight", stored.data()));
  parameters[1].pitch = pitch;
  parameters[1].offset = program.arena_bytes = (program.arena_bytes + 63) / 64 * 64;
  parameters[1].bytes = allRows * pitch * sizeof(float);
  program.arena_bytes += parameters[1].bytes;
  EXPECT_TRUE(checkProgram(program)) << checkProgram(program).message();
  auto weights = load();
  ASSERT_TRUE(weights) << weights.status().message();
  const auto *floats = reinterpret_cast<const float *>(weights->context().arena + parameters[1].offset);
  EXPECT_EQ(weights->context().weights[1], floats);
  for (int64_t i = 0; i < allRows * pitch; ++i)
    EXPECT_EQ(floats[i], i / pitch < rows && i % pitch < cols ? stored[i / pitch * cols + i % pitch] : 0)
        << i;

  parameters[1].dtype = PEFT_BF16; // converted, not copied from the file
  parameters[1].bytes /= 2;
  weights = load();
  ASSERT_TRUE(weights) << weights.status().message();
  const auto *halves = reinterpret_cast<const bf16 *>(weights->context().arena + parameters[1].offset);
  for (int64_t i = 0; i < allRows * pitch; ++i)
    EXPECT_EQ(halves[i].bits, i / pitch < rows && i % pitch < cols
                                  ? fromFloat<bf16>(stored[i / pitch * cols + i % pitch]).bits
                                  : 0)
        << i;
}

TEST_F(WeightsTest, ABorderMustFit) {
  const peft_parameter_t head = parameters[1];
  const auto refused = [&](size_t index) {
    const bool said = checkProgram(program).message().find("can't have its rows") != std::string::npos;
    parameters[1] = head;
    parameters[index].pitch = 0;
    EXPECT_TRUE(checkProgram(program));
    return said;
  };
  parameters[1].pitch = test::fakeWidth; // dense, if said in so many words
  EXPECT_TRUE(checkProgram(program));
  parameters[1].pitch = test::fakeWidth - 1;
  EXPECT_TRUE(refused(1));
  parameters[1].pitch = test::fakeWidth + 1; // wants more bytes
  EXPECT_TRUE(refused(1));
  parameters[1].pitch = test::fakeWidth;
  parameters[1].rank = 3;
  EXPECT_TRUE(refused(1));
  parameters[1].pitch = test::fakeWidth;
  parameters[1].encoding = PEFT_NF4;
  EXPECT_TRUE(refused(1));
  parameters[0].pitch = test::fakeWidth; // mapped
  EXPECT_TRUE(refused(0));
  parameters[2].pitch = test::fakeWidth; // trainable
  EXPECT_TRUE(refused(2));
}

TEST_F(WeightsTest, FirstValuesFollowTheTable) {
  auto weights = load();
  const auto a = valuesOf(*weights, 2), b = valuesOf(*weights, 3);
  EXPECT_TRUE(std::all_of(a.begin(), a.end(), [](float x) { return x != 0 && x > -0.3f && x < 0.3f; }));
  EXPECT_EQ(b, std::vector<float>(b.size(), 0.0f));
  EXPECT_EQ(valuesOf(*load(42), 2), a);
  EXPECT_NE(valuesOf(*load(43), 2), a);

  const int32_t rows[] = {5, 9};
  parameters[2].init = PEFT_INIT_CHECKPOINT_ROWS;
  parameters[2].source = "head.weight";
  parameters[2].init_rows = rows;
  parameters[3].init = PEFT_INIT_ONES;
  weights = load();
  ASSERT_TRUE(weights) << weights.status().message();
  std::vector<float> stored(test::fakeVocab * test::fakeWidth);
  ASSERT_TRUE(checkpoint->read("head.weight", stored.data()));
  const auto copied = valuesOf(*weights, 2);
  EXPECT_TRUE(std::equal(copied.begin(), copied.begin() + 8, stored.begin() + 5 * 8));
  EXPECT_TRUE(std::equal(copied.begin() + 8, copied.end(), stored.begin() + 9 * 8));
  EXPECT_EQ(valuesOf(*weights, 3), std::vector<float>(b.size(), 1.0f));
}

TEST_F(WeightsTest, ACheckpointOfAnotherShapeOrTypeIsRefused) {
  parameters[1].dims[0] = 17;
  EXPECT_NE(load().status().message().find("head.weight: expected shape [17, 8], got [16, 8]"),
            std::string::npos);
  parameters[1].dims[0] = 16;
  parameters[0].dtype = PEFT_BF16;
  EXPECT_NE(load().status().message().find("embed.weight is stored as f32"), std::string::npos);
  parameters[0].dtype = PEFT_F32;
  parameters[0].name = "embed.wieght";
  EXPECT_NE(load().status().message().find("embed.weight"), std::string::npos);
}

TEST_F(WeightsTest, ABrokenTableOrAnotherTargetIsRefused) {
  EXPECT_TRUE(checkProgram(program));
  peft_program_t other = program;
  other.target = "cuda";
  EXPECT_NE(checkProgram(other).message().find("compiled for cuda"), std::string::npos);
  other = program;
  other.isa = "quantum";
  EXPECT_NE(checkProgram(other).message().find("quantum"), std::string::npos);
  other = program;
  other.arena_bytes = 256;
  EXPECT_FALSE(checkProgram(other));
  parameters[3].gradient_offset += 64;
  EXPECT_NE(checkProgram(program).message().find("lora_B"), std::string::npos);
}

TEST_F(WeightsTest, AnAdapterComesBackBitForBit) {
  auto weights = load(1), other = load(2);
  ASSERT_TRUE(makeDirectories(folder / "out"));
  ASSERT_TRUE(writeAdapter(folder / "out", *weights));
  EXPECT_TRUE(isFile(folder / "out/adapter_model.safetensors"));
  EXPECT_EQ(*readWholeFile(folder / "out/adapter_config.json"), program.recipe);
  EXPECT_NE(valuesOf(*other, 2), valuesOf(*weights, 2));
  ASSERT_TRUE(readAdapter(folder / "out", *other));
  EXPECT_EQ(valuesOf(*other, 2), valuesOf(*weights, 2));
}

TEST_F(WeightsTest, TheFileIsNamedAfterTheRecipe) {
  program.recipe = "";
  EXPECT_EQ(adapterFileName(program), "trained_parameters.safetensors");
  program.recipe = "{\"config\": {\"architecture\": null}}";
  EXPECT_EQ(adapterFileName(program), "adapter.safetensors");
}

TEST_F(WeightsTest, AnAdapterOfAnotherFormChangesNothing) {
  auto weights = load();
  const auto before = valuesOf(*weights, 2);
  std::vector<float> a(16, 1), b(32, 1);
  const auto tryAdapter = [&](const std::string &nameOfB, std::vector<int64_t> shapeOfB) {
    EXPECT_TRUE(writeSafetensors(folder / "a.safetensors",
                                 {{parameters[2].name, SafetensorsType::F32, {2, 8}, a.data()},
                                  {nameOfB, SafetensorsType::F32, shapeOfB, b.data()}}));
    return readAdapter(folder / "a.safetensors", *weights).message();
  };
  const std::string b0 = parameters[3].name;
  EXPECT_NE(tryAdapter(b0, {2, 16}).find("expected shape [16, 2], got [2, 16]"), std::string::npos);
  EXPECT_NE(tryAdapter("base_model.model.head.lora_C.weight", {16, 2}).find(b0), std::string::npos);
  EXPECT_EQ(valuesOf(*weights, 2), before);
  EXPECT_EQ(tryAdapter(b0, {16, 2}), "");
  EXPECT_EQ(valuesOf(*weights, 2), a);
}

TEST_F(WeightsTest, TheBasesOwnValuesInAnAdapterAreCompared) {
  auto weights = load();
  std::vector<float> a(16, 1), b(32, 1), head(test::fakeVocab * test::fakeWidth);
  ASSERT_TRUE(checkpoint->read("head.weight", head.data()));
  const auto tryBase = [&](const std::string &name, std::vector<int64_t> shape, std::string &warning) {
    EXPECT_TRUE(writeSafetensors(folder / "a.safetensors",
                                 {{parameters[2].name, SafetensorsType::F32, {2, 8}, a.data()},
                                  {parameters[3].name, SafetensorsType::F32, {16, 2}, b.data()},
                                  {name, SafetensorsType::F32, shape, head.data()}}));
    return readAdapter(folder / "a.safetensors", *weights, &warning).message();
  };
  std::string warning;
  const std::string name = "base_model.model.head.base_layer.weight";
  EXPECT_EQ(tryBase(name, {16, 8}, warning), "");
  EXPECT_EQ(warning, "");
  EXPECT_EQ(valuesOf(*weights, 2), a);
  EXPECT_NE(tryBase(name, {8, 16}, warning).find("is [8, 16], the model's is [16, 8]"), std::string::npos);
  EXPECT_NE(
      tryBase("base_model.model.embed.base_layer.weight", {16, 8}, warning).find("no trainable parameter"),
      std::string::npos);
  head[5] += 0.5f;
  EXPECT_EQ(tryBase(name, {16, 8}, warning), "");
  EXPECT_NE(warning.find("head.base_layer.weight differs from " + model), std::string::npos) << warning;
}

TEST_F(WeightsTest, AWeightThatIsMisalignedIsNotMapped) {
  std::string bytes = *readWholeFile(model + "/model.safetensors");
  uint64_t header = 0;
  memcpy(&header, bytes.data(), 8);
  bytes.insert(8 + header, " ");
  ++header;
  memcpy(bytes.data(), &header, 8);
  ASSERT_TRUE(writeFileAtomically(model + "/model.safetensors", bytes));
  auto opened = Checkpoint::open(model);
  ASSERT_TRUE(opened) << opened.status().message();
  checkpoint.emplace(std::move(*opened));
  EXPECT_NE(load().status().message().find("embed.weight is not aligned"), std::string::npos)
      << load().status().message();
}

TEST_F(WeightsTest, TheBaseModelIsThereOnlyWhereTheAdapterStartsAsTheIdentity) {
  EXPECT_TRUE(checkInitialIsBase(program));
  parameters[3].init = PEFT_INIT_NORMAL;
  EXPECT_NE(checkInitialIsBase(program).message().find("random"), std::string::npos);
}

} // namespace
