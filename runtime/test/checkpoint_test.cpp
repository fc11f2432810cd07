//===- checkpoint_test.cpp - folders of safetensors -----------------------===//

#include "peft/runtime/checkpoint.h"
#include "peft/runtime/fp8.h"
#include "peft/runtime/json.h"
#include "peft/runtime/safetensors.h"
#include "peft/runtime/tensor.h"
#include "reader_test_util.h"

using namespace peft;
using namespace peft::test;

using Outputs = std::vector<SafetensorsOutput>;

TEST(Checkpoint, ConfigAloneHasNoWeights) {
  TemporaryDirectory dir;
  dir.write("config.json", R"({"model_type":"llama","hidden_size":4})");
  auto model = Checkpoint::open(dir.path);
  ASSERT_TRUE(model) << model.status().message();
  EXPECT_FALSE(model->hasWeights());
  EXPECT_FALSE(model->isGguf());
  EXPECT_EQ(*getInt(model->config(), "hidden_size", "c"), 4);
  float value;
  expectError(model->read("x", &value), "holds no weights");
}

TEST(Checkpoint, FolderGivesTensorsInOrderAndConverted) {
  TemporaryDirectory dir;
  dir.write("config.json", "{}");
  std::vector<float> values = {1, 2, 3, 1.00390625f, -5, 6};
  int64_t id = 1;
  ASSERT_TRUE(writeSafetensors(
      dir.file("model.safetensors"),
      Outputs{{"model.layers.10.w", SafetensorsType::F32, {3, 2}, values.data()},
              {"model.layers.2.w", SafetensorsType::F32, {1}, values.data()},
              {"model.layers.2.self_attn.rotary_emb.inv_freq", SafetensorsType::F32, {1}, values.data()},
              {"ids", SafetensorsType::I64, {1}, &id}}));
  auto model = Checkpoint::open(dir.path);
  ASSERT_TRUE(model) << model.status().message();
  ASSERT_EQ(model->tensors().size(), 3u);
  EXPECT_EQ(model->tensors()[0].name, "ids");
  EXPECT_EQ(model->tensors()[1].name, "model.layers.2.w");
  EXPECT_EQ(model->tensors()[2].name, "model.layers.10.w");
  EXPECT_EQ(model->tensors()[2].type, "f32");

  // With and without the prefix; where it lies, as it lies.
  const char *name = "layers.10.w";
  ASSERT_EQ(model->find(name), &model->tensors()[2]);
  const void *there = model->mapped(name, PEFT_F32);
  ASSERT_TRUE(there);
  EXPECT_EQ(std::memcmp(there, values.data(), 24), 0);
  EXPECT_FALSE(model->mapped(name, PEFT_BF16));
  std::vector<bf16> narrow(6);
  ASSERT_TRUE(model->read(name, PEFT_BF16, narrow.data()));
  EXPECT_EQ(narrow[3].bits, 0x3f80); // a tie goes to even
  int32_t rows[] = {2, 0, 2};
  std::vector<float> some(6);
  ASSERT_TRUE(model->readRows(name, rows, 3, some.data()));
  EXPECT_EQ(some, (std::vector<float>{-5, 6, 1, 2, -5, 6}));

  rows[1] = 3;
  expectError(model->readRows(name, rows, 3, some.data()), "has 3 rows, row 3 is wanted");
  expectError(model->readRows("layers.2.w", rows, 1, some.data()), "has no rows");
  expectError(model->read("ids", some.data()), "stored as i64, which is not supported");
  expectError(model->read("model.layers.3.w", some.data()), "did you mean 'model.layers.2.w'");
}

TEST(Checkpoint, ShardsAreFoundThroughTheirIndex) {
  TemporaryDirectory dir;
  dir.write("config.json", "{}");
  float one = 1, two = 2;
  ASSERT_TRUE(writeSafetensors(dir.file("m-1.safetensors"), Outputs{{"a", SafetensorsType::F32, {1}, &one}}));
  ASSERT_TRUE(
      writeSafetensors(dir.file("m-2.safetensors"), Outputs{{"b", SafetensorsType::F32, {1}, &two},
                                                            {"unlisted", SafetensorsType::F32, {1}, &two}}));
  dir.write("model.safetensors.index.json",
            R"({"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}})");
  auto model = Checkpoint::open(dir.path);
  ASSERT_TRUE(model) << model.status().message();
  EXPECT_EQ(model->tensors().size(), 2u);
  float value = 0;
  ASSERT_TRUE(model->read("b", &value));
  EXPECT_EQ(value, 2);

  dir.write("model.safetensors.index.json", R"({"weight_map":{"a":"m-2.safetensors"}})");
  expectError(Checkpoint::open(dir.path), "m-2.safetensors': tensor 'a' is missing");
  dir.write("model.safetensors.index.json", R"({"weight_map":{"a":"m-3.safetensors"}})");
  expectError(Checkpoint::open(dir.path), "m-3.safetensors': No such file");
  dir.write("model.safetensors.index.json", R"({"weight_map":{"a":"../m-1.safetensors"}})");
  expectError(Checkpoint::open(dir.path), "expected the name of a file beside it");
  dir.write("model.safetensors.index.json", "{}");
  expectError(Checkpoint::open(dir.path), "key 'weight_map' expected an object");
}

TEST(Checkpoint, WhatIsNotReadIsNamed) {
  TemporaryDirectory dir;
  expectError(Checkpoint::open(dir.file("none")),
              "no such file or folder; expected a folder with config.json");
  expectError(Checkpoint::open(dir.write("x.bin", "")), "a file of another kind");
  expectError(Checkpoint::open(dir.path), "config.json': No such file");
  auto withConfig = [&](const char *quantization) {
    dir.write("config.json", std::string("{\"quantization_config\":") + quantization + "}");
    return Checkpoint::open(dir.path);
  };
  expectError(withConfig(R"({"quant_method":"gptq"})"),
              "quant_method 'gptq' is not supported; supported are bitsandbytes nf4");
  expectError(withConfig(R"({"load_in_8bit":true})"), "load_in_8bit is not supported");
  expectError(withConfig(R"({"load_in_4bit":true})"), "bnb_4bit_quant_type 'fp4' is not supported");
  EXPECT_TRUE(withConfig(R"({"load_in_4bit":true,"bnb_4bit_quant_type":"nf4"})"));
  dir.write("config.json", "{}");
  dir.write("pytorch_model.bin", "");
  expectError(Checkpoint::open(dir.path), "is a pickle");
}

TEST(Checkpoint, MatricesAreQuantizedToFp8AtLoad) {
  const int64_t rows = 32, cols = 48;
  std::vector<float> x(size_t(rows * cols)), y(x.size());
  std::vector<bf16> halves;
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = float((37 * i) % 101) / 64.0f - 0.75f + float(i) / 1024;
    halves.push_back(fromFloat<bf16>(x[i]));
    y[i] = toFloat(halves[i]);
  }
  TemporaryDirectory dir;
  dir.write("config.json", "{}");
  ASSERT_TRUE(writeSafetensors(dir.file("model.safetensors"),
                               Outputs{{"floats", SafetensorsType::F32, {rows, cols}, x.data()},
                                       {"halves", SafetensorsType::BF16, {rows, cols}, halves.data()},
                                       {"vector", SafetensorsType::F32, {rows}, x.data()}}));
  auto model = Checkpoint::open(dir.path);
  ASSERT_TRUE(model) << model.status().message();
  std::vector<uint8_t> got(size_t(Fp8Layout(rows, cols).bytes)), want(got.size());
  for (const auto &[name, values] : {std::pair{"floats", x}, {"halves", y}}) {
    ASSERT_TRUE(model->readFp8(name, got.data()));
    quantizeFp8(values.data(), rows, cols, want.data());
    EXPECT_EQ(got, want) << name;
  }
  expectError(model->readFp8("vector", got.data()), "only a matrix can be quantized to fp8");
  expectError(model->readFp8("floots", got.data()), "floats");
}
