//===- Merge.cpp - base and adapter become one model ----------------------===//

#include "Commands.h"
#include "ModelConfig.h"
#include "ModelWriter.h"
#include "Tokenizer.h"

#include "peft/Import/Import.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/WithColor.h"

using namespace llvm;
using namespace peft;

namespace {

/// What is to be written, all of it checked before the first byte.
struct Plan {
  std::vector<MergedTensor> tensors;
  SafetensorsType dtype; ///< of what was packed, or of everything
  bool dtypeChanges = false, untied = false;
  bool rowsInHead = false; ///< trained rows of the embedding are the tied head's too
};

bool isEmbedding(StringRef name) { return name.ends_with("embed_tokens.weight"); }
bool isHead(StringRef name) { return name == "lm_head.weight"; }

SafetensorsType storedType(const CheckpointTensor &tensor, SafetensorsType packed) {
  return tensor.type == "f32"    ? SafetensorsType::F32
         : tensor.type == "bf16" ? SafetensorsType::BF16
         : tensor.type == "f16"  ? SafetensorsType::F16
                                 : packed;
}

/// A LoRA on a tied table, or a copy of modules_to_save, changes one of its two uses: the head becomes a
/// tensor of its own. Trained token rows of the table change both, and whole trained tensors (without a
/// recipe) were trained tied: these stay so.
Status untieHead(const Checkpoint &base, const AdapterFile &adapter, Plan &plan) {
  bool one = false, rows = false, headRows = false;
  for (const Update &update : adapter.updates())
    if (adapter.recipe() && (isEmbedding(update.target) || isHead(update.target)))
      (update.kind != Update::Kind::tokens ? one : isHead(update.target) ? headRows : rows) = true;
  const nlohmann::json *tie = findField(base.config(), "tie_word_embeddings");
  const CheckpointTensor *head = base.find("lm_head.weight"), *table = base.find("model.embed_tokens.weight");
  const bool saysTied = tie && *tie == true;
  if ((!one && !rows && !headRows) || (head && !saysTied))
    return Status::ok();
  if (rows && !headRows) { // a head with rows of its own does not follow the table's
    plan.rowsInHead = true;
    if (head && table) { // a head that differs from the table is not tied, whatever the config says
      Result<bool> same = base.sameValues(*head, *table);
      if (!same)
        return same.status();
      plan.rowsInHead = *same;
    }
    if (plan.rowsInHead && !one)
      return Status::ok();
  }
  plan.untied = true;
  if (head)
    return Status::ok();
  auto embedding = find_if(plan.tensors, [](const MergedTensor &tensor) { return isEmbedding(tensor.name); });
  if (embedding == plan.tensors.end())
    return Status::error(base.path() +
                         ": the adapter changes a tied table, but there is no embed_tokens.weight to untie");
  plan.tensors.push_back({"lm_head.weight", embedding->source, embedding->type, {}});
  return Status::ok();
}

/// Whether the adapter's copy of the base's values is another one than the base's.
Result<bool> changesBase(const Checkpoint &base, const AdapterFile &adapter, const Update &update,
                         const CheckpointTensor &tensor) {
  Result<std::vector<float>> values = adapter.tensors().floats(update.tensors[0]->name);
  if (!values)
    return values.status();
  Result<bool> same = base.holdsValues(tensor, *values);
  if (!same)
    return same.status();
  if (!*same)
    WithColor::warning(errs(), "peft-adapter")
        << update.tensors[0]->name << " differs from the base's: taken, as PEFT does\n";
  return !*same;
}

Status addUpdates(const Checkpoint &base, const AdapterFile &adapter, Plan &plan) {
  for (const Update &update : adapter.updates()) {
    if (update.kind == Update::Kind::unmergeable)
      return Status::error(
          adapter.tensors().path() + ": " +
          (adapter.recipe()->prompt
               ? "a soft prompt is a part of the input, not of the weights: it can't be merged"
               : "a bottleneck adapter is not linear: it can't be merged"));
    // The model's own name for it: some checkpoints leave the prefix `model.` out.
    const CheckpointTensor *known = base.find(update.target);
    auto find = [&](StringRef name) {
      return find_if(plan.tensors, [&](const MergedTensor &entry) { return entry.name == name; });
    };
    auto tensor = find(known ? known->name : update.target);
    if (tensor == plan.tensors.end()) {
      if (update.kind == Update::Kind::loraBias)
        return Status::error(update.tensors[0]->name + ": the base has no " + update.target +
                             " to merge lora_bias into");
      return base.get(update.target).status();
    }
    PEFT_TRY(checkUpdate(update, *tensor->source));
    if (update.kind == Update::Kind::base) {
      Result<bool> needed = changesBase(base, adapter, update, *tensor->source);
      if (!needed)
        return needed.status();
      if (!*needed)
        continue;
    }
    tensor->updates.push_back(&update);
    if (update.kind == Update::Kind::tokens && plan.rowsInHead && isEmbedding(update.target))
      if (auto head = find("lm_head.weight"); head != plan.tensors.end())
        head->updates.push_back(&update);
  }
  return Status::ok();
}

Result<Plan> makePlan(const Checkpoint &base, const AdapterFile *adapter, StringRef dtype) {
  Plan plan;
  const bool keep = dtype == "keep";
  const SafetensorsType configured = configuredType(base.config());
  plan.dtype = keep             ? configured
               : dtype == "f32" ? SafetensorsType::F32
               : dtype == "f16" ? SafetensorsType::F16
                                : SafetensorsType::BF16;
  plan.dtypeChanges = plan.dtype != configured;
  for (const CheckpointTensor &tensor : base.tensors())
    if (tensor.name != "rope_freqs.weight") // config.json tells it
      plan.tensors.push_back({tensor.name, &tensor, keep ? storedType(tensor, plan.dtype) : plan.dtype, {}});
  if (adapter) {
    PEFT_TRY(untieHead(base, *adapter, plan));
    PEFT_TRY(addUpdates(base, *adapter, plan));
  }
  return plan;
}

Status writeFolder(const std::string &folder, const MergeOptions &options, const Checkpoint &base,
                   const AdapterFile *adapter, const Plan &plan, std::string &note) {
  Result<nlohmann::json> config = mergedConfig(base, plan.dtype, plan.dtypeChanges, plan.untied);
  if (!config)
    return config.status();
  PEFT_TRY(makeDirectories(folder));
  PEFT_TRY(writeFileAtomically(joinPath(folder, "config.json"), printJson(*config, 2) + "\n"));
  if (nlohmann::json generation = generationConfig(base); !generation.empty())
    PEFT_TRY(
        writeFileAtomically(joinPath(folder, "generation_config.json"), printJson(generation, 2) + "\n"));
  PEFT_TRY(writeTokenizer(folder, base, adapter ? adapter->folder() : "", options.program, note));
  TensorMerger merger(base, adapter ? &adapter->tensors() : nullptr);
  return writeModel(folder, plan.tensors, options.shardBytes, merger);
}

} // namespace

Status peft::mergeAdapter(const MergeOptions &options) {
  std::string output = StringRef(options.output).rtrim('/').str();
  if (isFile(output))
    return Status::error(output + ": expected a new folder, got a file");
  if (isDirectory(output)) {
    Result<std::vector<std::string>> names = listDirectory(output);
    if (!names)
      return names.status();
    if (!names->empty())
      return Status::error(output + ": expected a new or empty folder, but it holds " + names->front());
  }
  Result<Checkpoint> base = Checkpoint::open(options.base);
  if (!base)
    return base.status();
  if (!base->hasWeights())
    return Status::error(options.base + ": holds no weights to merge into");
  PEFT_TRY(checkWeights(*base));
  std::optional<AdapterFile> adapter;
  if (!options.adapter.empty()) {
    Result<AdapterFile> opened = AdapterFile::open(options.adapter);
    if (!opened)
      return opened.status();
    adapter.emplace(std::move(*opened));
    PEFT_TRY(adapter->describe());
    if (adapter->recipe())
      for (const std::string &warning : adapter->recipe()->warnings)
        WithColor::warning(errs(), "peft-adapter") << warning << '\n';
  }
  const AdapterFile *given = adapter ? &*adapter : nullptr;
  Result<Plan> plan = makePlan(*base, given, options.dtype);
  if (!plan)
    return plan.status();

  const std::string temporary = output + ".tmp" + std::to_string(sys::Process::getProcessId());
  std::string note;
  Status status = writeFolder(temporary, options, *base, given, *plan, note);
  if (status)
    status = renamePath(temporary, output);
  if (!status)
    (void)bool(removePath(temporary)); // the first error is the one to tell
  else if (!note.empty())
    WithColor::note(errs(), "peft-adapter") << "no tokenizer was written: " << note << '\n';
  return status;
}
