//===- MemoryTable.cpp - what fills the memory ----------------------------===//

#include "peft/Report/MemoryTable.h"

#include "dialects/NN/NN.h"
#include "peft/Analysis/Lifetimes.h"

#include "llvm/Support/Format.h"

using namespace mlir;
using namespace peft;

static uint64_t layoutField(ModuleOp module, StringRef key) {
  auto layout = module->getAttrOfType<DictionaryAttr>("exec.layout");
  auto field = layout ? layout.getAs<IntegerAttr>(key) : IntegerAttr();
  return field ? uint64_t(field.getInt()) : 0;
}

static std::string human(uint64_t bytes) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.2f MiB", double(bytes) / (1 << 20));
  return text;
}

MemoryTable::MemoryTable(ModuleOp module) {
  arena = layoutField(module, "arena");
  host = layoutField(module, "host_bytes");
  uint64_t trainable = layoutField(module, "trainable_bytes"), slots = layoutField(module, "optimizer_slots");
  uint64_t transient = layoutField(module, "transient");
  uint64_t quantized = 0, trained = 0, count = 0;
  for (auto parameter : module.getOps<nn::ParameterOp>()) {
    RankedTensorType type = parameter.getTensorType();
    bool placed = parameter->hasAttr("exec.offset");
    if (parameter.isTrainable()) {
      trained += type.getNumElements();
      ++count;
    } else if (!placed) {
      mapped += uint64_t(type.getNumElements()) * type.getElementTypeBitWidth() / 8;
    } else if (type.getEncoding()) {
      auto next = parameter->getAttrOfType<IntegerAttr>("exec.bytes");
      quantized += next ? alignUp(next.getInt()) : 0;
    }
  }
  uint64_t weights = transient - layoutField(module, "weights");
  auto target = module->getAttrOfType<StringAttr>("exec.target");
  onGpu = target && target.getValue() == "cuda";
  if (onGpu)
    rows.push_back({"frozen weights", weights - quantized, "copied or converted at load"});
  else
    rows.push_back({"converted weights", weights - quantized, "frozen, made from the file's type at load"});
  if (quantized)
    rows.push_back({"quantized weights", quantized, "frozen, codes and constants"});
  rows.push_back({"trainable parameters", trainable,
                  std::to_string(trained) + " in " + std::to_string(count) + " tensors"});
  rows.push_back({"gradients", trainable, ""});
  rows.push_back({"optimizer state", slots * trainable, std::to_string(slots) + " slots"});

  // The largest entry function decides; what it holds at its fullest moment.
  uint64_t saved = 0, temporary = 0;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isPrivate())
      continue;
    Lifetimes lifetimes(function);
    std::vector<Interval> intervals;
    for (Lifetime &life : lifetimes.buffers)
      intervals.push_back(life.interval);
    int64_t when = 0;
    if (peakBytes(intervals, &when) <= saved + temporary)
      continue;
    saved = temporary = 0;
    for (Lifetime &life : lifetimes.buffers)
      if (life.interval.begin <= when && when <= life.interval.end)
        (life.saved ? saved : temporary) += alignUp(life.interval.bytes);
  }
  if (auto lines = module->getAttrOfType<ArrayAttr>("exec.choices"))
    for (Attribute line : lines)
      choices.push_back(cast<StringAttr>(line).str());
  rows.push_back({"saved activations", saved, "kept by the forward for the backward pass"});
  rows.push_back({"temporaries", temporary, "at the fullest moment of the step"});
  uint64_t workspace = layoutField(module, "workspace_bytes");
  rows.push_back(
      {"gaps", arena - transient - saved - temporary - workspace, "between buffers of unlike lifetimes"});
  uint64_t less = layoutField(module, "workspace_any_order");
  if (workspace)
    rows.push_back(
        {"workspace", workspace,
         "of cuBLASLt and cuDNN" + (less ? "; " + human(less) + " with --deterministic=off" : "")});
}

void MemoryTable::print(llvm::raw_ostream &os) const {
  auto line = [&](StringRef name, uint64_t bytes, StringRef note) {
    os << llvm::left_justify(name, 22) << llvm::right_justify(std::to_string(bytes), 15)
       << llvm::right_justify(human(bytes), 15) << (note.empty() ? "" : "   ") << note << '\n';
  };
  os << llvm::left_justify("memory", 22) << llvm::right_justify("bytes", 15) << llvm::right_justify("", 15)
     << '\n';
  for (const MemoryRow &row : rows)
    line(row.category, row.bytes, row.note);
  line("arena", arena, onGpu ? "of the GPU's memory, allocated once" : "allocated once");
  if (host)
    line("host memory", host,
         onGpu ? "pinned, where offloaded activations wait" : "where offloaded activations wait");
  if (!onGpu)
    line("mapped weights", mapped, "read where the file is mapped, not allocated");
  for (const std::string &choice : choices)
    os << choice << '\n';
}
