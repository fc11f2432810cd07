//===- Weights.cpp - nn.parameter for each tensor in use ------------------===//
#include "Weights.h"

#include "dialects/Peft/Peft.h"
#include "peft/runtime/gguf.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace peft;

static std::string shapeText(ArrayRef<int64_t> shape) {
  return "[" +
         llvm::join(llvm::map_range(shape, [](int64_t extent) { return std::to_string(extent); }), ", ") +
         "]";
}

const CheckpointTensor *Weights::find(StringRef key, ArrayRef<int64_t> shape) {
  const CheckpointTensor *tensor = checkpoint.find(std::string_view(key.data(), key.size()));
  if (!tensor) {
    std::string inFile =
        checkpoint.isGguf() ? ggufNameOf(std::string_view(key.data(), key.size())) : std::string();
    std::string message = "'" + checkpoint.path() + "': tensor '" + key.str() + "'" +
                          (inFile.empty() ? "" : " ('" + inFile + "')") +
                          " is missing, expected one of shape " + shapeText(shape);
    std::vector<std::string> near = checkpoint.nearNames(std::string_view(key.data(), key.size()));
    if (!near.empty())
      message += "; near names: " + llvm::join(near, ", ");
    problems.push_back(message);
    return nullptr;
  }
  used.insert(tensor);
  if (Status status = checkpoint.checkReadable(*tensor); !status) {
    problems.push_back(status.message());
    return nullptr;
  }
  if (ArrayRef<int64_t>(tensor->shape) != shape)
    problems.push_back("'" + checkpoint.path() + "': tensor '" + tensor->name + "': expected shape " +
                       shapeText(shape) + " by the configuration, got " + shapeText(tensor->shape));
  return tensor;
}

/// Whether a tensor of the program's own type lies as the program reads it: aligned, its rows in order.
/// One of another type is converted anyway.
bool Weights::isReadInPlace(const CheckpointTensor &tensor) const {
  if (tensor.type != (element.isBF16() ? "bf16" : "f32"))
    return true;
  return checkpoint.mapped(tensor.name, element.isBF16() ? PEFT_BF16 : PEFT_F32);
}

nn::ParameterOp Weights::declare(StringRef key, ArrayRef<int64_t> shape, bool quantizable) {
  std::string stored = config.storedType;
  int64_t block = 0, nested = 0;
  if (checkpoint.hasWeights()) {
    if (const CheckpointTensor *tensor = find(key, shape)) {
      stored = isReadInPlace(*tensor) ? tensor->type : std::string();
      block = tensor->block;
      nested = tensor->nested;
      if (block && !quantizable)
        problems.push_back("'" + checkpoint.path() + "': tensor '" + tensor->name + "' is stored as " +
                           stored + "; supported: " + stored + " matrices of linear layers");
    }
  } else if (quantizable && config.nf4 && config.nf4->holds(key.drop_back(StringRef(".weight").size()))) {
    stored = "nf4";
    block = config.nf4->block;
    nested = config.nf4->nested;
  }

  Attribute encoding;
  if (block)
    encoding = adapter::NF4Attr::get(declarations.getContext(), block, nested);
  return declarations.create<nn::ParameterOp>(
      nameLoc(declarations, key), nn::ParameterState::frozen, key,
      RankedTensorType::get(shape, element, encoding), nn::Init::checkpoint, /*init_value=*/FloatAttr(),
      /*source=*/StringAttr(), /*rows=*/DenseI32ArrayAttr(),
      stored.empty() ? StringAttr() : declarations.getStringAttr(stored));
}

Value Weights::read(OpBuilder &builder, StringRef key, ArrayRef<int64_t> shape, bool quantizable) {
  nn::ParameterOp &parameter = declared[key];
  if (!parameter)
    parameter = declare(key, shape, quantizable);
  Location loc = nameLoc(builder, key);
  RankedTensorType type = parameter.getTensorType();
  Value value = builder.create<nn::GetOp>(loc, type, key);
  if (type.getEncoding())
    value = builder.create<adapter::DequantizeOp>(loc, value);
  return value;
}

Status Weights::check() const {
  if (problems.empty())
    return Status::ok();
  std::string others =
      problems.size() == 1 ? "" : " (and " + std::to_string(problems.size() - 1) + " more like it)";
  return Status::error(problems.front() + others);
}

std::vector<std::string> Weights::unused(const CheckpointTensor *known) const {
  std::vector<std::string> names;
  for (const CheckpointTensor &tensor : checkpoint.tensors())
    if (&tensor != known && !used.contains(&tensor))
      names.push_back(tensor.name);
  return names;
}
