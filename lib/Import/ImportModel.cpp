//===- ImportModel.cpp - a checkpoint as nn IR ----------------------------===//
#include "peft/Import/Import.h"

#include "DecoderBlock.h"
#include "TiedHead.h"
#include "dialects/Peft/Peft.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "peft/runtime/gguf.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace peft;

void peft::registerImportDialects(DialectRegistry &registry) {
  registry.insert<arith::ArithDialect, func::FuncDialect, nn::NNDialect, adapter::PeftDialect>();
}

/// The name of a folder, or of a file without its extension.
static std::string modelName(StringRef path, bool isFile) {
  SmallString<256> full(path);
  if (llvm::sys::fs::real_path(path, full))
    full = path; // it was opened, but need not be there under this name
  return (isFile ? llvm::sys::path::stem(full) : llvm::sys::path::filename(full)).str();
}

static OwningOpRef<ModuleOp> createModule(MLIRContext &context, const ModelConfig &config, StringRef name,
                                          StringRef path) {
  Builder b(&context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(nameLoc(b, name));
  auto set = [&](StringRef key, Attribute value) { (*module)->setAttr(key, value); };
  set("nn.name", b.getStringAttr(name));
  set("nn.path", b.getStringAttr(path));
  set("nn.model_type", b.getStringAttr(config.family->modelType));
  set("nn.vocab_size", b.getI64IntegerAttr(config.vocabSize));
  set("nn.hidden_size", b.getI64IntegerAttr(config.hiddenSize));
  set("nn.layers", b.getI64IntegerAttr(config.layers));
  set("nn.heads", b.getI64IntegerAttr(config.heads));
  set("nn.kv_heads", b.getI64IntegerAttr(config.kvHeads));
  return module;
}

/// func.func @loss(%input_ids, %labels, %positions, %segments : [batch, seq], %seed).
static func::FuncOp createFunction(OpBuilder &b, const ImportOptions &options) {
  Type tokens = RankedTensorType::get({options.batch, options.seqLen}, b.getI32Type());
  Type loss = RankedTensorType::get({}, b.getF32Type());
  auto type = b.getFunctionType({tokens, tokens, tokens, tokens, b.getI64Type()}, {loss});
  auto function = b.create<func::FuncOp>(nameLoc(b, "loss"), "loss", type);
  Block *body = b.createBlock(&function.getBody());
  for (auto [name, argument] : llvm::zip_equal(
           ArrayRef<StringRef>{"input_ids", "labels", "positions", "segments", "seed"}, type.getInputs()))
    body->addArgument(argument, nameLoc(b, name));
  return function;
}

static void buildLoss(func::FuncOp function, const ModelConfig &config, Weights &weights, bool tiedHead) {
  OpBuilder b = OpBuilder::atBlockEnd(&function.getBody().front());
  Value ids = function.getArgument(0), labels = function.getArgument(1);
  Value positions = function.getArgument(2), segments = function.getArgument(3);

  Decoder decoder(b, config, weights, positions, segments);
  Value x = decoder.embedding(ids, "model.embed_tokens");
  for (int64_t layer = 0; layer < config.layers; ++layer)
    x = decoder.block(x, layer);
  x = decoder.norm(x, "model.norm", config.hiddenSize);
  Value logits = tiedHead ? decoder.tiedLinear(x, "lm_head", "model.embed_tokens.weight", config.vocabSize)
                          : decoder.linear(x, "lm_head", config.vocabSize, /*bias=*/false);

  Location loc = nameLoc(b, "loss");
  Value targets = b.create<nn::ShiftLabelsOp>(loc, labels, segments);
  auto loss = b.create<nn::CrossEntropyOp>(loc, logits, targets);
  b.create<func::ReturnOp>(loc, loss.getLoss());
}

/// llama.cpp applies every bias that a GGUF has: to leave one out would change the model in silence. (Of a
/// folder transformers reads only what the family has, and so does this.)
static Status checkUnusedBiases(const Checkpoint &checkpoint, const ModelConfig &config,
                                ArrayRef<std::string> unused) {
  const auto *bias = llvm::find_if(unused, [](StringRef name) { return name.ends_with(".bias"); });
  if (!checkpoint.isGguf() || bias == unused.end())
    return Status::ok();
  return Status::error("'" + checkpoint.path() + "': '" + ggufNameOf(*bias) +
                       "' has no place in a model of type " + config.family->modelType.str() +
                       "; supported: biases of attn_q, attn_k and attn_v, or of these and attn_output, and "
                       "without a window those of the feed-forward too");
}

/// What a person should know of tensors that the model doesn't have.
static void warnOfUnused(Location loc, const Checkpoint &checkpoint, std::vector<std::string> names) {
  constexpr size_t shown = 5;
  if (names.empty())
    return;
  std::string others = names.size() > shown ? " and " + std::to_string(names.size() - shown) + " more" : "";
  names.resize(std::min(names.size(), shown));
  emitWarning(loc) << "'" << checkpoint.path() << "': the model has no use for " << llvm::join(names, ", ")
                   << others;
}

static std::string configPath(const Checkpoint &checkpoint) {
  return "'" + checkpoint.path() + (checkpoint.isGguf() ? "'" : "/config.json'");
}

Status peft::checkWeights(const Checkpoint &checkpoint) {
  Result<std::string> type = getStringOr(checkpoint.config(), "model_type", configPath(checkpoint), "");
  if (!checkpoint.hasWeights() || !type || !findFamily(*type))
    return Status::ok();
  ImportOptions options;
  Result<ModelConfig> config = readConfig(checkpoint.config(), options.seqLen, configPath(checkpoint));
  if (!config)
    return config.status();
  Result<TiedHead> tied = findTiedHead(checkpoint, *config);
  if (!tied)
    return tied.status();
  // What the model would read is known only by building it.
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<arith::ArithDialect, func::FuncDialect, nn::NNDialect, adapter::PeftDialect>();
  OpBuilder b(&context);
  OwningOpRef<ModuleOp> module = createModule(context, *config, "", "");
  b.setInsertionPointToEnd(module->getBody());
  Weights weights(b, checkpoint, *config, b.getF32Type());
  buildLoss(createFunction(b, options), *config, weights, tied->tied);
  PEFT_TRY(weights.check());
  return checkUnusedBiases(checkpoint, *config, weights.unused(tied->duplicate));
}

OwningOpRef<ModuleOp> peft::importModel(MLIRContext &context, const Checkpoint &checkpoint, StringRef path,
                                        const ImportOptions &options) {
  context.loadDialect<arith::ArithDialect, func::FuncDialect, nn::NNDialect, adapter::PeftDialect>();
  OpBuilder b(&context);
  Location unknown = b.getUnknownLoc();
  auto fail = [&](const std::string &message) -> OwningOpRef<ModuleOp> {
    emitError(unknown) << message;
    return nullptr;
  };
  if (options.dtype != "f32" && options.dtype != "bf16")
    return fail("unknown dtype '" + options.dtype + "'; supported: f32, bf16");
  for (auto [name, value] : {std::pair("batch", options.batch), std::pair("sequence length", options.seqLen)})
    if (value < 1 || value > (1 << 24))
      return fail(std::string("expected a ") + name + " from 1 to 16777216, got " + std::to_string(value));
  FloatType element = options.dtype == "bf16" ? FloatType(b.getBF16Type()) : FloatType(b.getF32Type());

  Result<ModelConfig> config = readConfig(checkpoint.config(), options.seqLen, configPath(checkpoint));
  if (!config)
    return fail(config.status().message());
  for (const std::string &warning : config->warnings)
    emitWarning(unknown) << warning;
  Result<TiedHead> tied = findTiedHead(checkpoint, *config);
  if (!tied)
    return fail(tied.status().message());
  if (!tied->warning.empty())
    emitWarning(unknown) << tied->warning;

  OwningOpRef<ModuleOp> module = createModule(context, *config, modelName(path, checkpoint.isGguf()), path);
  b.setInsertionPointToEnd(module->getBody());
  func::FuncOp function;
  {
    OpBuilder::InsertionGuard guard(b);
    function = createFunction(b, options);
  }
  b.setInsertionPoint(function);
  Weights weights(b, checkpoint, *config, element);
  buildLoss(function, *config, weights, tied->tied);
  if (Status status = weights.check(); !status)
    return fail(status.message());
  if (checkpoint.hasWeights()) {
    std::vector<std::string> unused = weights.unused(tied->duplicate);
    if (Status status = checkUnusedBiases(checkpoint, *config, unused); !status)
      return fail(status.message());
    warnOfUnused(unknown, checkpoint, unused);
  }
  if (failed(verify(*module)))
    return nullptr;
  return module;
}
