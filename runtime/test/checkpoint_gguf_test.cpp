//===- checkpoint_gguf_test.cpp - GGUF files in Hugging Face's terms ------===//

#include "peft/runtime/checkpoint.h"
#include "peft/runtime/json.h"
#include "reader_test_util.h"

using namespace peft;
using namespace peft::test;

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

TEST(CheckpointGguf, GgufSpeaksHf) {
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

TEST(CheckpointGguf, GgufRowsOfLlamaAreReordered) {
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

TEST(CheckpointGguf, GgufVariants) {
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

TEST(CheckpointGguf, GgufErrorsAreNamed) {
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
