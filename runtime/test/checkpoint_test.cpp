//===- checkpoint_test.cpp - one view of folders and GGUF files -----------===//

#include "peft/runtime/checkpoint.h"
#include "peft/runtime/fp8.h"
#include "peft/runtime/json.h"
#include "peft/runtime/quantize.h"
#include "peft/runtime/safetensors.h"
#include "reader_test_util.h"

#include <numeric>

using namespace peft;
using namespace peft::test;

using Outputs = std::vector<SafetensorsOutput>;

static std::vector<float> ramp(size_t n) {
  std::vector<float> values(n);
  std::iota(values.begin(), values.end(), 0.0f);
  return values;
}

//===--- Folders -----------------------------------------------------------===//

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

//===--- bitsandbytes ------------------------------------------------------===//

namespace {

/// A folder with one weight [5, 20] as bitsandbytes stores it.
struct Nf4Folder {
  explicit Nf4Folder(int64_t nested)
      : nested(nested), x(ramp(100)), packed(size_t(nf4Bytes(100, 32, nested))) {
    for (float &value : x)
      value = (value - 40) / 64;
    quantizeNf4(x.data(), 100, 32, nested, packed.data());
    dir.write("config.json", "{}");
    state = R"({"quant_type": "nf4", "blocksize": 32, "dtype": "float32", "shape": [5, 20])";
    if (nested) {
      float offset;
      std::memcpy(&offset, &packed[size_t(layout().offset)], 4);
      char text[40];
      std::snprintf(text, sizeof text, "%.17g", double(offset));
      state +=
          std::string(R"(, "nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": )") + text;
    }
    state += "}";
  }
  Nf4Layout layout() const { return Nf4Layout(100, 32, nested); }
  Result<Checkpoint> open() {
    std::string key = "w" + suffix;
    Outputs parts = {{"w", SafetensorsType::U8, {50, 1}, packed.data()},
                     {"w.quant_map", SafetensorsType::F32, {16}, nf4Levels},
                     {key, SafetensorsType::U8, {int64_t(state.size())}, state.data()},
                     {"w.absmax",
                      nested ? SafetensorsType::U8 : SafetensorsType::F32,
                      {blocks},
                      &packed[size_t(layout().absmax)]}};
    if (nested) {
      parts.push_back({"w.nested_absmax", SafetensorsType::F32, {1}, &packed[size_t(layout().nestedAbsmax)]});
      parts.push_back({"w.nested_quant_map", SafetensorsType::F32, {256}, dynamicMap});
    }
    EXPECT_TRUE(writeSafetensors(dir.file("model.safetensors"), parts));
    return Checkpoint::open(dir.path);
  }
  int64_t nested, blocks = 4;
  std::string suffix = ".quant_state.bitsandbytes__nf4";
  TemporaryDirectory dir;
  std::vector<float> x;
  std::vector<uint8_t> packed;
  std::string state;
};

} // namespace

TEST(Checkpoint, BitsandbytesFolders) {
  for (int64_t nested : {0, 256}) {
    Nf4Folder folder(nested);
    auto model = folder.open();
    ASSERT_TRUE(model) << model.status().message();
    ASSERT_EQ(model->tensors().size(), 1u);
    const CheckpointTensor &tensor = model->tensors()[0];
    EXPECT_EQ(tensor.type, "nf4");
    EXPECT_EQ(tensor.shape, (std::vector<int64_t>{5, 20}));
    EXPECT_EQ(tensor.block, 32u);
    EXPECT_EQ(int64_t(tensor.nested), nested);
    std::vector<float> expected(100), got(100), row(20);
    dequantizeNf4(folder.packed.data(), 100, 32, nested, 0, 100, expected.data());
    ASSERT_TRUE(model->read("w", got.data()));
    EXPECT_EQ(got, expected);
    int32_t three = 3;
    ASSERT_TRUE(model->readRows("w", &three, 1, row.data()));
    EXPECT_EQ(row, std::vector<float>(expected.begin() + 60, expected.begin() + 80));
    std::vector<uint8_t> raw(folder.packed.size());
    ASSERT_TRUE(model->readNf4("w", 32, nested, raw.data()));
    EXPECT_EQ(raw, folder.packed);
    expectError(model->readNf4("w", 64, nested, raw.data()), "stored as nf4 with block size 32");
    EXPECT_FALSE(model->mapped("w", PEFT_F32));
  }
}

TEST(Checkpoint, BitsandbytesLiesAreNamed) {
  Nf4Folder fp4(0), blocks(256), shape(0), json(0), size(0);
  fp4.suffix = ".quant_state.bitsandbytes__fp4";
  expectError(fp4.open(),
              "tensor 'w': its bitsandbytes type 'fp4' is not supported; supported are bitsandbytes nf4");
  blocks.blocks = 3;
  expectError(blocks.open(), "its part '.absmax' expected 4 x U8, got 3 x U8");
  shape.state.replace(shape.state.find("[5, 20]"), 7, "[500000000, 2000000000]");
  expectError(shape.open(), "its shape takes 500000000000000000 bytes of codes, the file has 50");
  json.state = "{";
  expectError(json.open(), "cannot read JSON of 'w.quant_state.bitsandbytes__nf4'");
  size.state.replace(size.state.find("32,"), 3, "33,");
  expectError(size.open(), "power of two from 32 to 4096, got 33");

  TemporaryDirectory eight;
  eight.write("config.json", "{}");
  float scale = 1;
  ASSERT_TRUE(writeSafetensors(
      eight.file("model.safetensors"),
      Outputs{{"l.weight", SafetensorsType::I8, {4}, &scale}, {"l.SCB", SafetensorsType::F32, {1}, &scale}}));
  expectError(Checkpoint::open(eight.path),
              "tensor 'l.weight': 8-bit weights of bitsandbytes are not supported");
}

TEST(Checkpoint, DenseTensorsAreQuantizedAtLoad) {
  Nf4Folder folder(256);
  ASSERT_TRUE(writeSafetensors(folder.dir.file("model.safetensors"),
                               Outputs{{"w", SafetensorsType::F32, {5, 20}, folder.x.data()}}));
  auto model = Checkpoint::open(folder.dir.path);
  ASSERT_TRUE(model);
  std::vector<uint8_t> raw(folder.packed.size());
  ASSERT_TRUE(model->readNf4("w", 32, 256, raw.data()));
  EXPECT_EQ(raw, folder.packed);
  expectError(model->readNf4("w", 33, 256, raw.data()), "power of two");
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

//===--- GGUF --------------------------------------------------------------===//

/// One layer of 2 heads of 4, one of keys; rows are numbered.
static GgufBuilder tinyModel(const std::string &arch) {
  GgufBuilder file;
  file.string("general.architecture", arch);
  file.u32(arch + ".embedding_length", 8)
      .u32(arch + ".block_count", 1)
      .u32(arch + ".feed_forward_length", 16);
  file.u32(arch + ".attention.head_count", 2)
      .u32(arch + ".attention.head_count_kv", 1)
      .u32(arch + ".context_length", 64);
  file.f32(arch + ".attention.layer_norm_rms_epsilon", 1e-5f).f32(arch + ".rope.freq_base", 1e6f);
  file.u32("tokenizer.ggml.eos_token_id", 2);
  file.floats("token_embd.weight", {8, 3}, ramp(24)).floats("blk.0.attn_q.weight", {1, 8}, ramp(8));
  file.floats("blk.0.attn_k.weight", {1, 4}, ramp(4)).floats("blk.0.attn_v.weight", {1, 4}, ramp(4));
  return file;
}

static Result<Checkpoint> openModel(const TemporaryDirectory &dir, const GgufBuilder &file) {
  return Checkpoint::open(dir.write("m.gguf", file.build()));
}

TEST(Checkpoint, GgufSpeaksHf) {
  TemporaryDirectory dir;
  auto model = openModel(dir, tinyModel("llama"));
  ASSERT_TRUE(model) << model.status().message();
  EXPECT_TRUE(model->isGguf());
  EXPECT_EQ(
      printJson(model->config()),
      R"({"architectures":["LlamaForCausalLM"],"attention_bias":false,"eos_token_id":2,"head_dim":4,"hidden_act":"silu",)"
      R"("hidden_size":8,"intermediate_size":16,"max_position_embeddings":64,"mlp_bias":false,"model_type":"llama",)"
      R"("num_attention_heads":2,"num_hidden_layers":1,"num_key_value_heads":1,"rms_norm_eps":1e-05,)"
      R"("rope_parameters":{"rope_theta":1000000.0,"rope_type":"default"},"rope_theta":1000000.0,)"
      R"("tie_word_embeddings":true,"vocab_size":3})");
  EXPECT_EQ(model->find("model.embed_tokens.weight")->shape, (std::vector<int64_t>{3, 8}));
  EXPECT_TRUE(model->mapped("model.embed_tokens.weight", PEFT_F32));
}

TEST(Checkpoint, GgufRowsOfLlamaAreReordered) {
  TemporaryDirectory dir;
  // Stored row 2i + s of a head is HF's row s * 2 + i.
  const std::vector<float> reordered = {0, 2, 1, 3, 4, 6, 5, 7};
  for (const char *arch : {"llama", "qwen2"}) {
    auto model = openModel(dir, tinyModel(arch).floats("blk.0.attn_q.bias", {8}, ramp(8)));
    ASSERT_TRUE(model) << model.status().message();
    EXPECT_EQ(model->config()["model_type"], "qwen2"); // it has no bias of o
    bool isLlama = std::string(arch) == "llama";
    std::vector<float> q(8), bias(8), k(4), v(4);
    ASSERT_TRUE(model->read("model.layers.0.self_attn.q_proj.weight", q.data()));
    ASSERT_TRUE(model->read("model.layers.0.self_attn.q_proj.bias", bias.data()));
    ASSERT_TRUE(model->read("model.layers.0.self_attn.k_proj.weight", k.data()));
    ASSERT_TRUE(model->read("model.layers.0.self_attn.v_proj.weight", v.data()));
    EXPECT_EQ(q, isLlama ? reordered : ramp(8));
    EXPECT_EQ(bias, q);
    EXPECT_EQ(k, std::vector<float>(q.begin(), q.begin() + 4));
    EXPECT_EQ(v, ramp(4));
    EXPECT_EQ(model->mapped("model.layers.0.self_attn.q_proj.weight", PEFT_F32) == nullptr, isLlama);
    int32_t row = 5;
    float one;
    ASSERT_TRUE(model->readRows("model.layers.0.self_attn.q_proj.weight", &row, 1, &one));
    EXPECT_EQ(one, q[5]);
  }
}

TEST(Checkpoint, GgufVariants) {
  TemporaryDirectory dir;
  auto mistral = openModel(dir, tinyModel("llama").u32("llama.attention.sliding_window", 32));
  ASSERT_TRUE(mistral) << mistral.status().message();
  EXPECT_EQ(mistral->config()["model_type"], "mistral");
  EXPECT_EQ(mistral->config()["sliding_window"], 32);
  auto biases = openModel(
      dir,
      tinyModel("llama").u32("llama.attention.sliding_window", 32).floats("blk.0.attn_q.bias", {8}, ramp(8)));
  ASSERT_TRUE(biases) << biases.status().message();
  EXPECT_EQ(biases->config()["model_type"], "qwen2");
  EXPECT_EQ(biases->config()["architectures"][0], "Qwen2ForCausalLM");
  EXPECT_EQ(biases->config()["use_sliding_window"], true);
  EXPECT_EQ(biases->config()["max_window_layers"], 0);
  auto allFour = openModel(dir, tinyModel("llama")
                                    .floats("blk.0.attn_q.bias", {8}, ramp(8))
                                    .floats("blk.0.attn_output.bias", {8}, ramp(8)));
  ASSERT_TRUE(allFour) << allFour.status().message();
  EXPECT_EQ(allFour->config()["model_type"], "llama");
  EXPECT_EQ(allFour->config()["attention_bias"], true);
  auto factors = openModel(
      dir,
      tinyModel("llama").floats("rope_freqs.weight", {2}, {1, 8}).floats("output.weight", {8, 3}, ramp(24)));
  ASSERT_TRUE(factors) << factors.status().message();
  EXPECT_EQ(printJson(factors->config()["rope_parameters"]["gguf_freq_factors"]), "[1.0,8.0]");
  EXPECT_EQ(factors->config()["tie_word_embeddings"], false);
  EXPECT_TRUE(factors->find("lm_head.weight"));
  EXPECT_FALSE(factors->find("rope_freqs.weight"));
  auto scaled = openModel(
      dir,
      tinyModel("qwen3").string("qwen3.rope.scaling.type", "linear").f32("qwen3.rope.scaling.factor", 4));
  ASSERT_TRUE(scaled) << scaled.status().message();
  EXPECT_EQ(printJson(scaled->config()["rope_parameters"]),
            R"({"factor":4.0,"rope_theta":1000000.0,"rope_type":"linear"})");
}

TEST(Checkpoint, GgufErrorsAreNamed) {
  TemporaryDirectory dir;
  expectError(openModel(dir, tinyModel("mamba")),
              "general.architecture 'mamba' is not supported; supported are llama");
  expectError(openModel(dir, GgufBuilder()), "key 'general.architecture' is missing");
  expectError(openModel(dir, GgufBuilder().string("general.architecture", "llama")), "is missing");
  expectError(openModel(dir, tinyModel("llama").floats("blk.0.ffn_gate_exps.weight", {1}, {1})),
              "tensor 'blk.0.ffn_gate_exps.weight' is unknown to architecture 'llama'");
  expectError(openModel(dir, tinyModel("llama").u32("split.count", 3)), "one of 3 parts; join them first");
  expectError(openModel(dir, tinyModel("llama").u32("llama.rope.dimension_count", 2)),
              "expected the head size 4");
  expectError(openModel(dir, tinyModel("llama").u32("llama.attention.key_length", 3)),
              "expected rows in heads of 3, got 8 rows");
  expectError(openModel(dir, tinyModel("llama").string("llama.rope.scaling.type", "odd")),
              "expected none, linear or yarn, got 'odd'");
  expectError(openModel(dir, tinyModel("llama").floats("rope_freqs.weight", {3}, {1, 1, 1})),
              "expected 2 x f32, got 3 x f32");
}
