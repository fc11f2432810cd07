//===- checkpoint_bnb_test.cpp - folders of bitsandbytes' NF4 -------------===//

#include "peft/runtime/checkpoint.h"
#include "peft/runtime/quantize.h"
#include "peft/runtime/safetensors.h"
#include "reader_test_util.h"

using namespace peft;
using namespace peft::test;

using Outputs = std::vector<SafetensorsOutput>;

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

TEST(CheckpointBnb, BitsandbytesFolders) {
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

TEST(CheckpointBnb, BitsandbytesLiesAreNamed) {
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

TEST(CheckpointBnb, DenseTensorsAreQuantizedAtLoad) {
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
